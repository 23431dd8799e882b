package history

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/query/readertest"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// analysed are filters and fields that the headers do not answer.
var analysed = []string{
	"tcp.analysis.retransmission", "tcp.stream == 0", "tcp.stream == 5", "udp.stream in {0..3}", "flow == 2", "tcp.analysis.flags",
	"tcp.analysis", "tcp.analysis.duplicate_ack && ip.ttl > 50", "tcp.analysis.ack_rtt > 0.01", "tcp.analysis.initial_rtt < 0.05 && tcp.len > 0",
	"dns.qry.name matches r\"\\.\"", "http.host", "ja4", "tls.handshake.extensions_server_name", "app == \"dns\" || tls", "http && !(ip.addr == 10.0.0.0/8)",
	"frame.time_delta > 0.1 && tcp.stream < 3", "tcp.seq == 1", "!(tcp.stream == 1) && payload", "tcp.analysis.lost_segment || udp.length > 300",
	"count(dns.a) > 1 || lower(http.host) contains \".com\" && tcp.stream != 3", "http.request.method == \"GET\" && ip.ttl > 10", "!app || app == \"http\"",
	"dns.a == 10.0.0.0/8 || all dns.qry.type in {1..12}", "len(http.user_agent) > 20 ^^ http.response.code >= 300",
	"flow == 1 xor tcp.flags.syn == 1", "tcp.stream >= 2 && frame.len > 100", "tcp.analysis.out_of_order or tcp.analysis.zero_window",
}

var analysedTops = []string{"http.host", "dns.a", "dns.qry.type", "tls.handshake.extensions_server_name", "dns.qry.name", "app", "tcp.stream", "flow", "tcp.analysis.retransmission", "ja4"}

// plainly answers by running the analysis over a file, a packet at a time.
type plainly struct {
	numbers map[string][]uint64 // by filter
	tops    map[string]map[string]query.Amount
}

func answerPlainly(t *testing.T, file string) *plainly {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	r, err := segment.NewReader(f, segment.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	tr := track.NewAnalysing(track.NewAnalysis(track.AnalysisOptions{Records: true}))
	p := &plainly{numbers: map[string][]uint64{}, tops: map[string]map[string]query.Amount{}}
	var filters []*query.Filter
	for _, text := range analysed {
		filters = append(filters, parsed(t, text).Filter)
	}
	d := packet.NewDecoder()
	var pk packet.Packet
	var row query.Row
	for {
		c, err := r.Next()
		var damage *segment.DamageError
		if errors.Is(err, io.EOF) || errors.As(err, &damage) {
			return p
		}
		if err != nil {
			t.Fatal(err)
		}
		tr.Load(c)
		for b := tr.Next(); b != nil; b = tr.Next() {
			for i := range b.Rows {
				s := &b.Rows[i]
				pk.Number, pk.Time, pk.WireLen, pk.Link = s.Number, s.Time, s.WireLen, c.Interfaces[s.Interface].Link
				pk.Direction, pk.Interface, pk.Data = s.Direction, s.Interface, b.Data(s)
				d.Decode(&pk)
				row.Next(&pk)
				row.Notes = b.AppendNotes(row.Notes, i)
				for k, f := range filters {
					if f.Match(&row) {
						p.numbers[analysed[k]] = append(p.numbers[analysed[k]], s.Number)
					}
				}
				for _, name := range analysedTops {
					p.count(name, &row, s)
				}
			}
		}
		r.Release(c)
	}
}

func (p *plainly) count(name string, row *query.Row, s *packet.Summary) {
	f := query.LookupField(name)
	var seen []string
	for _, v := range f.Append(row, nil) {
		text := string(f.AppendText(nil, v))
		if slices.Contains(seen, text) {
			continue
		}
		seen = append(seen, text)
		if p.tops[name] == nil {
			p.tops[name] = map[string]query.Amount{}
		}
		a := p.tops[name][text]
		p.tops[name][text] = query.Amount{Packets: a.Packets + 1, Bytes: a.Bytes + uint64(s.WireLen)}
	}
}

// compare asks a reader the analysed questions.
func (p *plainly) compare(t *testing.T, c query.Reader) {
	t.Helper()
	ctx := context.Background()
	for i, text := range analysed {
		want := p.numbers[text]
		s := parsed(t, text)
		if i%2 == 0 {
			// The page before the count: the sweep goes on from where it stopped.
			p.page(t, c, text, want)
		}
		if n, err := c.Count(ctx, s); err != nil || n != uint64(len(want)) {
			t.Errorf("%s: %d packets, want %d: %v", text, n, len(want), err)
			continue
		}
		p.page(t, c, text, want)
		if totals, err := c.Totals(ctx, s); err != nil || totals.Packets != uint64(len(want)) {
			t.Errorf("%s: totals of %d packets, want %d: %v", text, totals.Packets, len(want), err)
		}
	}
	for _, name := range analysedTops {
		top, err := c.Top(ctx, query.Scope{}, name, 1<<20)
		if err != nil {
			t.Errorf("top %s: %v", name, err)
			continue
		}
		got := map[string]query.Amount{}
		for _, r := range top.Rows {
			got[r.Value] = r.Amount
		}
		if want := p.tops[name]; len(want) != len(got) || len(want) > 0 && !reflect.DeepEqual(got, want) {
			t.Errorf("top %s: %v\nwant %v", name, got, want)
		}
	}
}

func (p *plainly) page(t *testing.T, c query.Reader, text string, want []uint64) {
	t.Helper()
	from := len(want) / 2
	page, err := c.Packets(context.Background(), parsed(t, text), uint64(from), 5)
	if err != nil {
		t.Errorf("%s: %v", text, err)
		return
	}
	var got []uint64
	for i := range page.Rows {
		got = append(got, page.Rows[i].Number)
	}
	if w := want[from:min(from+5, len(want))]; !slices.Equal(got, w) || page.Exact && page.Total != uint64(len(want)) {
		t.Errorf("%s: packets %v of %d (exact %t), want %v of %d", text, got, page.Total, page.Exact, w, len(want))
	}
}

func TestAnalysedQuestions(t *testing.T) {
	for _, file := range readertest.Captures(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			want := answerPlainly(t, file)
			for name, open := range map[string]func() *Capture{
				"file": func() *Capture { return must(t)(OpenFile(file, Options{})) },
				"segments": func() *Capture {
					return must(t)(Open(imported(t, file, 100_000).Dir(), Options{}))
				},
				"indexes": func() *Capture {
					s := imported(t, file, 100_000)
					indexed(t, s)
					c := must(t)(Open(s.Dir(), Options{Notice: func(text string) { t.Error(text) }}))
					if v, err := c.refresh(false); err != nil || !v.inColumns(parsed(t, "tcp.stream == 1").Filter.Fields()) {
						t.Errorf("not answered from the columns: %v", err)
					}
					return c
				},
			} {
				t.Run(name, func(t *testing.T) {
					c := open()
					defer func() { _ = c.Close() }()
					want.compare(t, c)
				})
			}
		})
	}
}

func must(t *testing.T) func(c *Capture, err error) *Capture {
	return func(c *Capture, err error) *Capture {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
}

// A capture that grows costs only what has come since, and numbers stay.
func TestAnalysedQuestionsWhileTheCaptureGrows(t *testing.T) {
	g := grow(t, t.TempDir(), 1<<20)
	g.write(100)
	c := must(t)(Open(g.a.Dir(), Options{}))
	defer func() { _ = c.Close() }()
	for i := range 12 {
		g.write(3000)
		for stream := range 3 {
			// Packets i, i+77·k … of the generator share a conversation only when all of
			// addresses and ports repeat: every 7·11·100 packets.
			want := uint64((g.n - stream + 7700 - 1) / 7700)
			n, err := c.Count(context.Background(), parsed(t, fmt.Sprintf("udp.stream == %d", stream)))
			if err != nil || n != want {
				t.Fatalf("round %d, stream %d: %d packets, want %d: %v", i, stream, n, want, err)
			}
		}
	}
	if _, err := c.Series(context.Background(), parsed(t, "udp.stream < 10"), time.Second); err != nil {
		t.Error(err)
	}
	g.end(t)
}
