package web

import (
	"context"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Packets of the rig have their number in their destination port and in their payload;
// their source address is 10.0.0.(number mod 256).

func TestLocate(t *testing.T) {
	r := start(t, nil)
	r.add(t, 1000)
	for _, c := range []struct {
		query string
		want  located
	}{
		{"number=17", located{true, 17, 16, true}},
		{"number=1000", located{true, 1000, 999, true}},
		{"number=4000", located{true, 1000, 999, false}},
		{"number=17&filter=udp.dstport%20>=%20500", located{true, 500, 0, false}},
		{"number=700&filter=udp.dstport%20>=%20500", located{true, 700, 200, true}},
		{"number=700&filter=udp.dstport%20<%20500", located{true, 499, 498, false}},
		{"number=300&filter=ip.src%20==%2010.0.0.7", located{true, 519, 2, false}},
		{"number=3&filter=udp.dstport%20==%200xffff", located{}},
		{"time=1700000000100000000", located{true, 100, 99, false}},
		{"time=1700000000100000001", located{true, 101, 100, false}},
		{"time=1&filter=udp.dstport%20>%209", located{true, 10, 0, false}},
		{"time=1800000000000000000", located{true, 1000, 999, false}},
		{"number=50&start=1700000000100000000&end=1700000000200000000", located{true, 100, 0, false}},
	} {
		for _, id := range []string{"one", "live"} {
			var got located
			if st := r.ask(t, "GET", "/api/v1/captures/"+id+"/locate?"+c.query, "", &got); st != 200 || got != c.want {
				t.Errorf("%s %s: %d %+v, want %+v", id, c.query, st, got, c.want)
			}
		}
	}
	for _, q := range []string{"", "number=0", "number=-1", "number=1&time=1", "number=1&filter=nonsense"} {
		if st := r.ask(t, "GET", "/api/v1/captures/one/locate?"+q, "", nil); st != 400 {
			t.Errorf("%q: %d", q, st)
		}
	}
}

// The position under a filter that is open on the running capture is the one that its
// windows count with.
func TestLocateInOpenFilter(t *testing.T) {
	r := start(t, nil)
	r.add(t, 1000)
	p := r.connect(t)
	p.say(map[string]any{"type": "view", "view": 1, "capture": "live", "filter": "udp.dstport >= 300"})
	p.say(map[string]any{"type": "window", "view": 1, "request": 1, "from": 0, "count": 3})
	p.window(func(h *head) bool { return h.total == 701 })
	r.memory.Forget(400) // as retention does; what was found stays
	var got located
	r.ask(t, "GET", "/api/v1/captures/live/locate?number=800&filter=udp.dstport%20>=%20300", "", &got)
	if got != (located{true, 800, 500, true}) {
		t.Errorf("%+v", got)
	}
	r.ask(t, "GET", "/api/v1/captures/live/locate?number=800", "", &got)
	if got != (located{true, 800, 799, true}) {
		t.Errorf("all: %+v", got)
	}
	var h hit
	r.ask(t, "GET", "/api/v1/captures/live/search?direction=previous&from=800&bytes="+payload(700)+"&filter=udp.dstport%20>=%20300", "", &h)
	if !h.Found || h.Number != 700 || h.Position != 400 {
		t.Errorf("search: %+v", h)
	}
	// Rows keep their places, too.
	p.say(map[string]any{"type": "view", "view": 2, "capture": "live"})
	p.say(map[string]any{"type": "window", "view": 2, "request": 2, "from": 390, "count": 30})
	w := p.window(func(h *head) bool { return h.request == 2 })
	if w.from != 400 || w.flags&windowExpired == 0 || len(w.numbers) == 0 || w.numbers[0] != 401 {
		t.Errorf("window from %d, flags %b, rows %v", w.from, w.flags, w.numbers)
	}
}

// payload is that of a packet of the rig, in hexadecimal.
func payload(number uint32) string {
	return fmt.Sprintf("%08x", number) + hex.EncodeToString([]byte("data"))
}

func TestSearch(t *testing.T) {
	r := start(t, nil)
	r.add(t, 3000)
	for _, c := range []struct {
		query string
		want  hit
	}{
		{"text=DATA", hit{Found: true, Number: 1, Position: 0, Offset: 46, Length: 4}},
		{"text=DATA&case=1", hit{}},
		{"text=data&case=1&from=9", hit{Found: true, Number: 10, Position: 9, Offset: 46, Length: 4}},
		{"text=data&direction=previous", hit{Found: true, Number: 3000, Position: 2999, Offset: 46, Length: 4}},
		{"text=data&direction=previous&from=9", hit{Found: true, Number: 8, Position: 7, Offset: 46, Length: 4}},
		{"text=data&direction=previous&from=1", hit{}},
		{"bytes=" + payload(2500), hit{Found: true, Number: 2500, Position: 2499, Offset: 42, Length: 8}},
		{"bytes=" + payload(2500) + "&from=2500", hit{}},
		{"bytes=" + payload(3) + "&direction=previous", hit{Found: true, Number: 3, Position: 2, Offset: 42, Length: 8}},
		{"bytes=0a000007&in=packet", hit{Found: true, Number: 7, Position: 6, Offset: 26, Length: 4}},
		{"bytes=0a000007", hit{}},
		{"bytes=0a000007&in=packet&from=8&filter=udp.dstport%20>%20300", hit{Found: true, Number: 519, Position: 218, Offset: 26, Length: 4}},
	} {
		for _, id := range []string{"one", "live"} {
			var got hit
			st := r.ask(t, "GET", "/api/v1/captures/"+id+"/search?"+c.query, "", &got)
			if !got.Done {
				t.Errorf("%s: not done", c.query)
			}
			got.Done, got.Searched, got.Resume = false, 0, 0
			if !got.Found {
				got = hit{}
			}
			if st != 200 || got != c.want {
				t.Errorf("%s %s: %d %+v, want %+v", id, c.query, st, got, c.want)
			}
		}
	}
	for _, q := range []string{"", "text=", "text=a&bytes=61", "bytes=6", "bytes=zz", "text=%ff", "text=a&direction=up", "text=a&in=head", "text=a&from=x", "text=" + strings.Repeat("x", 257)} {
		if st := r.ask(t, "GET", "/api/v1/captures/one/search?"+q, "", nil); st != 400 {
			t.Errorf("%.20q: %d", q, st)
		}
	}
}

func TestNeighbour(t *testing.T) {
	r := start(t, nil)
	b := batch(1, 600)
	for i := range b.Rows { // three conversations, in turn; the payload repeats after seven
		s := &b.Rows[i]
		data := b.Data(s)
		number := s.Number
		data[29], data[36], data[37] = byte(number%3), 0, 99
		copy(data[42:46], []byte{0, 0, 0, byte(number % 7)})
		*s = packet.Summary{Number: number, Time: s.Time, DataOff: s.DataOff, CapLen: s.CapLen, WireLen: s.WireLen}
		packet.NewDecoder().Summarize(data, s, packet.LinkEthernet)
	}
	if err := r.memory.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		query            string
		number, position uint64
	}{
		{"300/neighbour", 303, 302}, {"300/neighbour?direction=previous", 297, 296}, {"1/neighbour?direction=previous", 0, 0}, {"600/neighbour", 0, 0},
		{"300/neighbour?same=payload", 307, 306}, {"300/neighbour?same=payload&direction=previous", 293, 292},
		{"300/neighbour?filter=frame.number%20>=%20310", 312, 2}, {"300/neighbour?same=payload&filter=frame.number%20>=%20310", 314, 4},
	} {
		var got hit
		if st := r.ask(t, "GET", "/api/v1/captures/one/packets/"+c.query, "", &got); st != 200 || got.Number != c.number || got.Position != c.position || got.Found != (c.number > 0) || !got.Done {
			t.Errorf("%s: %d %+v, want %d at %d", c.query, st, got, c.number, c.position)
		}
	}
	for q, want := range map[string]int{"601/neighbour": 404, "x/neighbour": 400, "1/neighbour?same=mood": 400, "1/neighbour?direction=up": 400} {
		if st := r.ask(t, "GET", "/api/v1/captures/one/packets/"+q, "", nil); st != want {
			t.Errorf("%s: %d", q, st)
		}
	}
}

func TestSearchEndsWithItsRequest(t *testing.T) {
	r := start(t, nil)
	r.add(t, 100)
	for range maxSearches {
		r.searches <- struct{}{}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	l := &listing{reader: &lent{Reader: r.memory}}
	if _, err := r.scan(requestOf(ctx), l, 0, false, nil, nil); err == nil {
		t.Error("a search went on")
	}
	<-r.searches
	if _, err := r.scan(requestOf(ctx), l, 0, false, nil, func(*dataOf, *hit) bool { return false }); err != nil && ctx.Err() == nil {
		t.Error(err)
	}
}

func requestOf(ctx context.Context) *http.Request {
	r, _ := http.NewRequestWithContext(ctx, http.MethodGet, "/", http.NoBody)
	return r
}

func TestRank(t *testing.T) {
	var b bitmap
	var want uint64
	for i := range uint64(20_000) {
		if got := b.rank(i); got != want {
			t.Fatalf("rank(%d) = %d, want %d", i, got, want)
		}
		set := i%7 == 0 || i > 9000 && i < 9500
		b.add(set)
		if set {
			want++
		}
		if got := b.rank(1 << 40); got != want {
			t.Fatalf("after %d: %d, want %d", i, got, want)
		}
	}
}

// FuzzSearch: no parameters make a search fail in another way than by saying what is wrong,
// and what is found is there.
func FuzzSearch(f *testing.F) {
	f.Add("Data", "", "", "packet", []byte("some dATA"))
	f.Add("", "0aFF", "1", "", []byte{1, 2, 0x0a, 0xff})
	f.Fuzz(func(t *testing.T, text, octets, folding, in string, data []byte) {
		n, err := readNeedle(text, octets, folding, in)
		if err != nil {
			return
		}
		var room []byte
		s := &packet.Summary{CapLen: uint32(len(data)), PayloadOff: 1, PayloadLen: uint32(len(data))}
		i := n.in(s, data, &room)
		if i < 0 {
			return
		}
		got := string(data[i : i+len(n.bytes)])
		if got != string(n.bytes) && !(n.fold && strings.EqualFold(got, text)) || !n.all && i < 1 {
			t.Fatalf("found %q at %d", got, i)
		}
	})
}
