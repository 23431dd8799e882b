package postgres

import (
	"context"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
	questions "github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// Each hands the packets of a scope to f, by number, as they come from the server: nothing
// is held. What a Summary does not have is told at [Reader.Packets]. faces are the
// interfaces by their number. An error of f ends it.
func (r *Reader) Each(ctx context.Context, s questions.Scope, f func(p *packet.Summary, faces []segment.Interface) error) error {
	err := r.question(ctx, func(ctx context.Context, snap *snapshot) error {
		sc, err := snap.scopeOf(ctx, &s)
		if err == nil {
			err = snap.complete(sc, "the packets", true)
		}
		if err == nil {
			_, err = snap.count(ctx, &s, sc) // refuses what the columns do not tell
		}
		if err != nil {
			return err
		}
		faces, err := snap.interfaces(ctx)
		if err != nil {
			return err
		}
		// A long answer is no long question.
		if _, err := batch(ctx, snap.conn, "SET LOCAL statement_timeout = 0"); err != nil {
			return err
		}
		return snap.stream(ctx, sc, func(row [][]byte) error {
			p, err := summaryOf(row)
			if err == nil {
				err = f(&p, faces)
			}
			return err
		})
	})
	if err == nil {
		report(&s)
	}
	return err
}

// stream hands out the rows of a scope one by one. When it ends early the connection is
// given up: the server has not finished.
func (s *snapshot) stream(ctx context.Context, sc *scope, f func(row [][]byte) error) error {
	values := make([][]byte, len(sc.args))
	for i, a := range sc.args {
		values[i] = []byte(a)
	}
	result := s.conn.ExecParams(ctx, "SELECT "+strings.Join(rowNames, ", ")+" FROM "+sc.from+" ORDER BY n", values, sc.types, nil, nil)
	for result.NextRow() {
		if err := f(result.Values()); err != nil {
			closeNow(s.conn)
			return &stopped{err}
		}
	}
	_, err := result.Close()
	return err
}

// stopped is an error of who was asked to take rows: it is none of the database.
type stopped struct{ error }

// Unwrap returns the cause.
func (e *stopped) Unwrap() error { return e.error }

// interfaces returns the capture's interfaces by their number.
func (s *snapshot) interfaces(ctx context.Context) ([]segment.Interface, error) {
	rows, err := query(ctx, s.conn, "SELECT interface, name, link FROM "+s.r.rows.schema+interfaceTable+" WHERE capture = $1::integer ORDER BY interface",
		strconv.Itoa(int(s.info.number)))
	if err != nil {
		return nil, err
	}
	var faces []segment.Interface
	for _, row := range rows {
		var n, link uint64
		if err := parseUints([][]byte{row[0], row[2]}, &n, &link); err != nil {
			return nil, err
		}
		for uint64(len(faces)) <= min(n, 1<<16) {
			faces = append(faces, segment.Interface{Link: packet.LinkEthernet})
		}
		faces[min(n, 1<<16)] = segment.Interface{Name: string(row[1]), Link: packet.LinkType(link)}
	}
	return faces, nil
}
