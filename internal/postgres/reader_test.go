//go:build unix

package postgres

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	questions "github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/query/readertest"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// sharedCaptures returns the captures beside the repository.
func sharedCaptures(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("../../../shared/captures/*.*")
	if err != nil {
		t.Fatal(err)
	}
	var list []string
	for _, f := range files {
		if ext := filepath.Ext(f); ext != ".md" && ext != ".tsv" {
			list = append(list, f)
		}
	}
	if list == nil {
		t.Skip("no captures beside the repository: ../shared/captures")
	}
	return list
}

// fileChunks are a capture file's chunks; a damage ends them.
type fileChunks struct{ r *segment.Reader }

func (c fileChunks) Next(context.Context) (*segment.Chunk, error) {
	chunk, err := c.r.Next()
	if _, ok := errors.AsType[*segment.DamageError](err); ok {
		return nil, io.EOF
	}
	return chunk, err
}

func (c fileChunks) Release(chunk *segment.Chunk) { c.r.Release(chunk) }

// load stores a capture file under its name.
func load(ctx context.Context, t *testing.T, cfg Config, file string, opt Options) string {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r, err := segment.NewReader(f, segment.ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	name := filepath.Base(file)
	s := New(cfg, name, opt)
	if _, err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	a := track.NewAnalysis(track.AnalysisOptions{Ended: s.Ended})
	if err := track.NewAnalysing(a).Run(ctx, fileChunks{r}, s); err != nil {
		t.Fatal(err)
	}
	a.Drain()
	closeSink(ctx, t, s)
	return name
}

// readerFilters are asked besides the suite's own.
var readerFilters = []string{
	"ip.addr != 10.0.0.1", "all ip.addr == 10.0.0.0/8", "ip.src === 192.168.1.1", "ip.addr !== 192.168.0.0/16", "!(ip.addr == 192.168.0.0/16)",
	"ip.addr > 10.0.0.1", "all ip.addr <= 192.168.255.255", "ip.src < 64.0.0.0/4", "ip.dst >= 224.0.0.0", "ip.addr in {10.0.0.0/8, 192.168.0.0 .. 192.168.9.9}",
	"all ip.addr in {10.0.0.0/8, 192.168.0.0/16}", "ipv6.src", "ipv6.addr != fe80::/10", "ipv6.dst in {ff02::1, ff02::fb}", "ip.src and ipv6.src",
	"tcp.port == 443 || udp.port == 53", "all tcp.port > 1023", "tcp.srcport != 80", "tcp.port in {1..1023, 8080}", "all udp.port in {53, 1024..65535}",
	"udp.port & 1", "tcp.port & 0xff00 == 0x0100", "sctp", "sctp.port == 5000", "!sctp", "udp", "!udp", "not tcp and not udp and ip",
	"tcp.flags == 0x18", "tcp.flags & 0x12 == 0x12", "tcp.flags.fin == 1 or tcp.flags.push == 1", "tcp.flags.syn != 0", "tcp.flags.ack", "tcp.flags.ae == 1",
	"tcp.seq_raw > 2147483648", "tcp.ack_raw == 0", "tcp.window_size_value in {0..1000, 65535}", "tcp.len == 0", "tcp.len in {1..100}", "!(tcp.len > 100)",
	"ip.proto == 1", "ip.proto != 6", "all ip.proto in {6, 17}", "ip.proto == TCP", "icmp", "!icmp", "icmpv6", "ip.proto == 50 || ip.proto == 47",
	"frame.len == 60", "frame.len & 1", "frame.cap_len < frame.len", "frame.len > 100 xor ip", "frame", "frame.number > 5 && frame.number <= 50",
	"frame.time >= \"2000-01-01T00:00:00Z\"", "frame.time_epoch < 1300000000.5", "frame.number in {5..1}", "direction != received", "direction == unknown",
	"direction in {sent, unknown}", "frame.interface_name == \"eth0\"", "frame.interface_name != \"en0\"", "!vlan", "vlan.id == 100", "payload contains \"a\" && frame.len < 50",
	"ip.ttl == 64 && udp.port == 70000 - 69999", "http || tcp.port == 80", "tcp.analysis.retransmission", "ip.src == ip.dst", "ip.addr[0:1] == 0a",
	"frame.len > 2000000 && payload contains \"a\"", "!(ip.addr == 0.0.0.0/0)", "ip.addr == 0.0.0.0/0 && !(ipv6.addr == ::/0)", "ipv6 && !ip", "len(payload) > 3",
}

var readerTops = []string{
	"ip.src", "ip.dst", "ip.addr", "ipv6.src", "ipv6.addr", "tcp.port", "tcp.srcport", "udp.port", "udp.dstport", "ip.proto", "frame.len", "frame.cap_len",
	"tcp.flags", "tcp.len", "tcp.window_size_value", "ip.ttl", "direction", "frame.number",
}

// compare asks everything of the database and of a reader that looks at every packet. It
// returns how many questions were answered, and how many refused.
func compare(t *testing.T, want questions.Reader, got *Reader, filters []string) (answered, refused int) {
	t.Helper()
	ctx := context.Background()
	all, err := want.Totals(ctx, questions.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	span := all.Last - all.First
	check := func(what string, err error, g, w any) {
		t.Helper()
		switch {
		case errors.Is(err, questions.ErrCannotAnswer):
			refused++
		case err != nil:
			t.Errorf("%s: %v", what, err)
		case !reflect.DeepEqual(g, w):
			t.Errorf("%s: %+v, want %+v", what, g, w)
		default:
			answered++
		}
	}
	for i, text := range filters {
		if all.Packets > 1000 && (i+int(all.Packets))%3 != 0 {
			continue // the reader that looks at every packet takes its time: other large files have the others
		}
		f, err := questions.Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		s := questions.Scope{Filter: f}
		if i%3 == 1 {
			s.From, s.To = all.First+span/4, all.First+span/4*3
		}
		wc, _ := want.Count(ctx, s)
		gc, err := got.Count(ctx, s)
		check(text+": count", err, gc, wc)
		switch (i + int(all.Packets)) % 3 { // not everything of every file: the suite is long enough
		case 0:
			wt, _ := want.Totals(ctx, s)
			gt, err := got.Totals(ctx, s)
			check(text+": totals", err, gt, wt)
		case 1:
			if span > 100_000*int64(700*time.Millisecond) {
				continue
			}
			ws, _ := want.Series(ctx, s, 700*time.Millisecond)
			gs, err := got.Series(ctx, s, 700*time.Millisecond)
			check(text+": series", err, gs, ws)
		default:
			from := wc / 2
			wp, _ := want.Packets(ctx, s, from, 5)
			gp, err := got.Packets(ctx, s, from, 5)
			for i := range wp.Rows {
				wp.Rows[i] = stripped(wp.Rows[i])
			}
			check(text+": page", err, gp, wp)
		}
	}
	for _, field := range readerTops {
		wt, _ := want.Top(ctx, questions.Scope{}, field, 7)
		gt, err := got.Top(ctx, questions.Scope{}, field, 7)
		check("top "+field, err, gt, wt)
	}
	for _, bucket := range []time.Duration{time.Second, time.Minute} {
		if span/int64(bucket) > 100_000 {
			continue
		}
		s := questions.Scope{}
		ws, _ := want.Series(ctx, s, bucket)
		gs, err := got.Series(ctx, s, bucket)
		check("series by "+bucket.String(), err, gs, ws)
		s.From, s.To = (all.First/1e9+1)*1e9, all.Last/1e9*1e9
		ws, _ = want.Series(ctx, s, bucket)
		gs, err = got.Series(ctx, s, bucket)
		check("series in a range by "+bucket.String(), err, gs, ws)
	}
	return answered, refused
}

// stripped takes away what the database does not hold.
func stripped(s packet.Summary) packet.Summary {
	s.Offset, s.DataOff, s.PayloadOff, s.OuterPayloadOff = 0, 0, 0, 0
	if s.Outer.Version != 0 {
		s.EtherType = 0
	}
	s.Depth = min(s.Depth, deepestKnown)
	return s
}

// storedFile stores a capture file, packets without IP header too, and opens a reader over
// it.
func storedFile(t *testing.T, cfg Config, file string) *Reader {
	t.Helper()
	ctx := context.Background()
	opt := quick(nil)
	opt.NonIP, opt.Flows = true, true
	name := load(ctx, t, cfg, file, opt)
	r, err := OpenReader(ctx, cfg, name, ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// answeredAlways are questions of the conformance suite that the columns answer for any
// capture without tunnels, fragments and damage.
var answeredAlways = []string{
	"ip", "tcp", "ip.addr == 10.0.0.0/8", "tcp.flags.syn == 1 && tcp.flags.ack == 0", "udp.port in {53, 67..68, 5353}", "frame.len > 1000 || tcp.len > 0",
	"", ", flows", "ip, flows", ", top ip.src", ", top tcp.port", "ip, top ip.addr", " in a range",
}

// TestReaderConforms is the suite of all readers. What the columns do not hold is refused:
// bytes, TTLs, time differences, tags.
func TestReaderConforms(t *testing.T) {
	_, _, cfg := database(t)
	counts := map[string]*[2]int{}
	readertest.Run(t, func(t *testing.T, file string) questions.Reader {
		return storedFile(t, cfg, file)
	}, readertest.Options{
		MayRefuse: true, NoBytes: true, Strip: func(s *packet.Summary) { *s = stripped(*s) },
		Answered: func(what string, answered bool) {
			n := counts[what]
			if n == nil {
				n = new([2]int)
				counts[what] = n
			}
			if answered {
				n[0]++
			} else {
				n[1]++
			}
		},
	})
	if t.Skipped() || t.Failed() || len(counts) == 0 {
		return
	}
	var all [2]int
	for what, n := range counts {
		t.Logf("%q: %d answered, %d refused", what, n[0], n[1])
		all[0], all[1] = all[0]+n[0], all[1]+n[1]
	}
	t.Logf("all: %d answered, %d refused", all[0], all[1])
	for _, what := range answeredAlways {
		if n := counts[what]; n == nil || n[0] <= n[1] {
			t.Errorf("%q was refused more often than answered: %v", what, n)
		}
	}
}

// TestReaderAgrees stores real captures and asks of them what the reader that looks at
// every packet is asked, with the filters that matter to SQL.
func TestReaderAgrees(t *testing.T) {
	_, _, cfg := database(t)
	var answered, refused int
	for _, file := range sharedCaptures(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := readertest.OpenMemory(file)
			if err != nil {
				t.Fatal(err)
			}
			got := storedFile(t, cfg, file)
			defer got.Close()
			a, r := compare(t, want, got, readerFilters)
			answered, refused = answered+a, refused+r
		})
	}
	t.Logf("%d answered, %d refused", answered, refused)
	if answered == 0 {
		t.Error("nothing was answered")
	}
}

// readerOver stores packets 1 to 1000 of the endless capture and opens a reader over them.
func readerOver(t *testing.T, opt ReaderOptions) (*Reader, func(sql string)) {
	t.Helper()
	srv, db, cfg := database(t)
	ctx := context30(t)
	s := New(cfg, "made'; DROP TABLE packets; --", quick(nil))
	follow(ctx, t, s, 1001, 100)
	closeSink(ctx, t, s)
	r, err := OpenReader(ctx, cfg, "", opt)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r, func(sql string) { srv.Run(t, db, sql) }
}

func scopeFor(t *testing.T, text string) questions.Scope {
	t.Helper()
	f, err := questions.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return questions.Scope{Filter: f}
}

// TestReaderRowsMissing: packets without IP header have no row here, and no question that
// they could change is answered as if they were not there.
func TestReaderRowsMissing(t *testing.T) {
	r, _ := readerOver(t, ReaderOptions{})
	ctx := context.Background()
	if r.Capture().Missing() == 0 {
		t.Fatal("the test needs packets without a row")
	}
	for text, answered := range map[string]bool{
		"": false, "ip": true, "tcp": true, "!tcp": false, "frame.len > 60": false, "frame.len > 60 && udp": true, "ip || ipv6": true,
		"ip.addr == 10.0.0.1": true, "ip.addr != 10.0.0.1": true, "!(ip.addr == 10.0.0.1)": false, "direction == sent": false,
		"frame": false, "tcp xor frame": false, "tcp.flags.syn == 1 || udp.port == 53": true, "all tcp.port in {1..10, 20..30}": true,
	} {
		_, err := r.Count(ctx, scopeFor(t, text))
		if errors.Is(err, questions.ErrCannotAnswer) == answered || !errors.Is(err, questions.ErrCannotAnswer) && err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
	for field, answered := range map[string]bool{"ip.src": true, "src": true, "tcp.port": true, "frame.len": false, "direction": false} {
		if _, err := r.Top(ctx, questions.Scope{}, field, 3); errors.Is(err, questions.ErrCannotAnswer) == answered {
			t.Errorf("top %s: %v", field, err)
		}
	}
	if _, err := r.Packet(ctx, 4); !errors.Is(err, questions.ErrCannotAnswer) {
		t.Errorf("a packet without a row: %v", err)
	}
	if d, err := r.Packet(ctx, 6); !errors.Is(err, questions.ErrCannotAnswer) || d == nil || d.Summary.Number != 6 || d.Interface != "eth0" || d.Link != packet.LinkEthernet {
		t.Errorf("a packet's Summary without its bytes: %+v, %v", d, err)
	}
	var none *NoPacketError
	if _, err := r.Packet(ctx, 1001); !errors.As(err, &none) {
		t.Errorf("a packet that is none: %v", err)
	}
}

// TestReaderStored: asked for what is stored, the answers are about the rows.
func TestReaderStored(t *testing.T) {
	r, run := readerOver(t, ReaderOptions{Stored: true})
	ctx := context.Background()
	want := uint64(stored(1001))
	if n, err := r.Count(ctx, questions.Scope{}); err != nil || n != want {
		t.Errorf("%d packets, %v, want %d", n, err, want)
	}
	s, err := r.Series(ctx, questions.Scope{}, time.Second)
	if err != nil || len(s.Points) == 0 || s.Start != testTime {
		t.Errorf("series %+v, %v", s, err)
	}
	// The rows of an older version say less of themselves.
	run("UPDATE packets SET header_flags = NULL WHERE number = 6")
	run("UPDATE tarrafa_cursors SET seconds = NULL, addresses = NULL")
	for _, text := range []string{"", "tcp", "frame.len > 10"} {
		r.totals = map[string]uint64{}
		if _, err := r.Count(ctx, scopeFor(t, text)); !errors.Is(err, questions.ErrCannotAnswer) {
			t.Errorf("%q over an incomplete row: %v", text, err)
		}
	}
	run("ALTER TABLE packets DROP COLUMN header_flags")
	if _, err := OpenReader(ctx, r.cfg, "", ReaderOptions{}); !errors.Is(err, questions.ErrCannotAnswer) {
		t.Errorf("a table without our columns: %v", err)
	}
}

// TestReaderCancel: a question that is given up ends at once, and the next one is
// answered; one that takes too long is ended by the server.
func TestReaderCancel(t *testing.T) {
	r, run := readerOver(t, ReaderOptions{Stored: true, QueryTimeout: 300 * time.Millisecond})
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := r.Count(ctx, questions.Scope{}); !errors.Is(err, context.Canceled) {
		t.Errorf("given up before it began: %v", err)
	}
	rows := scopeFor(t, "frame.len > 0") // not answered from the sums
	// A view with the table's columns whose rows take their time.
	run("ALTER TABLE packets RENAME TO kept")
	run("CREATE VIEW packets AS SELECT * FROM kept WHERE pg_sleep(0.01) IS NOT NULL")
	run("GRANT SELECT ON packets TO PUBLIC")
	ctx, cancel = context.WithTimeout(context.Background(), 50*time.Millisecond)
	defer cancel()
	begun := time.Now()
	if _, err := r.Count(ctx, rows); !errors.Is(err, context.DeadlineExceeded) || time.Since(begun) > 5*time.Second {
		t.Errorf("given up after 50 ms: %v after %s", err, time.Since(begun))
	}
	var e *Error
	if _, err := r.Count(context.Background(), rows); !errors.As(err, &e) || e.Problem != ProblemTimeout {
		t.Errorf("longer than the statement's time: %v", err)
	}
	run("DROP VIEW packets")
	run("ALTER TABLE kept RENAME TO packets")
	if n, err := r.Count(context.Background(), rows); err != nil || n != uint64(stored(1001)) {
		t.Errorf("the next question: %d, %v", n, err)
	}
	if err := r.Close(); err != nil {
		t.Error(err)
	}
	if _, err := r.Count(context.Background(), questions.Scope{}); !errors.Is(err, errReaderClosed) {
		t.Errorf("a closed reader: %v", err)
	}
}

// TestReaderForeignText: what a person writes is never part of a statement.
func TestReaderForeignText(t *testing.T) {
	r, _ := readerOver(t, ReaderOptions{Stored: true})
	ctx := context.Background()
	for _, text := range []string{
		`frame.interface_name == "eth0'); DROP TABLE packets; --"`, `direction == "sent' OR 'a' = 'a"`, `frame.interface_name in {"a'b", "$1"}`,
	} {
		if n, err := r.Count(ctx, scopeFor(t, text)); err != nil || n != 0 {
			t.Errorf("%s: %d, %v", text, n, err)
		}
	}
	for _, field := range []string{"ip.src; DROP TABLE packets", "n)--", "src_ip"} {
		var unknown *UnknownFieldError
		if _, err := r.Top(ctx, questions.Scope{}, field, 3); !errors.As(err, &unknown) {
			t.Errorf("top %q: %v", field, err)
		}
	}
	list, err := Captures(ctx, r.cfg, ReaderOptions{})
	if err != nil || len(list) != 1 || list[0].ID != "made'; DROP TABLE packets; --" || list[0].Packets != 1000 {
		t.Errorf("captures: %+v, %v", list, err)
	}
	var none *NoCaptureError
	if _, err := OpenReader(ctx, r.cfg, "other", ReaderOptions{}); !errors.As(err, &none) {
		t.Errorf("a capture that is not there: %v", err)
	}
}
