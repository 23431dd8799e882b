package trust_test

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/trafficlog"
)

// beside returns a folder beside the repository, which is no part of it.
func beside(t *testing.T, name string) string {
	t.Helper()
	dir, err := filepath.Abs("../../../shared/" + name)
	must(t, err)
	if _, err := os.Stat(dir); err != nil {
		t.Skipf("no %s beside the repository: %v", name, err)
	}
	return dir
}

// seen is a packet as the reader delivered it.
type seen struct {
	start   int64 // in the uncompressed stream, bytes
	digest  uint64
	wireLen uint32
	time    int64
}

// result is what the pipeline made of some bytes.
type result struct {
	packets []seen
	err     error
}

// pipeline runs bytes through everything that the program does with a capture: reader,
// decoder, statistics, flows, names, record, fields.
type pipeline struct {
	fields  *query.Line
	out     []byte
	states  map[int]*app.FlowState
	records checker
}

func newPipeline() *pipeline {
	var all []*query.Field
	for _, name := range query.FieldNames() {
		all = append(all, query.LookupField(name))
	}
	return &pipeline{fields: query.NewLine(all)}
}

// digests compares packets within one run of the tests.
var digests = maphash.MakeSeed()

// checker takes the record and finds bytes that must never be in it.
type checker struct {
	lines, bad uint64
	first      string
}

func (c *checker) Write(p []byte) (int, error) {
	for _, line := range strings.SplitAfter(string(p), "\n") {
		body, ended := strings.CutSuffix(line, "\n")
		if ended {
			c.lines++
		}
		if what := unclean(body); what != "" && c.first == "" {
			c.bad++
			c.first = fmt.Sprintf("%s in %.200q", what, body)
		}
	}
	return len(p), nil
}

// unclean says what in a text could act on a terminal or break a line; empty: nothing.
func unclean(s string) string {
	if !utf8.ValidString(s) {
		return "invalid UTF-8"
	}
	for _, r := range s {
		switch {
		case r < ' ' && r != '\t', r == 0x7f, r >= 0x80 && r < 0xa0:
			return fmt.Sprintf("control character %U", r)
		case r >= 0x202a && r <= 0x202e, r >= 0x2066 && r <= 0x2069, r == 0x200e, r == 0x200f, r == 0x061c:
			return fmt.Sprintf("bidirectional control %U", r)
		case r == 0x2028, r == 0x2029:
			return fmt.Sprintf("line separator %U", r)
		}
	}
	return ""
}

// run puts a capture through. everything also prints fields and the record, which is most
// of the time. It returns an error for what no input may cause.
func (p *pipeline) run(r io.Reader, everything bool) (res result, fault error) {
	defer func() {
		if v := recover(); v != nil {
			fault = fmt.Errorf("panic: %v", v)
		}
	}()
	reader, err := segment.NewReader(r, segment.ReaderOptions{})
	if err != nil {
		return result{err: err}, checkError(err)
	}
	defer reader.Close()
	var (
		counters = stats.New()
		table    = flow.NewTable(flow.Options{Memory: 8 << 20})
		names    = app.NewRecognizer(app.Options{})
		tracker  = track.New()
		notes    []flow.Note
		decoder  = packet.NewDecoder()
		row      query.Row
		pkt      packet.Packet
		record   *trafficlog.Log
		applied  uint64
	)
	names.Passive = app.NewPassiveDNS(1024)
	p.states = map[int]*app.FlowState{}
	p.records = checker{}
	if everything {
		record = trafficlog.NewWriter(&p.records, trafficlog.Options{Extra: true, UDP: true, Workers: 1})
	}
	for {
		c, err := reader.Next()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				res.err = err
				fault = checkError(err)
			}
			break
		}
		tracker.Load(c)
		for b := tracker.Next(); b != nil; b = tracker.Next() {
			counters.Apply(b.Rows)
			if len(notes) < len(b.Rows) {
				notes = make([]flow.Note, len(b.Rows))
			}
			table.Apply(b.Rows, b.Chunk.Bytes, notes)
			for i := range b.Rows {
				s := &b.Rows[i]
				applied++
				data := b.Data(s)
				res.packets = append(res.packets, seen{s.Offset, maphash.Bytes(digests, data), s.WireLen, s.Time})
				p.names(names, s, &notes[i], data)
				if everything {
					link := packet.LinkEthernet
					if int(s.Interface) < len(b.Chunk.Interfaces) {
						link = b.Chunk.Interfaces[s.Interface].Link
						row.InterfaceName = b.Chunk.Interfaces[s.Interface].Name
					}
					pkt.Number, pkt.Time, pkt.WireLen, pkt.Link, pkt.Data = s.Number, s.Time, s.WireLen, link, data
					pkt.Interface, pkt.Direction = s.Interface, s.Direction
					decoder.Decode(&pkt)
					row.HasInterface = b.Chunk.Format.Kind == segment.Pcapng
					row.Next(&pkt)
					p.out = p.fields.Append(p.out[:0], &row)
					if what := unclean(strings.TrimSuffix(string(p.out), "\n")); what != "" {
						return res, fmt.Errorf("packet %d: fields hold a %s: %.300q", s.Number, what, p.out)
					}
				}
			}
			if record != nil {
				if err := record.Apply(context.Background(), b); err != nil {
					return res, fmt.Errorf("record: %w", err)
				}
			}
		}
		reader.Release(c)
	}
	if fault != nil {
		return res, fault
	}
	snap := counters.Snapshot(5)
	var outcomes uint64
	for _, n := range snap.Outcomes {
		outcomes += n
	}
	if snap.Packets != applied || outcomes != applied || snap.IPv4.Packets+snap.IPv6.Packets+snap.NonIP.Packets != applied {
		return res, fmt.Errorf("%d packets, but the statistics count %d, outcomes %d", applied, snap.Packets, outcomes)
	}
	if fc := table.Counters(); fc.Packets+fc.NoFlow != applied {
		return res, fmt.Errorf("%d packets, but the flow table counts %d and %d", applied, fc.Packets, fc.NoFlow)
	}
	if what := unclean(strings.ReplaceAll(snap.Text(&stats.English), "\n", "")); what != "" {
		return res, fmt.Errorf("the statistics hold a %s", what)
	}
	if p.records.first != "" {
		return res, fmt.Errorf("the record holds a %s", p.records.first)
	}
	if record != nil {
		if st := record.Status(); st.Lines+st.Skipped != applied || st.Lines != p.records.lines {
			return res, fmt.Errorf("%d packets, but %d lines and %d without", applied, st.Lines, st.Skipped)
		}
	}
	return res, nil
}

// checkError looks at an error's text, which is shown.
func checkError(err error) error {
	if what := unclean(err.Error()); what != "" {
		return fmt.Errorf("the message holds a %s: %q", what, err.Error())
	}
	return nil
}

// names hands the payload to the recogniser, as the tracker does.
func (p *pipeline) names(r *app.Recognizer, s *packet.Summary, n *flow.Note, data []byte) {
	place := n.Place()
	if place < 0 || s.Flags&packet.Reassembled != 0 || s.PayloadOff > uint32(len(data)) {
		return
	}
	st := p.states[place]
	if st == nil {
		st = new(app.FlowState)
		p.states[place] = st
	}
	payload := data[s.PayloadOff:]
	if uint32(len(payload)) > s.PayloadLen {
		payload = payload[:s.PayloadLen]
	}
	if len(payload) == 0 {
		return
	}
	r.Segment(st, &app.Segment{
		Payload: payload, Time: s.Time, Seq: s.Seq, SrcPort: s.Inner.SrcPort, DstPort: s.Inner.DstPort,
		Transport: s.Inner.Proto, FromClient: n.FromClient, Truncated: uint32(len(payload)) < s.PayloadLen,
	})
	for _, f := range r.Fields() {
		p.out = app.Printable(p.out[:0], f.Value)
		if what := unclean(string(p.out)); what != "" {
			panic(fmt.Sprintf("packet %d: a name holds a %s: %q", s.Number, what, p.out))
		}
	}
}
