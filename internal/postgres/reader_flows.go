package postgres

import (
	"context"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	questions "github.com/tarrafa/tarrafa/internal/query"
)

var _ questions.FlowReader = (*Reader)(nil)

// Flows implements [questions.FlowReader].
func (r *Reader) Flows(ctx context.Context, s questions.Scope, from uint64, count int) (*questions.FlowPage, error) {
	if count < 0 || count > pageMost {
		return nil, fmt.Errorf("a page of %d flows: up to %d", count, pageMost)
	}
	page := &questions.FlowPage{From: from}
	err := r.question(ctx, func(ctx context.Context, snap *snapshot) error {
		if !snap.info.flows {
			return &questions.CannotAnswerError{What: "the flows of " + snap.info.ID, Why: "they are not in the database, or not all of them; ask the archive"}
		}
		sc, where, err := snap.flowsIn(ctx, &s)
		if err != nil {
			return err
		}
		rows, err := snap.run(ctx, sc, "SELECT count(*) FROM "+snap.r.rows.schema+flowTable+" AS f WHERE "+where)
		if err == nil {
			err = parseUints(rows[0], &page.Total)
		}
		if err != nil || from >= page.Total || count == 0 {
			return err
		}
		rows, err = snap.run(ctx, sc, "SELECT "+flowNames()+" FROM "+snap.r.rows.schema+flowTable+" AS f WHERE "+where+
			" ORDER BY flow, first_packet OFFSET "+strconv.FormatUint(from, 10)+" LIMIT "+strconv.Itoa(count))
		if err != nil {
			return err
		}
		page.Rows = make([]questions.Flow, len(rows))
		for i, row := range rows {
			if err := readFlow(&page.Rows[i], row); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	report(&s)
	return page, nil
}

// flowsIn returns the condition on the table flows that a scope makes.
func (s *snapshot) flowsIn(ctx context.Context, q *questions.Scope) (sc *scope, where string, err error) {
	sc, err = s.scopeOf(ctx, q)
	if err == nil {
		err = s.complete(sc, "the flows", s.info.Rejected > 0 && !q.All())
	}
	if err != nil {
		return nil, "", err
	}
	where = "f.capture = $1::integer" // scopeOf's first parameter
	if q.All() {
		return sc, where, nil
	}
	rows, err := s.run(ctx, sc, "SELECT count(*) FILTER (WHERE ok IS NULL), count(*) FILTER (WHERE ok AND flow IS NULL) FROM "+sc.from)
	if err != nil {
		return nil, "", err
	}
	var open, unknown uint64
	if err := parseUints(rows[0], &open, &unknown); err != nil {
		return nil, "", err
	}
	if err := sc.open(open); err != nil {
		return nil, "", err
	}
	if unknown > 0 {
		return nil, "", &questions.CannotAnswerError{What: "the flows of these packets", Why: fmt.Sprintf("%d rows do not say to which flow they belong; ask the archive", unknown)}
	}
	// An array is made once, whatever the planner thinks of the scope.
	return sc, where + " AND f.flow = ANY (ARRAY (SELECT DISTINCT flow FROM " + sc.from + "))", nil
}

// readFlow reads a row of flowNames.
func readFlow(f *questions.Flow, row [][]byte) error {
	for i := range flowColumns {
		if row[i] == nil {
			continue
		}
		if err := flowColumns[i].get(f, string(row[i])); err != nil {
			return fmt.Errorf("the column %s of %s holds %q", flowColumns[i].name, flowTable, line(string(row[i])))
		}
	}
	return nil
}

// Finding is something that looks wrong, as it is stored. What the words mean is in
// docs/flows.md.
type Finding struct {
	ID          uint64
	Kind        string
	Severity    string
	First, Last int64 // ns since 1970-01-01 UTC
	Count       uint64
	Flow        uint64 // 0: of no single flow
	Stream      *uint32
	Proto       *uint8
	Sentence    string // may hold foreign text, made printable
	Key         string
	Args        map[string]string
	Evidence    []uint64 // numbers of packets
}

// Findings returns the capture's findings, by their ID.
func (r *Reader) Findings(ctx context.Context) ([]Finding, error) {
	var list []Finding
	err := r.question(ctx, func(ctx context.Context, snap *snapshot) error {
		if !snap.info.flows {
			return &questions.CannotAnswerError{What: "the findings of " + snap.info.ID, Why: "they are not in the database, or not all of them; ask the archive"}
		}
		rows, err := query(ctx, snap.conn, "SELECT finding, kind, severity, first_ns, last_ns, count, COALESCE(flow, 0), stream, proto, sentence, key, args, array_to_string(evidence, ' ') FROM "+
			snap.r.rows.schema+findingTable+" WHERE capture = $1::integer ORDER BY finding", strconv.Itoa(int(snap.info.number)))
		if err != nil {
			return err
		}
		list = make([]Finding, len(rows))
		for i, row := range rows {
			if err := readFinding(&list[i], row); err != nil {
				return err
			}
		}
		return nil
	})
	return list, err
}

func readFinding(f *Finding, row [][]byte) error {
	var first, last uint64
	if err := parseUints([][]byte{row[0], row[3], row[4], row[5], row[6]}, &f.ID, &first, &last, &f.Count, &f.Flow); err != nil {
		return err
	}
	f.First, f.Last = int64(first), int64(last)
	f.Kind, f.Severity, f.Sentence, f.Key = string(row[1]), string(row[2]), string(row[9]), string(row[10])
	var stream, proto uint64
	if err := parseUints(row[7:9], &stream, &proto); err != nil {
		return err
	}
	if row[7] != nil {
		f.Stream = new(uint32(stream))
	}
	if row[8] != nil {
		f.Proto = new(uint8(proto))
	}
	if err := json.Unmarshal(row[11], &f.Args); err != nil {
		return fmt.Errorf("the column args of %s: %w", findingTable, err)
	}
	for word := range strings.FieldsSeq(string(row[12])) {
		n, err := strconv.ParseUint(word, 10, 64)
		if err != nil {
			return fmt.Errorf("the column evidence of %s holds %q", findingTable, line(word))
		}
		f.Evidence = append(f.Evidence, n)
	}
	return nil
}
