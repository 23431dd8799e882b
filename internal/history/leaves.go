package history

import (
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// leaf evaluates one condition.
func (c *columns) leaf(f *query.Filter, x query.Expr, v []uint8) (flat bool, err error) {
	if allNamed(f.Part(x).Fields()) {
		return c.namedLeaf(f, x, v)
	}
	field, all := fieldOf(x)
	if n, ok := notedInColumns[field]; ok {
		return c.notedLeaf(f, x, n, v)
	}
	var how fieldColumns
	known := false
	if field != nil {
		how, known = fieldsInColumns[field.Name]
	}
	if !known {
		c.constant(v, open, nil)
		return true, nil
	}
	ask := f.Part(x).MatchSummary
	if err := c.classify(); err != nil {
		return false, err
	}
	switch how.kind {
	case wideLeaf:
		return false, c.wide(ask, how.cols[0], v)
	case addressLeaf:
		return c.values(ask, &how, all, v, c.unsettled)
	case portLeaf:
		return c.values(ask, &how, all, v, c.fragments)
	case tcpLeaf:
		return c.tcp(ask, how.cols[0], v)
	case ipLeaf:
		return false, c.numbers(ask, index.IPVersion, index.InnerVersion, v, func(s *packet.Summary, n int32) {
			s.Outer.Version = uint8(n)
		})
	case protocolLeaf:
		return false, c.protocol(how.proto, v)
	default:
		return false, c.direction(ask, v)
	}
}

type asker func(*packet.Summary) query.Tri

// wide asks for each row: numbers that all rows have.
func (c *columns) wide(ask asker, col index.Column, v []uint8) error {
	values, err := c.get(col)
	if err != nil {
		return err
	}
	s := summaryOf(4, packet.ProtoTCP)
	if col == index.Number || col == index.Time {
		for i, n := range values.Large {
			s.Number, s.Time = uint64(n), n
			v[i] = answers[ask(&s)]
		}
		return nil
	}
	var memo [2048]uint8 // the answer + 1
	for i, n := range values.Small {
		if uint32(n) < uint32(len(memo)) && memo[n] != 0 {
			v[i] = memo[n] - 1
			continue
		}
		s.WireLen, s.CapLen = uint32(n), uint32(n)
		v[i] = answers[ask(&s)]
		if uint32(n) < uint32(len(memo)) {
			memo[n] = v[i] + 1
		}
	}
	return nil
}
