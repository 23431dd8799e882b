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
	var damage *segment.DamageError
	if errors.As(err, &damage) {
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
	if err := track.New().Run(ctx, fileChunks{r}, s); err != nil {
		t.Fatal(err)
	}
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

// TestReaderAgrees stores real captures and asks of them what the reader that looks at
// every packet is asked.
func TestReaderAgrees(t *testing.T) {
	srv := server(t)
	db := srv.Database(t)
	cfg := config(t, srv.DSN(db, db))
	ctx := context.Background()
	filters := append(append([]string{}, readertest.Filters...), readerFilters...)
	var answered, refused int
	for _, file := range sharedCaptures(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := readertest.OpenMemory(file)
			if err != nil {
				t.Fatal(err)
			}
			opt := quick(nil)
			opt.NonIP = true
			name := load(ctx, t, cfg, file, opt)
			got, err := OpenReader(ctx, cfg, name, ReaderOptions{})
			if err != nil {
				t.Fatal(err)
			}
			defer got.Close()
			a, r := compare(t, want, got, filters[1:])
			answered, refused = answered+a, refused+r
			t.Logf("%d answered, %d refused", a, r)
		})
	}
	t.Logf("%d answered, %d refused", answered, refused)
	if answered == 0 {
		t.Error("nothing was answered")
	}
}
