package flow

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

const (
	host1 = "10.0.0.1"
	web   = "10.0.0.2:80"
)

// watched runs a scene through a table with a watch and returns what it found.
func (sc *scene) watched(names ...string) map[FindingKind][]*Finding {
	w := NewWatch(WatchOptions{})
	table := NewTable(Options{Watch: w})
	sc.apply(table)
	for i, n := range names {
		w.DNSName(packet.AddrFrom4([4]byte{10, 0, 0, 1}), 4, []byte(n), uint64(i)+1, sceneStart+int64(i)*1e9)
	}
	w.now += 60e9
	table.Drain()
	found := map[FindingKind][]*Finding{}
	for f := range w.All() {
		found[f.Kind] = append(found[f.Kind], f)
	}
	return found
}

// open adds a handshake of client port to web, and returns functions that add what each
// side sends.
func (sc *scene) open(port int, after time.Duration) (client, server func(after time.Duration, flags string, seq, ack uint32, length int)) {
	c := fmt.Sprintf("%s:%d", host1, port)
	sc.add(segment{after: after, src: c, dst: web, flags: "S", window: 1000})
	sc.add(segment{after: 10 * time.Millisecond, src: web, dst: c, flags: "SA", ack: 1, window: 1000})
	sc.add(segment{after: time.Millisecond, src: c, dst: web, flags: "A", seq: 1, ack: 1, window: 1000})
	send := func(src, dst string) func(time.Duration, string, uint32, uint32, int) {
		return func(after time.Duration, flags string, seq, ack uint32, length int) {
			sc.add(segment{after: after, src: src, dst: dst, flags: flags, seq: seq, ack: ack, window: 1000, length: length})
		}
	}
	return send(c, web), send(web, c)
}

func repeatedly(n int, f func(i int)) {
	for i := range n {
		f(i)
	}
}

const ms = time.Millisecond

// detector is a kind of finding with a sequence of packets that must be reported and one,
// much like it, that must not.
type detector struct {
	kind     FindingKind
	bad      func(sc *scene)
	good     func(sc *scene)
	severity Severity
	sentence string
}

var detectors = []detector{
	{
		FindRetransmissions,
		func(sc *scene) {
			cl, sv := sc.open(1000, 0)
			repeatedly(20, func(i int) {
				cl(ms, "A", 1+uint32(i)*300, 1, 300)
				cl(300*ms, "A", 1+uint32(i)*300, 1, 300)
				sv(ms, "A", 1, 1+uint32(i+1)*300, 0)
			})
		},
		func(sc *scene) {
			cl, sv := sc.open(1000, 0)
			repeatedly(400, func(i int) {
				cl(ms, "A", 1+uint32(i)*20, 1, 20)
				if i%36 == 35 { // 11 of 412 packets
					cl(300*ms, "A", 1+uint32(i)*20, 1, 20)
				}
				sv(ms, "A", 1, 1+uint32(i+1)*20, 0)
			})
		},
		Serious, "10.0.0.1:1000 repeated 20 of its 42 packets to 10.0.0.2:80 (47.6 %).",
	},
	{
		FindLoss,
		func(sc *scene) {
			cl, _ := sc.open(1000, 0)
			repeatedly(6, func(i int) { cl(ms, "A", 1+uint32(i)*1000, 1, 500) })
		},
		func(sc *scene) {
			cl, _ := sc.open(1000, 0)
			repeatedly(6, func(i int) { cl(ms, "A", 1+uint32(i)*500, 1, 500) })
		},
		Info, "Segments of 10.0.0.1:1000 to 10.0.0.2:80 were missing in 5 places, and came later in 0: lost or delayed on the way then, else perhaps lost by the capture.",
	},
	{
		FindStall,
		func(sc *scene) {
			cl, _ := sc.open(1000, 0)
			cl(ms, "A", 1, 1, 500)
			sc.add(segment{src: web, dst: host1 + ":1000", flags: "A", seq: 1, ack: 501})
			sc.add(segment{after: 6 * time.Second, src: web, dst: host1 + ":1000", flags: "A", seq: 1, ack: 501, window: 500})
		},
		func(sc *scene) {
			cl, _ := sc.open(1000, 0)
			cl(ms, "A", 1, 1, 500)
			sc.add(segment{src: web, dst: host1 + ":1000", flags: "A", seq: 1, ack: 501})
			sc.add(segment{after: 100 * ms, src: web, dst: host1 + ":1000", flags: "A", seq: 1, ack: 501, window: 500})
		},
		Serious, "10.0.0.2:80 closed its receive window, for 6s at most and 6s in all (stalls: 1), so that 10.0.0.1:1000 could not send.",
	},
	{
		FindReset,
		func(sc *scene) {
			cl, sv := sc.open(1000, 0)
			cl(ms, "A", 1, 1, 500)
			sv(ms, "R", 1, 0, 0)
		},
		func(sc *scene) {
			cl, sv := sc.open(1000, 0)
			cl(ms, "FA", 1, 1, 0)
			sv(ms, "FA", 1, 2, 0)
			cl(ms, "R", 2, 0, 0)
		},
		Warning, "Established connections to 10.0.0.2:80 that the server reset: 1, after 500 bytes.",
	},
	{
		FindRefused,
		func(sc *scene) {
			repeatedly(3, func(i int) {
				c := fmt.Sprintf("%s:%d", host1, 1000+i)
				sc.add(segment{after: ms, src: c, dst: web, flags: "S"})
				sc.add(segment{after: ms, src: web, dst: c, flags: "RA", ack: 1})
			})
		},
		func(sc *scene) {
			repeatedly(3, func(i int) {
				_, sv := sc.open(1000+i, ms)
				sv(ms, "R", 1, 0, 0)
			})
		},
		Info, "Connections that 10.0.0.2:80 refused: 3.",
	},
	{
		FindHalfOpen,
		func(sc *scene) {
			repeatedly(5, func(i int) {
				c := fmt.Sprintf("%s:%d", host1, 1000+i)
				sc.add(segment{after: ms, src: c, dst: web, flags: "S"})
				if i < 2 {
					sc.add(segment{after: ms, src: web, dst: c, flags: "SA", ack: 1})
				}
			})
			// They might still be answered if the capture ended here.
			sc.add(segment{after: 10 * time.Second, src: "10.0.0.9:5000", dst: "10.0.0.8:5000", proto: protoUDP, length: 8})
		},
		func(sc *scene) {
			repeatedly(5, func(i int) { sc.open(1000+i, ms) })
		},
		Warning, "Connections to 10.0.0.2:80 that were never established: 5 (answered, but not completed: 2).",
	},
	{
		FindPortScan,
		func(sc *scene) {
			repeatedly(40, func(i int) {
				sc.add(segment{after: ms, src: host1 + ":1000", dst: fmt.Sprintf("10.0.0.2:%d", 1+i), flags: "S"})
				sc.add(segment{after: ms, src: fmt.Sprintf("10.0.0.2:%d", 1+i), dst: host1 + ":1000", flags: "RA", ack: 1})
			})
		},
		func(sc *scene) { // many ports, but they answer
			repeatedly(40, func(i int) {
				s := fmt.Sprintf("10.0.0.2:%d", 1+i)
				sc.add(segment{after: ms, src: host1 + ":1000", dst: s, flags: "S"})
				sc.add(segment{after: ms, src: s, dst: host1 + ":1000", flags: "SA", ack: 1})
				sc.add(segment{after: ms, src: host1 + ":1000", dst: s, flags: "A", seq: 1, ack: 1, length: 3})
			})
		},
		Warning, "",
	},
	{
		FindSweep,
		func(sc *scene) {
			repeatedly(40, func(i int) {
				sc.add(segment{after: ms, src: host1 + ":1000", dst: fmt.Sprintf("10.0.1.%d:22", 1+i), flags: "S"})
			})
		},
		func(sc *scene) {
			repeatedly(20, func(i int) {
				sc.add(segment{after: ms, src: host1 + ":1000", dst: fmt.Sprintf("10.0.1.%d:22", 1+i), flags: "S"})
			})
		},
		Warning, "",
	},
	{
		FindFlood,
		func(sc *scene) {
			repeatedly(300, func(i int) {
				sc.add(segment{after: 10 * ms, src: fmt.Sprintf("10.1.%d.%d:%d", i/250, i%250, 1000+i), dst: web, flags: "S"})
			})
		},
		func(sc *scene) {
			repeatedly(300, func(i int) { sc.open(1000+i, 10*ms) })
		},
		Serious, "",
	},
	{
		FindSilent,
		func(sc *scene) {
			repeatedly(5, func(i int) {
				cl, sv := sc.open(1000+i, ms)
				cl(ms, "FA", 1, 1, 0)
				sv(ms, "FA", 1, 2, 0)
			})
		},
		func(sc *scene) {
			repeatedly(5, func(i int) {
				cl, sv := sc.open(1000+i, ms)
				cl(ms, "FA", 1, 1, 1)
				sv(ms, "FA", 1, 3, 0)
			})
		},
		Info, "Connections to 10.0.0.2:80 that were opened and closed without any data: 5.",
	},
	{
		FindRTTJump,
		func(sc *scene) { pingPong(sc, 60, func(i int) bool { return i > 50 }) },
		func(sc *scene) { pingPong(sc, 60, func(i int) bool { return i%10 == 9 }) },
		Warning, "",
	},
	{
		FindHeartbeat,
		func(sc *scene) { beats(sc, 8, func(int) time.Duration { return 2 * time.Second }, true) },
		func(sc *scene) {
			beats(sc, 8, func(i int) time.Duration { return time.Duration(1+i*i) * time.Second }, true)
		},
		Info, "10.0.0.1:1000 sent the same 40 bytes to 10.0.0.2:80 6 times, every 2s.",
	},
	{
		FindDuplicates,
		func(sc *scene) {
			beats(sc, 25, func(i int) time.Duration { return time.Duration(1+i*i%7) * time.Second }, true)
		},
		func(sc *scene) {
			beats(sc, 25, func(i int) time.Duration { return time.Duration(1+i*i%7) * time.Second }, false)
		},
		Info, "10.0.0.1:1000 sent the same 40 bytes to 10.0.0.2:80 20 times.",
	},
	{
		FindOutOfState,
		func(sc *scene) {
			sc.add(segment{src: host1 + ":1000", dst: web, flags: "FPU"})
			sc.add(segment{src: host1 + ":1001", dst: web, flags: ""})
			sc.add(segment{src: host1 + ":1002", dst: web, flags: "SF"})
		},
		func(sc *scene) {
			repeatedly(3, func(i int) {
				cl, sv := sc.open(1000+i, ms)
				cl(ms, "FPA", 1, 1, 5)
				sv(ms, "FA", 1, 7, 0)
			})
		},
		Warning, "10.0.0.1 sent 3 segments that fit no connection: 3 with impossible flags, 0 with data after its FIN.",
	},
	{
		FindInjection,
		func(sc *scene) {
			cl, sv := sc.open(1000, 0)
			cl(ms, "A", 1, 1, 100)
			sv(ms, "R", 1, 0, 0)
			sv(20*ms, "A", 1, 101, 500)
		},
		func(sc *scene) {
			cl, sv := sc.open(1000, 0)
			cl(ms, "A", 1, 1, 100)
			sv(ms, "R", 1, 0, 0)
			cl(ms, "A", 101, 1, 100) // it did not know yet
			sv(ms, "R", 1, 0, 0)
		},
		Serious, "10.0.0.2:80 went on sending to 10.0.0.1:1000 20ms after a reset in its name: somebody else may have sent the reset.",
	},
	{
		FindBeacon,
		func(sc *scene) { repeatedly(10, func(i int) { sc.open(1000+i, 60*time.Second) }) },
		func(sc *scene) {
			rng := rand.New(rand.NewPCG(1, 1))
			repeatedly(10, func(i int) { sc.open(1000+i, time.Duration(1+rng.IntN(120))*time.Second) })
		},
		Info, "10.0.0.1 connected to 10.0.0.2:80 8 times, every 1m0.01s (deviation 0.0 %).",
	},
}

func TestDetectors(t *testing.T) {
	for _, c := range detectors {
		t.Run(c.kind.String(), func(t *testing.T) {
			bad := &scene{}
			c.bad(bad)
			found := bad.watched()[c.kind]
			if len(found) != 1 {
				t.Fatalf("found %d times in the bad sequence", len(found))
			}
			f := found[0]
			if f.Severity != c.severity {
				t.Errorf("severity %v, want %v", f.Severity, c.severity)
			}
			if s := f.Sentence(); s == "" || strings.ContainsAny(s, "{}") {
				t.Errorf("sentence %q of key %s", s, f.Key())
			} else if c.sentence != "" && !sameSentence(f, c.sentence) {
				t.Errorf("got  %s\nwant %s", s, c.sentence)
			}
			e := f.Evidence()
			if len(e) == 0 || !slices.IsSorted(e) || e[len(e)-1] > uint64(len(bad.rows)) {
				t.Errorf("evidence %v of %d packets", e, len(bad.rows))
			}
			if f.First < sceneStart || f.Last < f.First {
				t.Errorf("from %d to %d", f.First, f.Last)
			}
			good := &scene{}
			c.good(good)
			for _, f := range good.watched()[c.kind] {
				t.Errorf("found in the good sequence: %s", f.Sentence())
			}
		})
	}
}

// sameSentence compares a sentence, whose count may have grown since it was first said.
func sameSentence(f *Finding, want string) bool {
	for n := f.Count; n > 0; n-- {
		g := *f
		g.Count = n
		if g.Sentence() == want {
			return true
		}
	}
	return false
}

// pingPong makes n exchanges of 5 ms, or of 400 ms when slow says so.
func pingPong(sc *scene, n int, slow func(i int) bool) {
	cl, sv := sc.open(1000, 0)
	repeatedly(n, func(i int) {
		wait := 5 * ms
		if slow(i) {
			wait = 400 * ms
		}
		cl(ms, "A", 1+uint32(i)*10, 1, 10)
		sv(wait, "A", 1, 1+uint32(i+1)*10, 0)
	})
}

// beats sends the same payload n times, or different ones.
func beats(sc *scene, n int, wait func(i int) time.Duration, same bool) {
	sc.open(1000, 0)
	repeatedly(n, func(i int) {
		data := []byte(strings.Repeat("ping", 10))
		if !same {
			data[0] = byte(i)
		}
		sc.add(segment{after: wait(i), src: host1 + ":1000", dst: web, flags: "A", seq: 1 + uint32(i)*40, ack: 1, window: 1000, data: data})
	})
}

func TestDNSTunnel(t *testing.T) {
	tunnel, ordinary := tunnelNames()
	found := (&scene{}).watched(tunnel...)[FindDNSTunnel]
	if len(found) != 1 || found[0].Severity != Serious {
		t.Fatalf("%d found", len(found))
	}
	if s := found[0].Sentence(); !strings.Contains(s, "under example.com, 42 characters") || !strings.HasPrefix(s, "10.0.0.1 asked") {
		t.Error(s)
	}
	for _, f := range (&scene{}).watched(ordinary...)[FindDNSTunnel] {
		t.Error(f.Sentence())
	}
	same := make([]string, 200) // one long name again and again
	for i := range same {
		same[i] = tunnel[0]
	}
	for _, f := range (&scene{}).watched(same...)[FindDNSTunnel] {
		t.Error(f.Sentence())
	}
}

func TestSplitDomain(t *testing.T) {
	for name, want := range map[string][2]string{
		"www.example.com":      {"www", "example.com"},
		"a.b.example.com":      {"a.b", "example.com"},
		"example.com":          {"", "example.com"},
		"com":                  {"", "com"},
		"":                     {"", ""},
		"x.shop.co.uk":         {"x", "shop.co.uk"},
		"x.y.prefeitura.sp.br": {"x.y", "prefeitura.sp.br"},
		"...":                  {".", "."},
		strings.Repeat("a", 400) + ".example.com": {strings.Repeat("a", 243), "example.com"},
	} {
		front, parent := splitDomain([]byte(name))
		if string(front) != want[0] || string(parent) != want[1] {
			t.Errorf("%q: %q under %q, want %q under %q", name, front, parent, want[0], want[1])
		}
	}
}

// Foreign bytes in a domain do not reach the sentence.
func TestSentenceIsPlain(t *testing.T) {
	f := Finding{Kind: FindDNSTunnel, Tuple: packet.Tuple{Version: 4}}
	f.TextLen = uint8(copy(f.Text[:], "e\x1b[31m{src}\n.com"))
	if s := f.Sentence(); strings.ContainsAny(s, "\x1b\n") || !strings.Contains(s, "{src}") {
		t.Errorf("%q", s)
	}
}

var floodSources = flag.Int("flood", 1_000_000, "how many sources TestWatchUnderFlood has")

// What a watch holds does not grow with the number of sources.
func TestWatchUnderFlood(t *testing.T) {
	sources := *floodSources
	if testing.Short() {
		sources = 300_000
	}
	var told int
	w := NewWatch(WatchOptions{Found: func(f *Finding) { told++ }})
	table := NewTable(Options{Memory: 16 << 20, Watch: w})
	notes := make([]Note, 2000)
	for i := 0; i < sources; i += len(notes) {
		table.Apply(flood(len(notes), uint32(i)), nil, notes)
	}
	c := w.Counters()
	if c.Findings[FindFlood] != 1 {
		t.Errorf("%d floods found", c.Findings[FindFlood])
	}
	if c.Findings[FindPortScan]+c.Findings[FindSweep] != 0 {
		t.Error("a flood of single packets is no scan")
	}
	if len(w.sources.entries) > sourceLimit || len(w.clues.entries) > clueLimit || len(w.beacons.entries) > beaconLimit {
		t.Error("a table is larger than its limit")
	}
	if told > 100 {
		t.Errorf("%d things told", told)
	}
	if t.Failed() {
		t.Logf("%+v", c)
	}
}

func TestDistinct(t *testing.T) {
	m := newMixer()
	for _, n := range []uint64{0, 1, 10, 25, 100, 400} {
		var d distinct
		for i := range n {
			d.add(m.words(i, 0, 0))
			d.add(m.words(i, 0, 0))
		}
		if got := float64(d.count()); got < 0.8*float64(n)-2 || got > 1.25*float64(n)+2 {
			t.Errorf("%d different: estimate %v", n, got)
		}
	}
}

func TestBounded(t *testing.T) {
	b := newBounded[int](100)
	m := newMixer()
	for i := range uint64(10_000) {
		v, fresh := b.put(m.words(i, 0, 0))
		if !fresh || *v != 0 {
			t.Fatalf("%d is not fresh", i)
		}
		*v = int(i)
		if used := b.get(m.words(7, 0, 0)); i >= 7 && (used == nil || *used != 7) {
			t.Fatalf("what is looked at was evicted at %d", i)
		}
	}
	if len(b.entries) != 100 || b.evicted != 9900 || b.slots.used != 100 {
		t.Errorf("%d entries, %d evicted, %d slots", len(b.entries), b.evicted, b.slots.used)
	}
}

// More findings than are held do not take each other's place with every packet.
func TestFindingsAreNotRenewedWithEveryPacket(t *testing.T) {
	told := 0
	w := NewWatch(WatchOptions{Found: func(*Finding) { told++ }})
	const subjects = 4 * findingsLimit
	for round := range 10 {
		for i := range uint64(subjects) {
			w.now = int64(round) * 1e9
			f, fresh := w.raise(FindHeartbeat, w.subject(FindHeartbeat, i, 0, 0), &clue{count: 10})
			w.tell(f, fresh)
		}
	}
	c := w.Counters()
	if limit := findingsLimit + renewalsPerMinute; c.Findings[FindHeartbeat] > uint64(limit) || c.Withheld[FindHeartbeat] < 9*(subjects-findingsLimit)-renewalsPerMinute {
		t.Errorf("%d findings of at most %d, %d times withheld, %d times told", c.Findings[FindHeartbeat], limit, c.Withheld[FindHeartbeat], told)
	}
	w.now += 61e9
	if _, fresh := w.raise(FindHeartbeat, w.subject(FindHeartbeat, 1<<40, 0, 0), &clue{count: 10}); !fresh {
		t.Error("nothing new is taken in a minute later")
	}
}
