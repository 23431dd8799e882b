package postgres

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
	questions "github.com/tarrafa/tarrafa/internal/query"
)

// pageMost bounds the rows of a page.
const pageMost = 100_000

// Packets implements [questions.Reader]. What the database does not hold of a packet is 0
// in its Summary: where it is in its segment, where its payload starts, and the EtherType
// of an IP packet.
func (r *Reader) Packets(ctx context.Context, s questions.Scope, from uint64, count int) (*questions.Page, error) {
	if count < 0 || count > pageMost {
		return nil, fmt.Errorf("a page of %d packets: up to %d", count, pageMost)
	}
	page := &questions.Page{From: from, Exact: true}
	err := r.question(ctx, func(ctx context.Context, snap *snapshot) error {
		sc, err := snap.scopeOf(ctx, &s)
		if err == nil {
			err = snap.complete(sc, "the packets", true)
		}
		if err != nil {
			return err
		}
		if page.Total, err = snap.count(ctx, &s, sc); err != nil || from >= page.Total || count == 0 {
			return err
		}
		page.Rows, err = snap.page(ctx, sc, from, min(uint64(count), page.Total-from), page.Total)
		return err
	})
	if err != nil {
		return nil, err
	}
	report(&s)
	return page, nil
}

// page reads the rows of a page.
func (s *snapshot) page(ctx context.Context, sc *scope, from, count, total uint64) ([]packet.Summary, error) {
	list := "SELECT " + strings.Join(rowNames, ", ") + " FROM "
	if sc.every && s.info.Missing() == 0 && total == s.info.Packets {
		// Every packet has its row: the position is the number, which has an index.
		near, err := s.runNumbers(ctx, from+1, from+count)
		if err != nil || uint64(len(near)) == count {
			return near, err
		}
	}
	if from > math.MaxInt64 {
		return nil, nil
	}
	if sc.every && s.info.seconds && total == s.info.Stored {
		return s.pageNear(ctx, from, count)
	}
	rows, err := s.run(ctx, sc, list+sc.from+" ORDER BY n OFFSET "+sc.number(int64(from))+" LIMIT "+sc.number(int64(count)))
	if err != nil {
		return nil, err
	}
	return summaries(rows)
}

// runNumbers reads the rows of packets by their number.
func (s *snapshot) runNumbers(ctx context.Context, first, last uint64) ([]packet.Summary, error) {
	var sc scope
	if last > math.MaxInt64 {
		return nil, nil
	}
	capture, low, high := sc.arg(strconv.Itoa(int(s.info.number)), "integer"), sc.number(int64(first)), sc.number(int64(last))
	rows, err := s.run(ctx, &sc, "SELECT "+strings.Join(rowNames, ", ")+" FROM (SELECT "+s.r.rows.columns+" FROM "+s.r.rows.table+
		" WHERE capture = "+capture+" AND number BETWEEN "+low+" AND "+high+" OFFSET 0) AS rows WHERE known ORDER BY n")
	if err != nil {
		return nil, err
	}
	return summaries(rows)
}

func summaries(rows [][][]byte) ([]packet.Summary, error) {
	list := make([]packet.Summary, len(rows))
	for i, row := range rows {
		var err error
		if list[i], err = summaryOf(row); err != nil {
			return nil, err
		}
	}
	return list, nil
}

// NoPacketError says that the capture has no packet of that number.
type NoPacketError struct{ Number, Last uint64 }

// Error implements error.
func (e *NoPacketError) Error() string {
	if e.Last == 0 {
		return fmt.Sprintf("no packet %d: the capture has none", e.Number)
	}
	return fmt.Sprintf("no packet %d: there are 1 to %d", e.Number, e.Last)
}

// Packet implements [questions.Reader]. It returns the packet's Summary, interface and link
// type together with a [*questions.CannotAnswerError]: the bytes are not in the database.
func (r *Reader) Packet(ctx context.Context, number uint64) (*questions.Detail, error) {
	var d *questions.Detail
	err := r.question(ctx, func(ctx context.Context, s *snapshot) error {
		if number == 0 || number > s.info.Packets {
			return &NoPacketError{number, s.info.Packets}
		}
		list, err := s.runNumbers(ctx, number, number)
		if err != nil {
			return err
		}
		if len(list) == 0 {
			return &questions.CannotAnswerError{
				What: fmt.Sprintf("packet %d", number), Why: "it has no row in the database: it has no IP header, or was refused; ask the archive",
			}
		}
		d = &questions.Detail{Summary: list[0]}
		rows, err := query(ctx, s.conn, "SELECT link, name FROM "+s.r.rows.schema+interfaceTable+" WHERE capture = $1::integer AND interface = $2::integer",
			strconv.Itoa(int(s.info.number)), strconv.Itoa(int(d.Summary.Interface)))
		if err != nil || len(rows) == 0 {
			return err
		}
		var link uint64
		if err := parseUints(rows[0], &link); err != nil {
			return err
		}
		d.Link, d.Interface = packet.LinkType(link), string(rows[0][1])
		return nil
	})
	if err != nil {
		return nil, err
	}
	return d, &questions.CannotAnswerError{
		What: fmt.Sprintf("the bytes of packet %d", number), Why: "the database holds no packet bytes; ask the archive",
	}
}
