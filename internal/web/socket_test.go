package web

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/tarrafa/tarrafa/internal/query"
)

// page is a client of the test.
type page struct {
	*websocket.Conn
	t *testing.T
}

func (r *rig) connect(t *testing.T) *page {
	t.Helper()
	cookie, _ := r.enter(t)
	return r.connectAs(t, cookie)
}

func (r *rig) connectAs(t *testing.T, cookie string) *page {
	t.Helper()
	conn, resp, err := websocket.Dial(t.Context(), "ws://"+r.Addr().String()+"/api/v1/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Cookie": {cookie}, "Origin": {"http://" + r.Addr().String()}},
	})
	if err != nil {
		t.Fatal(err)
	}
	_ = resp
	conn.SetReadLimit(1 << 20)
	t.Cleanup(func() { _ = conn.CloseNow() })
	return &page{conn, t}
}

func (p *page) say(v map[string]any) {
	p.t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		p.t.Fatal(err)
	}
	if err := p.Write(p.t.Context(), websocket.MessageText, b); err != nil {
		p.t.Fatal(err)
	}
}

// head is a received window, with the numbers of its rows.
type head struct {
	view, request, flags uint32
	from, total, skipped uint64
	numbers              []uint64
	raw                  []byte
}

// window reads until a window of rows comes that fits.
func (p *page) window(fits func(*head) bool) *head {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	for {
		kind, b, err := p.Read(ctx)
		if err != nil {
			p.t.Fatal(err)
		}
		if kind != websocket.MessageBinary {
			continue
		}
		le := binary.LittleEndian
		h := &head{
			view: le.Uint32(b[4:]), from: le.Uint64(b[8:]), total: le.Uint64(b[16:]), skipped: le.Uint64(b[24:]),
			flags: le.Uint32(b[36:]), request: le.Uint32(b[48:]), raw: b,
		}
		n := int(le.Uint32(b[32:]))
		if le.Uint32(b) != windowMark || len(b) != recordSize*(1+2*n) {
			p.t.Fatalf("window of %d bytes with %d rows", len(b), n)
		}
		for i := range n {
			h.numbers = append(h.numbers, le.Uint64(b[recordSize*(1+i):]))
		}
		if fits(h) {
			return h
		}
	}
}

// message reads until a JSON message of a type comes.
func (p *page) message(kind string) map[string]any {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.t.Context(), 10*time.Second)
	defer cancel()
	for {
		k, b, err := p.Read(ctx)
		if err != nil {
			p.t.Fatal(err)
		}
		if k != websocket.MessageText {
			continue
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			p.t.Fatal(err)
		}
		if m["type"] == kind {
			return m
		}
	}
}

func run(from uint64, n int) func(*testing.T, *head) {
	return func(t *testing.T, h *head) {
		t.Helper()
		if len(h.numbers) != n || n > 0 && h.numbers[0] != from {
			t.Errorf("%d rows %v, want %d from %d", len(h.numbers), h.numbers, n, from)
		}
		for i, got := range h.numbers {
			if got != h.numbers[0]+uint64(i) {
				t.Errorf("rows %v have a hole", h.numbers)
				break
			}
		}
	}
}

func TestWindows(t *testing.T) {
	r := start(t, nil)
	r.add(t, 1000) // the hub holds the last 256 of them
	p := r.connect(t)
	p.say(map[string]any{"type": "view", "view": 1, "capture": "live"})
	if m := p.message("view"); m["error"] != nil {
		t.Fatal(m)
	}
	for _, tc := range []struct {
		name   string
		from   uint64
		count  int
		follow bool
		first  uint64
		rows   int
	}{
		{"newest", 0, 20, true, 981, 20},
		{"in the hub", 900, 30, false, 901, 30},
		{"older than the hub", 10, 40, false, 11, 40},
		{"across the hub's edge", 730, 40, false, 731, 40},
		{"the end", 990, 40, false, 991, 10},
		{"behind the end", 5000, 40, false, 0, 0},
		{"too many", 0, 100_000, false, 1, maxRows},
		{"none", 0, -5, false, 0, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			request := uint32(100 + tc.from + uint64(uint16(tc.count)))
			p.say(map[string]any{"type": "window", "view": 1, "request": request, "from": tc.from, "count": tc.count, "follow": tc.follow})
			h := p.window(func(h *head) bool { return h.request == request })
			run(tc.first, tc.rows)(t, h)
			if h.total != 1000 {
				t.Errorf("total %d", h.total)
			}
		})
	}
}

// TestFollowing: new rows come by themselves, those that did not fit are counted, and
// none come to a reader who has stopped following.
func TestFollowing(t *testing.T) {
	r := start(t, nil)
	r.add(t, 10)
	p := r.connect(t)
	p.say(map[string]any{"type": "view", "view": 7, "capture": "live"})
	p.message("view")
	p.say(map[string]any{"type": "window", "view": 7, "request": 1, "count": 5, "follow": true})
	p.window(func(h *head) bool { return h.total == 10 && len(h.numbers) == 5 })
	r.add(t, 100)
	h := p.window(func(h *head) bool { return h.total == 110 })
	if h.skipped != 95 || h.flags&windowFollow == 0 || h.numbers[4] != 110 {
		t.Errorf("skipped %d, flags %b, rows %v; want 95 skipped", h.skipped, h.flags, h.numbers)
	}
	p.say(map[string]any{"type": "window", "view": 7, "request": 2, "from": 50, "count": 5})
	run(51, 5)(t, p.window(func(h *head) bool { return h.request == 2 && len(h.numbers) > 0 }))
	r.add(t, 10)
	h = p.window(func(h *head) bool { return h.total == 120 })
	if len(h.numbers) != 0 || h.flags&windowNoRows == 0 {
		t.Errorf("rows %v came to a reader who does not follow", h.numbers)
	}
	if got := r.skipped.Load(); got != 95 {
		t.Errorf("%d skipped rows are counted", got)
	}
}

func TestFilteredViews(t *testing.T) {
	for _, name := range []string{"live", "one"} {
		t.Run(name, func(t *testing.T) {
			r := start(t, nil)
			r.add(t, 1000)
			p := r.connect(t)
			p.say(map[string]any{"type": "view", "view": 1, "capture": name, "filter": "udp.dstport <= 50"})
			if m := p.message("view"); m["error"] != nil {
				t.Fatal(m)
			}
			p.say(map[string]any{"type": "window", "view": 1, "request": 1, "from": 10, "count": 20})
			h := p.window(func(h *head) bool { return len(h.numbers) == 20 })
			run(11, 20)(t, h)
			p.say(map[string]any{"type": "window", "view": 1, "request": 2, "from": 40, "count": 20})
			h = p.window(func(h *head) bool { return h.request == 2 && h.total == 50 })
			run(41, 10)(t, h)
			// A wrong filter says where, and the view before stays.
			p.say(map[string]any{"type": "view", "view": 2, "capture": name, "filter": "udp.dstprt <= 50"})
			m := p.message("view")
			if e, ok := m["error"].(map[string]any); !ok || e["code"] != "filter" || e["position"] == nil {
				t.Errorf("%v", m)
			}
			p.say(map[string]any{"type": "window", "view": 1, "request": 3, "from": 0, "count": 3})
			run(1, 3)(t, p.window(func(h *head) bool { return h.request == 3 }))
		})
	}
}

// TestFilterFollows: what comes later is filtered too.
func TestFilterFollows(t *testing.T) {
	r := start(t, nil)
	r.add(t, 100)
	p := r.connect(t)
	p.say(map[string]any{"type": "view", "view": 1, "capture": "live", "filter": "udp.dstport >= 95"})
	p.message("view")
	p.say(map[string]any{"type": "window", "view": 1, "request": 1, "count": 4, "follow": true})
	p.window(func(h *head) bool { return h.total == 6 })
	r.add(t, 10)
	h := p.window(func(h *head) bool { return h.total == 16 })
	run(107, 4)(t, h)
	_ = p.CloseNow()
	deadline := time.Now().Add(5 * time.Second)
	for {
		r.live.mu.Lock()
		open := len(r.live.filters)
		r.live.mu.Unlock()
		if open == 0 {
			break
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d filters go on for nobody", open)
		}
		time.Sleep(time.Millisecond)
	}
}

func TestTooManyPages(t *testing.T) {
	r := start(t, func(c *Config) { c.MaxClients = 2 })
	cookie, _ := r.enter(t)
	r.connectAs(t, cookie)
	r.connectAs(t, cookie)
	_, resp, err := websocket.Dial(t.Context(), "ws://"+r.Addr().String()+"/api/v1/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Cookie": {cookie}, "Origin": {"http://" + r.Addr().String()}},
	})
	if err == nil || resp.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("third page: %v", err)
	}
	if n := r.refused[refusedClients].Load(); n != 1 {
		t.Errorf("%d refused pages are counted", n)
	}
}

// TestStalledPages: pages that take nothing keep nobody waiting and are dropped.
func TestStalledPages(t *testing.T) {
	r := start(t, func(c *Config) { c.WriteTime = 300 * time.Millisecond })
	r.add(t, 300)
	const stalled = 8
	for range stalled {
		p := r.connect(t)
		p.say(map[string]any{"type": "view", "view": 1, "capture": "live"})
		p.say(map[string]any{"type": "window", "view": 1, "request": 1, "count": maxRows, "follow": true})
		// From here on nothing is read: what is sent stays in the kernel's buffers.
	}
	// A small receive buffer is full sooner; it cannot be set behind Dial, so the packets
	// go on until every stalled page was dropped.
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	var slowest time.Duration
	for r.stalled.Load() < stalled {
		if ctx.Err() != nil {
			t.Fatalf("%d of %d stalled pages dropped", r.stalled.Load(), stalled)
		}
		before := time.Now()
		r.add(t, 50)
		slowest = max(slowest, time.Since(before))
		time.Sleep(5 * time.Millisecond)
	}
	if slowest > 500*time.Millisecond {
		t.Errorf("a batch took %v while pages stalled", slowest)
	}
	for r.clients.Load() != 0 { // the last one is counted before it is gone
		if ctx.Err() != nil {
			t.Fatalf("%d clients are left", r.clients.Load())
		}
		time.Sleep(time.Millisecond)
	}
}

// TestNonsense: whatever a client sends, the server goes on.
func TestNonsense(t *testing.T) {
	r := start(t, nil)
	for _, text := range []string{"", "{", "[]", `{"type":"view","view":-1}`, `{"type":"window","from":1e300}`, `{"type":"view","capture":"../../etc"}`, string(make([]byte, 2*maxRequest))} {
		p := r.connect(t)
		_ = p.Write(t.Context(), websocket.MessageText, []byte(text))
	}
	p := r.connect(t)
	p.say(map[string]any{"type": "view", "view": 1, "capture": "../../etc/passwd"})
	if m := p.message("view"); m["error"] == nil {
		t.Error("a path was opened")
	}
	p.say(map[string]any{"type": "view", "view": 2, "capture": "live"})
	if m := p.message("view"); m["error"] != nil {
		t.Error(m)
	}
}

// TestLastWord: pages are told the final state, then the connection ends.
func TestLastWord(t *testing.T) {
	r := start(t, nil)
	r.add(t, 5)
	p := r.connect(t)
	p.message("status")
	r.hub.Finish()
	r.endOnce.Do(func() { close(r.ending) })
	for {
		m := p.message("status")
		if s, ok := m["status"].(map[string]any); ok && s["final"] == true {
			break
		}
	}
	_, _, err := p.Read(t.Context())
	for err == nil {
		_, _, err = p.Read(t.Context())
	}
	if websocket.CloseStatus(err) != websocket.StatusGoingAway {
		t.Errorf("end: %v", err)
	}
}

// FuzzRequest: whatever a client sends, it is a request within its bounds or none.
func FuzzRequest(f *testing.F) {
	f.Add([]byte(`{"type":"view","view":1,"capture":"live","filter":"tcp","start":"1","end":"2"}`))
	f.Add([]byte(`{"type":"window","view":1,"request":2,"from":18446744073709551615,"count":-1,"follow":true}`))
	f.Add([]byte(`{"type":"statistics","on":true}`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var c client
		if !c.take(b) {
			return
		}
		if c.cursor.Count < 0 || c.cursor.Count > maxRows {
			t.Errorf("%d rows are asked for", c.cursor.Count)
		}
		if c.wanted != nil {
			_, _ = query.Parse(c.wanted.Filter)
		}
	})
}
