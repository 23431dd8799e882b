package postgres

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/flow"
)

// The tables of what was found out about packets.
const (
	flowTable    = "flows"
	findingTable = "findings"
)

const findingTableSQL = `CREATE TABLE IF NOT EXISTS %[1]sfindings (
	capture integer NOT NULL,
	finding bigint NOT NULL,
	kind text NOT NULL,
	severity text NOT NULL,
	"first" timestamptz NOT NULL,
	"last" timestamptz NOT NULL,
	first_ns bigint NOT NULL,
	last_ns bigint NOT NULL,
	count bigint NOT NULL,
	flow bigint,
	stream bigint,
	proto smallint,
	sentence text NOT NULL,
	key text NOT NULL,
	args jsonb NOT NULL,
	evidence bigint[] NOT NULL,
	PRIMARY KEY (capture, finding))`

// prepareFlows makes the tables flows and findings. When they cannot be had, rows are
// stored all the same.
func (s *session) prepareFlows(ctx context.Context, opt *Options) error {
	s.flows = false
	if !opt.Flows || opt.Basic {
		return nil
	}
	for _, t := range []struct{ name, sql, columns string }{
		{flowTable, flowTableSQL(), "capture, " + flowNames()}, {findingTable, findingTableSQL, findingColumns},
	} {
		table := s.schema + t.name
		rows, err := query(ctx, s.conn, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", table)
		if err == nil && !isTrue(rows[0][0]) {
			err = s.ddl(ctx, fmt.Sprintf(t.sql, s.schema))
		}
		if err == nil {
			_, err = query(ctx, s.conn, "SELECT "+t.columns+" FROM "+table+" LIMIT 0")
		}
		if err == nil {
			continue
		}
		code := sqlState(err)
		if s.conn.IsClosed() || code != codePermission && !layoutChanged(code) && code != codeWrongKind {
			return s.fail("create the table "+t.name, err, "")
		}
		if !s.warned[t.name] {
			s.warned[t.name] = true
			s.log.Warn("flows and findings are not stored", "table", table, "why", s.cfg.failure("look at it", err).Why)
		}
		return nil
	}
	s.flows = true
	return nil
}

// flowNames is the list of the flows' columns without capture.
func flowNames() string {
	var names []string
	for _, c := range flowColumns {
		names = append(names, quoteIdent(c.name))
	}
	return strings.Join(names, ", ")
}

// errFlows says that flows or findings were refused, and that the flight may be stored
// differently now.
var errFlows = errors.New("the tables of flows and findings refuse a row")

// storeFlows stores a flight's flows and findings in its transaction, and returns how many
// flows. A refusal is no reason to keep the packets' rows waiting: the second one ends the
// storing of flows.
func (s *session) storeFlows(ctx context.Context, f *flight) (stored int, err error) {
	if !s.flows {
		return 0, nil
	}
	if stored, err = s.copyFlows(ctx, f); err == nil || !refusesRow(err) {
		return stored, err
	}
	if f.again {
		s.flows = false
		s.log.Warn("flows and findings are not stored any more", "why", s.cfg.failure("store flows", err).Why)
	}
	f.again = true
	return 0, errFlows
}

func (s *session) copyFlows(ctx context.Context, f *flight) (stored int, err error) {
	if err := s.storeFindings(ctx, f); err != nil {
		return 0, err
	}
	if len(f.flows.list) == 0 {
		return 0, nil
	}
	var known map[flowRow]bool
	if f.again {
		if known, err = s.knownFlows(ctx, f); err != nil {
			return 0, err
		}
	}
	var parts []io.Reader
	parts = append(parts, bytes.NewReader(copyHeader))
	for i, r := range f.flows.list {
		if !known[flowRow{first: r.first, flow: r.flow}] {
			parts = append(parts, bytes.NewReader(f.flows.row(i)))
			stored++
		}
	}
	if len(known) == 0 {
		parts = []io.Reader{bytes.NewReader(copyHeader), bytes.NewReader(f.flows.rows)}
	}
	if stored == 0 {
		return 0, nil
	}
	parts = append(parts, bytes.NewReader(copyTrailer))
	_, err = s.conn.CopyFrom(ctx, io.MultiReader(parts...), "COPY "+s.schema+flowTable+" (capture, "+flowNames()+") FROM STDIN (FORMAT binary)")
	if err != nil {
		return 0, s.fail("store flows", err, "GRANT SELECT, INSERT ON "+s.schema+flowTable+" TO "+quoteIdent(s.cfg.User()))
	}
	return stored, nil
}

// knownFlows returns which of a flight's flows are in the table. The cursor's row is
// locked: nobody else stores flows of this capture meanwhile.
func (s *session) knownFlows(ctx context.Context, f *flight) (map[flowRow]bool, error) {
	first := arrayHeader(pgInt8, len(f.flows.list))
	for _, r := range f.flows.list {
		first = appendInt8(first, int64(r.first))
	}
	r := s.conn.ExecParams(ctx, "SELECT first_packet, flow FROM "+s.schema+flowTable+" WHERE capture = $1 AND first_packet = ANY ($2)",
		[][]byte{[]byte(strconv.Itoa(int(s.capture))), first}, []uint32{pgInt4, pgInt8Array}, []int16{0, 1}, nil).Read()
	if r.Err != nil {
		return nil, s.fail("store flows", r.Err, "GRANT SELECT, INSERT ON "+s.schema+flowTable+" TO "+quoteIdent(s.cfg.User()))
	}
	known := map[flowRow]bool{}
	for _, row := range r.Rows {
		var k flowRow
		if err := parseUints(row, &k.first, &k.flow); err != nil {
			return nil, err
		}
		known[k] = true
	}
	return known, nil
}

const findingColumns = `finding, kind, severity, "first", "last", first_ns, last_ns, count, flow, stream, proto, sentence, key, args, evidence`

// storeFindings enters findings, or their newer state. A state that is older than the
// table's, which comes when a capture is followed again, changes nothing.
func (s *session) storeFindings(ctx context.Context, f *flight) error {
	for _, id := range slices.Sorted(maps.Keys(f.findings)) {
		d := f.findings[id]
		r := s.conn.ExecParams(ctx, "INSERT INTO "+s.schema+findingTable+" AS r (capture, "+findingColumns+") VALUES ($1, $2, $3, $4, "+
			"'1970-01-01 00:00:00+00'::timestamptz + $5::bigint / 1000 * '1 microsecond'::interval, '1970-01-01 00:00:00+00'::timestamptz + $6::bigint / 1000 * '1 microsecond'::interval, "+
			"$5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT (capture, finding) DO UPDATE SET severity = excluded.severity, "+
			`"last" = excluded."last", last_ns = excluded.last_ns, count = excluded.count, sentence = excluded.sentence, key = excluded.key, args = excluded.args, evidence = excluded.evidence `+
			"WHERE r.count <= excluded.count", d.values(s.capture), nil, nil, nil).Read()
		if r.Err != nil {
			return s.fail("store findings", r.Err, "GRANT SELECT, INSERT, UPDATE ON "+s.schema+findingTable+" TO "+quoteIdent(s.cfg.User()))
		}
	}
	return nil
}

// finding is a finding as it is stored.
type finding struct {
	id, count, flow     uint64
	stream              uint32
	proto               int // -1: none
	kind, severity, key string
	sentence, args      string
	first, last         int64
	evidence            []uint64
}

func findingOf(f *flow.Finding, unicode bool) finding {
	d := finding{
		id: f.ID, count: f.Count, flow: f.Flow, stream: f.Stream, proto: -1, kind: f.Kind.String(), severity: f.Severity.String(),
		key: f.Key(), sentence: printable([]byte(f.Sentence()), unicode), first: f.First, last: f.Last, evidence: f.Evidence(),
	}
	if f.Tuple.Version != 0 {
		d.proto = int(f.Tuple.Proto)
	}
	args := map[string]string{}
	for _, a := range f.Args() {
		args[a.Name] = printable([]byte(a.Value), unicode)
	}
	text, _ := json.Marshal(args) // a map of strings: it has a JSON form
	d.args = string(text)
	return d
}

// values are the parameters of storeFindings.
func (d *finding) values(capture int32) [][]byte {
	number := func(n int64) []byte { return strconv.AppendInt(nil, n, 10) }
	list := [][]byte{
		number(int64(capture)), number(int64(d.id)), []byte(d.kind), []byte(d.severity), number(d.first), number(d.last), number(int64(d.count)),
		nil, nil, nil, []byte(d.sentence), []byte(d.key), []byte(d.args), nil,
	}
	if d.flow != 0 {
		list[7] = number(int64(d.flow))
	}
	if d.stream != flow.NoStream {
		list[8] = number(int64(d.stream))
	}
	if d.proto >= 0 {
		list[9] = number(int64(d.proto))
	}
	evidence := []byte{'{'}
	for i, n := range d.evidence {
		if i > 0 {
			evidence = append(evidence, ',')
		}
		evidence = strconv.AppendUint(evidence, n, 10)
	}
	list[13] = append(evidence, '}')
	return list
}
