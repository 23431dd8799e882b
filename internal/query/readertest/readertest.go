// Package readertest is the suite that every [query.Reader] passes: the same questions
// over real captures, with the answers of tshark and of a reader that looks at every
// packet.
package readertest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// Open makes a reader over what a capture file holds.
type Open func(t *testing.T, file string) query.Reader

// Options say what a reader is known not to hold.
type Options struct {
	// MayRefuse tells that there are questions that the store cannot answer; then it must say
	// so itself, with [query.ErrCannotAnswer].
	MayRefuse bool
	// Link tells that the store keeps interfaces and packet offsets as the file has them.
	Link bool
	// NoBytes tells that the store does not keep packets' bytes: Packet must say so.
	NoBytes bool
	// Strip takes away what the store does not keep of a packet; nil: nothing.
	Strip func(*packet.Summary)
	// Answered is told of every question, when the store may refuse some; may be nil.
	Answered func(what string, answered bool)
}

// captures returns the captures beside the repository.
func captures(t *testing.T) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			found := filepath.Join(filepath.Dir(dir), "shared", "captures")
			if _, err := os.Stat(found); err != nil {
				t.Skip("no captures beside the repository: ../shared/captures")
			}
			return found
		}
	}
	t.Skip("not inside of the repository")
	return ""
}

// Captures returns the capture files beside the repository; the test is skipped without.
func Captures(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(captures(t), "*.*"))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(files, func(file string) bool {
		ext := filepath.Ext(file)
		return ext == ".md" || ext == ".tsv"
	})
}

// Filters are asked of every capture and compared with the reader in memory.
var Filters = []string{
	"", "ip", "tcp", "udp && !ipv6", "ip.addr == 10.0.0.0/8", "ip.src == 192.168.0.0/16 && tcp.port == 80",
	"tcp.flags.syn == 1 && tcp.flags.ack == 0", "tcp.flags.reset", "frame.len > 1000 || tcp.len > 0",
	"udp.port in {53, 67..68, 5353}", "ip.ttl < 64", "!(tcp || udp)", "tcp.port != 80", "ip.dst != 10.0.0.1",
	"payload contains \"GET\"", "frame.number in {1, 7..12} || icmp", "tcp.srcport == 443 xor tcp.dstport == 443",
	"ipv6.addr == 2001:db8::/32 or ip.addr == 255.255.255.255", "arp", "tcp.window_size_value == 0", "any ip.addr == 10.0.0.1",
	"frame.time_delta > 0.1", "direction == sent", "vlan.id", "ip.proto == 17 and frame.cap_len < 200",
}

// tsharkFilters are also asked of tshark.
var tsharkFilters = []string{
	"ip.addr == 10.0.0.0/8", "tcp.flags.syn == 1 && tcp.flags.ack == 0", "frame.len > 1000 || tcp.len > 0",
	"udp.port in {53, 67..68, 5353}", "tcp.port != 80", "ip.ttl < 64", "ip.src == 192.168.0.0/16 && tcp.port == 80",
	"tcp.analysis.retransmission || tcp.analysis.duplicate_ack", "tcp.stream == 1 && tcp.len > 0", "dns.qry.name",
}

// tsharkFiles are small, and of several kinds.
var tsharkFiles = []string{
	"beats__mysql_with_gap.pcap", "zeek__vxlan.pcap", "zeek__Teredo.pcap", "PcapPlusPlus__many_interfaces-1.pcapng",
	"zeek__ssh-dups.pcap", "arkime__gtp-iphone.pcap",
}

// manyPackets is the size from which on only some of the filters are asked.
const manyPackets = 1000

var tops = []string{"ip.src", "ip.addr", "ipv6.dst", "tcp.port", "udp.srcport", "ip.ttl", "frame.len", "ip.proto"}

// Run asks everything of a reader over each capture.
func Run(t *testing.T, open Open, opt Options) {
	for _, file := range Captures(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want, err := memory(file)
			if err != nil {
				t.Fatal(err)
			}
			got := open(t, file)
			defer func() {
				if err := got.Close(); err != nil {
					t.Error(err)
				}
			}()
			suite{t, want, got, opt, file}.run()
		})
	}
}

var memories sync.Map

func memory(file string) (*Memory, error) {
	if m, ok := memories.Load(file); ok {
		return m.(*Memory), nil
	}
	m, err := OpenMemory(file)
	if err == nil {
		memories.Store(file, m)
	}
	return m, err
}

type suite struct {
	t         *testing.T
	want, got query.Reader
	opt       Options
	file      string
}

func (s suite) run() {
	ctx := context.Background()
	all, err := s.want.Totals(ctx, query.Scope{})
	if err != nil {
		s.t.Fatal(err)
	}
	for i, text := range Filters {
		if all.Packets > manyPackets && i%5 != 0 {
			continue // the reader in memory takes its time
		}
		f, err := query.Parse(text)
		if err != nil {
			s.t.Fatal(err)
		}
		scope := query.Scope{Filter: f}
		s.ask(text, scope, i < 6)
		if i%4 != 0 || all.Packets < 2 {
			continue
		}
		// A part of the time, that begins and ends in the middle of seconds.
		span := all.Last - all.First
		scope.From, scope.To = all.First+span/3, all.First+span/3*2
		s.ask(text+" in a range", scope, false)
	}
	s.numbers(all.Packets)
	s.tshark()
	s.refusals()
}

// refused tells whether a store said that it cannot answer, and may.
func (s suite) refused(what string, err error) bool {
	if s.opt.Answered != nil {
		s.opt.Answered(what, err == nil)
	}
	if err == nil {
		return false
	}
	if s.opt.MayRefuse && errors.Is(err, query.ErrCannotAnswer) {
		return true
	}
	s.t.Errorf("%s: %v", what, err)
	return true
}

func (s suite) ask(what string, scope query.Scope, tight bool) {
	ctx := context.Background()
	want, _ := s.want.Count(ctx, scope)
	got, err := s.got.Count(ctx, scope)
	if s.refused(what, err) {
		return
	}
	if got != want {
		s.t.Errorf("%s: %d packets, want %d", what, got, want)
	}
	wt, _ := s.want.Totals(ctx, scope)
	if gt, err := s.got.Totals(ctx, scope); !s.refused(what, err) && !reflect.DeepEqual(gt, wt) {
		s.t.Errorf("%s: totals %+v\nwant %+v", what, gt, wt)
	}
	for _, bucket := range []time.Duration{time.Second, 10 * time.Minute, 1500 * time.Millisecond} {
		ws, err := s.want.Series(ctx, scope, bucket)
		if errors.Is(err, errTooFine) {
			continue
		}
		if gs, err := s.got.Series(ctx, scope, bucket); !s.refused(what, err) && !reflect.DeepEqual(gs, ws) {
			s.t.Errorf("%s: the series by %s differs", what, bucket)
		}
	}
	s.flows(what, scope)
	s.pages(what, scope, want)
	if !tight {
		return
	}
	for _, field := range tops {
		wt, _ := s.want.Top(ctx, scope, field, 5)
		if gt, err := s.got.Top(ctx, scope, field, 5); !s.refused(what+", top "+field, err) && !reflect.DeepEqual(gt, wt) {
			s.t.Errorf("%s: top %s\n%+v\nwant\n%+v", what, field, gt, wt)
		}
	}
}

// pages compares the first, a middle and the last page.
func (s suite) pages(what string, scope query.Scope, total uint64) {
	ctx := context.Background()
	for _, from := range []uint64{0, total - min(total, 3), total + 5} {
		want, _ := s.want.Packets(ctx, scope, from, 7)
		got, err := s.got.Packets(ctx, scope, from, 7)
		if s.refused(what, err) {
			return
		}
		if got.Exact && got.Total != want.Total || !got.Exact && got.Total > want.Total {
			s.t.Errorf("%s: page at %d: total %d (exact %t), want %d", what, from, got.Total, got.Exact, want.Total)
		}
		if len(got.Rows) != len(want.Rows) || got.From != from {
			s.t.Errorf("%s: page at %d: %d rows, want %d", what, from, len(got.Rows), len(want.Rows))
			continue
		}
		for i := range got.Rows {
			if g, w := s.plain(got.Rows[i]), s.plain(want.Rows[i]); g != w {
				s.t.Errorf("%s: page at %d, row %d:\n%+v\nwant\n%+v", what, from, i, g, w)
			}
		}
	}
}

// plain takes away what depends on where the packets are kept.
func (s suite) plain(p packet.Summary) packet.Summary {
	p.DataOff = 0
	if !s.opt.Link {
		p.Offset, p.Interface = 0, 0
	}
	if s.opt.Strip != nil {
		s.opt.Strip(&p)
	}
	return p
}

// numbers asks for packets by number.
func (s suite) numbers(packets uint64) {
	ctx := context.Background()
	for _, n := range []uint64{1, packets/2 + 1, packets} {
		want, err := s.want.Packet(ctx, n)
		if err != nil {
			continue
		}
		got, err := s.got.Packet(ctx, n)
		if s.opt.NoBytes {
			if !errors.Is(err, query.ErrCannotAnswer) {
				s.t.Errorf("the bytes of packet %d: %v, want a refusal", n, err)
			}
			continue
		}
		if s.refused(fmt.Sprint("packet ", n), err) {
			return
		}
		if s.plain(got.Summary) != s.plain(want.Summary) || !bytes.Equal(got.Data, want.Data) || got.Link != want.Link {
			s.t.Errorf("packet %d: %+v\nwant %+v", n, got.Summary, want.Summary)
		}
	}
	for _, n := range []uint64{0, packets + 1} {
		if d, err := s.got.Packet(ctx, n); err == nil {
			s.t.Errorf("packet %d: %+v, want an error", n, d.Summary)
		}
	}
}

// tshark compares counts with tshark's.
func (s suite) tshark() {
	if !slices.Contains(tsharkFiles, filepath.Base(s.file)) {
		return
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("CI") != "" {
			s.t.Fatal("no tshark")
		}
		s.t.Log("no tshark: its answers are not compared")
		return
	}
	for _, text := range tsharkFilters {
		f, err := query.Parse(text)
		if err != nil {
			s.t.Fatal(err)
		}
		want, err := tsharkCount(s.file, text)
		if err != nil {
			s.t.Fatal(err)
		}
		got, err := s.got.Count(context.Background(), query.Scope{Filter: f})
		if !s.refused(text, err) && got != want {
			s.t.Errorf("%s: %d packets, tshark says %d", text, got, want)
		}
	}
}

var tsharkAnswers sync.Map

func tsharkCount(file, filter string) (uint64, error) {
	key := file + "\x00" + filter
	if n, ok := tsharkAnswers.Load(key); ok {
		return n.(uint64), nil
	}
	out, err := exec.Command("tshark", "-n", "-r", file, "-Y", filter, "-T", "fields", "-e", "frame.number").Output()
	if err != nil {
		return 0, fmt.Errorf("tshark -Y %q: %w", filter, err)
	}
	n := uint64(strings.Count(string(out), "\n"))
	tsharkAnswers.Store(key, n)
	return n, nil
}

// refusals asks what has no answer.
func (s suite) refusals() {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := s.got.Totals(ctx, query.Scope{}); !errors.Is(err, context.Canceled) {
		s.t.Errorf("a question that was given up: %v", err)
	}
	if _, err := s.got.Top(context.Background(), query.Scope{}, "no.such.field", 5); err == nil {
		s.t.Error("the most frequent of a field that is none: no error")
	}
	if _, err := s.got.Series(context.Background(), query.Scope{}, time.Nanosecond); err == nil {
		s.t.Error("a series of nanoseconds: no error")
	}
}
