package flow

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// from adds a packet of host1 to a host and port, and the answer when it has flags.
func (sc *scene) from(after time.Duration, host, port int, flags, answer string) {
	c, s := host1+":50000", fmt.Sprintf("10.1.%d.%d:%d", host/250, host%250+1, port)
	proto := uint8(protoTCP)
	if flags == "udp" {
		flags, proto = "", protoUDP
	}
	sc.add(segment{after: after, src: c, dst: s, flags: flags, proto: proto, length: 8 * int(proto/protoUDP), seq: 7, window: 1000})
	switch answer {
	case "":
	case "udp":
		sc.add(segment{after: ms, src: s, dst: c, proto: protoUDP, length: 8})
	default:
		sc.add(segment{after: ms, src: s, dst: c, flags: answer, seq: 100, ack: 8, window: 1000})
	}
}

// TestScans has what scanners send, and what looks like it and is not.
func TestScans(t *testing.T) {
	each := func(n int, gap time.Duration, hosts, ports func(i int) int, flags, answer string) func(*scene) {
		return func(sc *scene) {
			repeatedly(n, func(i int) { sc.from(gap, hosts(i), ports(i), flags, answer) })
		}
	}
	one := func(int) int { return 1 }
	next := func(i int) int { return i + 1 }
	rng := rand.New(rand.NewPCG(3, 3))
	for _, c := range []struct {
		name  string
		write func(*scene)
		want  string // kind, severity, destination
	}{
		{"25 ports in a burst", each(25, ms, one, next, "S", ""), "port_scan warning 10.1.0.2"},
		{"24 ports", each(24, ms, one, next, "S", ""), ""},
		{"99 ports, refused", each(99, ms, one, next, "S", "RA"), "port_scan warning 10.1.0.2"},
		{"100 ports, refused", each(100, ms, one, next, "S", "RA"), "port_scan serious 10.1.0.2"},
		{"hosts that answer, never completed", each(60, ms, next, one, "S", "SA"), "sweep warning :1"},
		{"acknowledgements out of nowhere", each(60, ms, one, next, "A", "R"), "port_scan warning 10.1.0.2"},
		{"FIN with ACK", each(60, ms, one, next, "FA", "R"), "port_scan warning 10.1.0.2"},
		{"FIN, unanswered", each(60, ms, one, next, "F", ""), "port_scan warning 10.1.0.2"},
		{"without flags, refused", each(60, ms, one, next, "", "RA"), "port_scan warning 10.1.0.2"},
		{"datagrams to ports", each(60, 100*ms, one, next, "udp", ""), "port_scan warning 10.1.0.2"},
		{"datagrams to hosts", each(120, 10*ms, next, func(int) int { return 161 }, "udp", ""), "sweep serious :161"},
		{"servers that answer datagrams", each(120, 10*ms, next, func(int) int { return 53 }, "udp", "udp"), ""},
		{"traceroute", each(90, 50*ms, one, func(i int) int { return tracerouteFirst + i }, "udp", ""), ""},
		{"peers at ports of their own", each(200, 50*ms, func(int) int { return rng.IntN(5000) }, func(int) int { return 1024 + rng.IntN(60000) }, "S", ""), ""},
		{"a session's connections at once", func(sc *scene) {
			dst := func(i int) string { return fmt.Sprintf("10.1.1.%d:443", i%45+1) }
			src := func(i int) string { return fmt.Sprintf("%s:%d", host1, 2000+i) }
			repeatedly(60, func(i int) { sc.add(segment{after: ms / 4, src: src(i), dst: dst(i), flags: "S", window: 1000}) })
			repeatedly(60, func(i int) {
				sc.add(segment{after: ms, src: dst(i), dst: src(i), flags: "SA", ack: 1, window: 1000})
				sc.add(segment{after: ms, src: src(i), dst: dst(i), flags: "A", seq: 1, ack: 1, window: 1000})
			})
		}, ""},
		{"one direction only", func(sc *scene) {
			repeatedly(60, func(i int) {
				src, dst := fmt.Sprintf("%s:%d", host1, 2000+i), fmt.Sprintf("10.1.1.%d:443", i%45+1)
				sc.add(segment{after: 100 * ms, src: src, dst: dst, flags: "S", window: 1000})
				sc.add(segment{after: ms, src: src, dst: dst, flags: "A", seq: 1, ack: 1, window: 1000})
			})
		}, ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			sc := &scene{}
			c.write(sc)
			var got []string
			for k, list := range sc.watched() {
				switch k {
				case FindPortScan, FindSweep, FindReset, FindRefused:
				default:
					continue
				}
				for _, f := range list {
					if k == FindReset && f.Numbers[1] == resetHandshake {
						continue // a client that takes a SYN back before it is known to scan
					}
					to := strings.TrimPrefix(f.endpoint(f.Tuple.Dst.AppendTo(nil, 4), f.Tuple.DstPort), "0.0.0.0")
					got = append(got, fmt.Sprintf("%v %v %s", f.Kind, f.Severity, to))
					if f.Evidence()[0] != 1 {
						t.Errorf("evidence %v", f.Evidence())
					}
				}
			}
			if strings.Join(got, "; ") != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
}

// TestBeacons: an interval that is drawn anew each time is found with more connections, one
// that has no regularity is not; where it goes tells how much it matters.
func TestBeacons(t *testing.T) {
	for _, c := range []struct {
		name   string
		jitter float64
		dst    string
		want   string
	}{
		{"exact, to the Internet", 0, "203.0.113.9:443", "beacon warning"},
		{"exact, in the house", 0, "192.168.1.9:443", "beacon info"},
		{"a tenth", 0.1, "203.0.113.9:443", "beacon warning"},
		{"three tenths", 0.3, "203.0.113.9:443", "beacon warning"},
		{"any", 1, "203.0.113.9:443", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			sc := &scene{}
			rng := rand.New(rand.NewPCG(9, 9))
			repeatedly(40, func(i int) {
				gap := time.Duration(60e9 * (1 + c.jitter*(2*rng.Float64()-1)))
				sc.add(segment{after: gap, src: fmt.Sprintf("%s:%d", host1, 3000+i), dst: c.dst, flags: "S", window: 1000})
			})
			got := ""
			for _, f := range sc.watched()[FindBeacon] {
				got += fmt.Sprintf("%v %v", f.Kind, f.Severity)
			}
			if got != c.want {
				t.Errorf("got %q, want %q", got, c.want)
			}
		})
	}
	sc := &scene{}
	repeatedly(20, func(i int) {
		sc.add(segment{after: 300 * time.Second, src: fmt.Sprintf("%s:%d", host1, 3000+i), dst: "203.0.113.9:123", proto: protoUDP, length: 48})
	})
	for _, f := range sc.watched()[FindBeacon] {
		t.Error("clocks are set at regular intervals:", f.Sentence())
	}
}

// TestOrdinaryLongNames: names of content networks, of clusters and of reverse lookups are
// long and many, and a resolver may write each letter as it likes.
func TestOrdinaryLongNames(t *testing.T) {
	rng := rand.New(rand.NewPCG(4, 4))
	random := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = "abcdefghijklmnopqrstuvwxyz234567"[rng.IntN(32)]
		}
		return string(b)
	}
	mixed := func(name string) string {
		b := []byte(name)
		for i := range b {
			if rng.IntN(2) == 0 {
				b[i] = strings.ToUpper(name)[i]
			}
		}
		return string(b)
	}
	for _, c := range []struct {
		name string
		ask  func(i int) string
		want int
	}{
		{"content network", func(int) string { return "k8s-" + random(30) + ".elb.us-east-1.AmazonAWS.com" }, 0},
		{"cluster", func(i int) string { return fmt.Sprintf("service%d.payments.default.svc.cluster.corp", i) }, 0},
		{"reverse", func(int) string { return strings.Join(strings.Split(random(32), ""), ".") + ".ip6.arpa" }, 0},
		{"one name in any case", func(int) string { return mixed("k8s-ingress-0a1b2c3d4e5f67890123456789.example.com") }, 0},
		{"tunnel in any case", func(int) string { return random(40) + "." + mixed("t.example.com") }, 1},
	} {
		w := NewWatch(WatchOptions{})
		for i := range 120 {
			w.DNSName(packet.AddrFrom4([4]byte{10, 0, 0, 1}), 4, []byte(c.ask(i)), uint64(i)+1, sceneStart+int64(i)*1e9)
		}
		n := 0
		for f := range w.All() {
			n++
			if f.Count != 120 || string(f.Text[:f.TextLen]) != "example.com" {
				t.Errorf("%s: %s", c.name, f.Sentence())
			}
		}
		if n != c.want {
			t.Errorf("%s: %d findings, want %d", c.name, n, c.want)
		}
	}
}

// What the round trip time was before it rose is said, not what both are on average; and
// what was long for once before is no evidence.
func TestRoundTripBefore(t *testing.T) {
	sc := &scene{}
	cl, sv := sc.open(1000, 0)
	at := uint32(1)
	ask := func(rtt time.Duration) {
		cl(ms, "A", at, 1, 100)
		at += 100
		sv(rtt, "A", 1, at, 0)
	}
	repeatedly(30, func(int) { ask(10 * ms) })
	ask(900 * ms)
	repeatedly(30, func(int) { ask(10 * ms) })
	first := uint64(len(sc.rows)) + 2
	repeatedly(5, func(int) { ask(900 * ms) })
	found := sc.watched()[FindRTTJump]
	if len(found) != 1 {
		t.Fatalf("%d jumps", len(found))
	}
	if f := found[0]; f.Numbers[0] < 0.01 || f.Numbers[0] > 0.03 || f.Numbers[1] != 0.9 || f.Evidence()[0] != first {
		t.Errorf("%s %v", f.Sentence(), f.Evidence())
	}
}

// A SYN that is repeated after a second has not been answered, whatever comes after it.
func TestHalfOpenAtTheEnd(t *testing.T) {
	sc := &scene{}
	for try := range 2 {
		repeatedly(6, func(i int) {
			after := time.Duration(0)
			if i == 0 {
				after = time.Duration(try) * time.Second
			}
			sc.add(segment{after: after, src: fmt.Sprintf("%s:%d", host1, 1000+i), dst: web, flags: "S", window: 1000})
		})
	}
	w := NewWatch(WatchOptions{})
	table := NewTable(Options{Watch: w})
	sc.apply(table)
	table.Drain()
	n := 0
	for f := range w.All() {
		if f.Kind == FindHalfOpen && f.Count == 6 {
			n++
		}
	}
	if n != 1 {
		t.Errorf("%d findings", n)
	}
}

// Segments that arrive behind a hole and before what fills it were lost on the way.
func TestLossOnTheWay(t *testing.T) {
	sc := &scene{}
	cl, sv := sc.open(1000, 0)
	repeatedly(10, func(i int) {
		base := 1 + uint32(i)*2000
		cl(ms, "A", base+1000, 1, 1000)
		sv(ms, "A", 1, base, 0)
		cl(30*ms, "A", base, 1, 1000)
		sv(ms, "A", 1, base+2000, 0)
	})
	found := sc.watched()[FindLoss]
	if len(found) != 1 || found[0].Severity != Warning || found[0].Numbers[1] != 10 {
		t.Fatalf("%+v", found)
	}
}

// At the end of a capture Found has been called with what All says.
func TestFinishTellsTheRest(t *testing.T) {
	sc := &scene{}
	repeatedly(37, func(i int) { sc.from(ms, 1, i+1, "S", "RA") })
	told := map[uint64]string{}
	w := NewWatch(WatchOptions{Found: func(f *Finding) { told[f.ID] = f.Sentence() }})
	table := NewTable(Options{Watch: w})
	sc.apply(table)
	table.Drain()
	w.Finish()
	n := 0
	for f := range w.All() {
		n++
		if told[f.ID] != f.Sentence() || f.Kind == FindPortScan && f.Count != 37 {
			t.Errorf("told %q, is %q", told[f.ID], f.Sentence())
		}
	}
	if n == 0 {
		t.Error("nothing was found")
	}
}
