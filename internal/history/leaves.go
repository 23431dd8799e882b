package history

import (
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// How the fields stand in the columns. A condition is never evaluated anew here: it is
// asked, by [query.Filter.MatchSummary], of each distinct value once.
type leafKind uint8

const (
	addressLeaf leafKind = iota
	portLeaf
	tcpLeaf  // a number of the TCP header
	wideLeaf // a number that every row has
	ipLeaf   // ip or ipv6 is there
	protocolLeaf
	directionLeaf
)

type fieldColumns struct {
	kind    leafKind
	version uint8 // of addresses
	proto   uint8 // of ports and protocols
	cols    []index.Column
	inner   []index.Column // the same of the innermost IP header
}

var (
	srcs, dsts           = []index.Column{index.Src}, []index.Column{index.Dst}
	both                 = []index.Column{index.Src, index.Dst}
	innerSrcs, innerDsts = []index.Column{index.InnerSrc}, []index.Column{index.InnerDst}
	innerBoth            = []index.Column{index.InnerSrc, index.InnerDst}
	sports, dports       = []index.Column{index.SrcPort}, []index.Column{index.DstPort}
	ports                = []index.Column{index.SrcPort, index.DstPort}
	innerSports          = []index.Column{index.InnerSrcPort}
	innerDports          = []index.Column{index.InnerDstPort}
	innerPorts           = []index.Column{index.InnerSrcPort, index.InnerDstPort}
)

var fieldsInColumns = func() map[string]fieldColumns {
	m := map[string]fieldColumns{
		"frame.len":        {kind: wideLeaf, cols: []index.Column{index.WireLen}},
		"frame.cap_len":    {kind: wideLeaf, cols: []index.Column{index.CapLen}},
		"frame.number":     {kind: wideLeaf, cols: []index.Column{index.Number}},
		"frame.time":       {kind: wideLeaf, cols: []index.Column{index.Time}},
		"frame.time_epoch": {kind: wideLeaf, cols: []index.Column{index.Time}},
		"ip":               {kind: ipLeaf, version: 4}, "ipv6": {kind: ipLeaf, version: 6},
		"tcp":                   {kind: protocolLeaf, proto: packet.ProtoTCP},
		"udp":                   {kind: protocolLeaf, proto: packet.ProtoUDP},
		"direction":             {kind: directionLeaf},
		"tcp.seq_raw":           {kind: tcpLeaf, cols: []index.Column{index.TCPSeq}},
		"tcp.ack_raw":           {kind: tcpLeaf, cols: []index.Column{index.TCPAck}},
		"tcp.window_size_value": {kind: tcpLeaf, cols: []index.Column{index.TCPWindow}},
		"tcp.len":               {kind: tcpLeaf, cols: []index.Column{index.PayloadLen}},
	}
	for _, flag := range []string{"", ".fin", ".syn", ".reset", ".push", ".ack", ".urg", ".ece", ".cwr", ".ae"} {
		m["tcp.flags"+flag] = fieldColumns{kind: tcpLeaf, cols: []index.Column{index.TCPFlags}}
	}
	for name, version := range map[string]uint8{"ip": 4, "ipv6": 6} {
		m[name+".src"] = fieldColumns{addressLeaf, version, 0, srcs, innerSrcs}
		m[name+".dst"] = fieldColumns{addressLeaf, version, 0, dsts, innerDsts}
		m[name+".addr"] = fieldColumns{addressLeaf, version, 0, both, innerBoth}
	}
	for name, proto := range map[string]uint8{"tcp": packet.ProtoTCP, "udp": packet.ProtoUDP} {
		m[name+".srcport"] = fieldColumns{portLeaf, 0, proto, sports, innerSports}
		m[name+".dstport"] = fieldColumns{portLeaf, 0, proto, dports, innerDports}
		m[name+".port"] = fieldColumns{portLeaf, 0, proto, ports, innerPorts}
	}
	return m
}()

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

// table asks for each entry of a column's dictionary. only is the one answer when all
// entries have the same.
func (c *columns) table(ask asker, how *fieldColumns, col index.Column) (table []uint8, only bool, err error) {
	values, err := c.list(col)
	if err != nil {
		return nil, false, err
	}
	table = make([]uint8, max(len(values.Words), len(values.Numbers)))
	var s packet.Summary // asked in place: one for all
	for i, word := range values.Words {
		a, version := wordAddr(word)
		s = summaryOf(version, packet.ProtoTCP)
		s.Outer.Src, s.Outer.Dst = a, a
		s.Inner = s.Outer
		table[i] = answers[ask(&s)]
	}
	s = summaryOf(4, how.proto)
	for i, n := range values.Numbers {
		s.Outer.SrcPort, s.Outer.DstPort = uint16(n), uint16(n)
		s.Inner = s.Outer
		table[i] = answers[ask(&s)]
	}
	only = true
	for _, a := range table {
		only = only && a == no
	}
	return table, only, nil
}

// values evaluates a condition on addresses or ports, one or two in each IP header.
func (c *columns) values(ask asker, how *fieldColumns, all bool, v []uint8, unknown []bool) (flat bool, err error) {
	inner := c.has(how.inner[0])
	var tables [][]uint8
	nothing := true
	for _, col := range how.cols {
		t, none, err := c.table(ask, how, col)
		if err != nil {
			return false, err
		}
		tables, nothing = append(tables, t), nothing && none
	}
	for _, col := range how.inner {
		if !inner {
			break
		}
		t, none, err := c.table(ask, how, col)
		if err != nil {
			return false, err
		}
		tables, nothing = append(tables, t), nothing && none
	}
	if nothing {
		c.constant(v, no, unknown)
		return unknown == nil, nil
	}
	if err := c.level(how, how.cols, index.Proto, tables, all, v); err != nil {
		return false, err
	}
	if inner {
		o := c.vector()
		defer c.give()
		if err := c.level(how, how.inner, index.InnerProto, tables[len(how.cols):], all, o); err != nil {
			return false, err
		}
		there := c.w.values[how.inner[0]].There
		for i := range v {
			switch {
			case there != nil && there[i] == 0:
			case all:
				v[i] = open // all of both headers, whichever have the field
			default:
				v[i] = max(v[i], o[i])
			}
		}
	}
	veil(v, unknown)
	return false, nil
}

// level evaluates a condition for one IP header of each row.
func (c *columns) level(how *fieldColumns, cols []index.Column, proto index.Column, tables [][]uint8, all bool, v []uint8) error {
	a, err := c.get(cols[0])
	if err != nil {
		return err
	}
	if len(a.Words) == 0 && len(a.Numbers) == 0 {
		c.constant(v, no, nil)
		return nil
	}
	ta := tables[0]
	if len(cols) == 1 {
		for i, n := range a.Small[:len(v)] {
			v[i] = ta[n]
		}
	} else {
		b, err := c.get(cols[1])
		if err != nil {
			return err
		}
		tb := tables[1]
		bs := b.Small[:len(v)]
		if all {
			for i, n := range a.Small[:len(v)] {
				v[i] = min(ta[n], tb[bs[i]])
			}
		} else {
			for i, n := range a.Small[:len(v)] {
				v[i] = max(ta[n], tb[bs[i]])
			}
		}
	}
	absent(v, a.There)
	if how.kind != portLeaf {
		return nil
	}
	// The ports are those of another protocol where it is not the one asked for.
	p, err := c.list(proto)
	if err != nil {
		return err
	}
	ours := make([]bool, len(p.Numbers))
	every := true
	for i, n := range p.Numbers {
		ours[i] = uint8(n) == how.proto || how.proto == packet.ProtoUDP && n == protoUDPLite
		every = every && ours[i]
	}
	if every {
		return nil
	}
	if p, err = c.get(proto); err != nil {
		return err
	}
	for i, n := range p.Small[:len(v)] {
		if !ours[n] {
			v[i] = no
		}
	}
	return nil
}

const protoUDPLite = 136

func absent(v, there []uint8) {
	for i, t := range there {
		if t == 0 {
			v[i] = no
		}
	}
}

// tcp evaluates a condition on a number of the TCP header.
func (c *columns) tcp(ask asker, col index.Column, v []uint8) (flat bool, err error) {
	if !c.has(index.TCPFlags) {
		c.constant(v, no, c.fragments)
		return c.fragments == nil, nil
	}
	values, err := c.get(col)
	if err != nil {
		return false, err
	}
	s := summaryOf(4, packet.ProtoTCP)
	at := func(n int32) uint8 {
		s.TCPFlags, s.Window = uint16(n), uint16(n)
		s.Seq, s.Ack, s.PayloadLen = uint32(n), uint32(n), uint32(n)
		return answers[ask(&s)]
	}
	if len(values.Numbers) > 0 {
		table := make([]uint8, len(values.Numbers))
		for i, n := range values.Numbers {
			table[i] = at(n)
		}
		for i, n := range values.Small[:len(v)] {
			v[i] = table[n]
		}
	} else {
		for i, n := range values.Small[:len(v)] {
			v[i] = at(n)
		}
	}
	flags := values
	if col != index.TCPFlags {
		if flags, err = c.get(index.TCPFlags); err != nil {
			return false, err
		}
	}
	absent(v, flags.There)
	veil(v, c.fragments)
	return false, nil
}

// numbers evaluates a condition on a number of the IP header.
func (c *columns) numbers(ask asker, col, inner index.Column, v []uint8, set func(*packet.Summary, int32)) error {
	one := func(col index.Column, v []uint8) error {
		values, err := c.get(col)
		if err != nil {
			return err
		}
		if len(values.Numbers) == 0 {
			c.constant(v, no, nil)
			return nil
		}
		table := make([]uint8, len(values.Numbers))
		for i, n := range values.Numbers {
			s := summaryOf(0, packet.ProtoTCP)
			set(&s, n)
			s.Inner = s.Outer
			table[i] = answers[ask(&s)]
		}
		for i, n := range values.Small[:len(v)] {
			v[i] = table[n]
		}
		absent(v, values.There)
		return nil
	}
	if err := one(col, v); err != nil {
		return err
	}
	if c.has(inner) {
		o := c.vector()
		defer c.give()
		if err := one(inner, o); err != nil {
			return err
		}
		for i := range v {
			v[i] = max(v[i], o[i])
		}
	}
	veil(v, c.unsettled)
	return nil
}

// protocol tells where there is a header of TCP or UDP.
func (c *columns) protocol(proto uint8, v []uint8) error {
	one := func(port, col index.Column, v []uint8) error {
		if !c.has(port) {
			c.constant(v, no, nil)
			return nil
		}
		p, err := c.get(port)
		if err != nil {
			return err
		}
		values, err := c.get(col)
		if err != nil {
			return err
		}
		for i, n := range values.Small[:len(v)] {
			v[i] = no
			if uint8(values.Numbers[n]) == proto {
				v[i] = yes
			}
		}
		absent(v, p.There)
		return nil
	}
	if err := one(index.SrcPort, index.Proto, v); err != nil {
		return err
	}
	if c.has(index.InnerSrcPort) {
		o := c.vector()
		defer c.give()
		if err := one(index.InnerSrcPort, index.InnerProto, o); err != nil {
			return err
		}
		for i := range v {
			v[i] = max(v[i], o[i])
		}
	}
	veil(v, c.fragments)
	return nil
}

func (c *columns) direction(ask asker, v []uint8) error {
	values, err := c.get(index.Direction)
	if err != nil {
		return err
	}
	table := make([]uint8, len(values.Words))
	for i, word := range values.Words {
		s := summaryOf(4, packet.ProtoTCP)
		for d := packet.DirectionUnknown; d <= packet.DirectionSent; d++ {
			if d.String() == word {
				s.Direction = d
			}
		}
		table[i] = answers[ask(&s)]
	}
	for i, n := range values.Small[:len(v)] {
		v[i] = table[n]
	}
	return nil
}
