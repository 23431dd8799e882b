package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/coder/websocket"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/stats"
)

const (
	windowEvery = 33 * time.Millisecond
	statusEvery = 250 * time.Millisecond
	statsEvery  = 500 * time.Millisecond
	maxRequest  = 16 << 10 // bytes of one request of a client
)

// request is what a client sends.
type request struct {
	Type string `json:"type"` // view, window or statistics

	// view: what the client looks at from now on.
	View    uint32 `json:"view"`
	Capture string `json:"capture"` // "live" or an identifier
	Filter  string `json:"filter"`
	Start   int64  `json:"start,string"` // nanoseconds since 1970, both 0: all
	End     int64  `json:"end,string"`

	// window: which rows of it. Only the last request counts.
	Request uint32 `json:"request"`
	From    uint64 `json:"from"`
	Count   int    `json:"count"`
	Follow  bool   `json:"follow"`

	On bool `json:"on"` // statistics: whether they are wanted
}

// client is one WebSocket. Its cursor is the newest request; there is no queue.
type client struct {
	s    *Server
	conn *websocket.Conn
	kick chan struct{} // a request has come

	mu         sync.Mutex
	wanted     *request // view that is to be opened
	cursor     request  // newest window request
	statistics bool

	view   view
	viewID uint32
	// What was sent last.
	served   uint32 // request
	total    uint64
	exact    bool
	end      uint64 // position behind the last row of the last followed window
	skipped  uint64
	buf      []byte
	status   time.Time
	stats    time.Time
	series   time.Time // when the series was sent last
	seen     uint64    // snapshot of the last status
	lastStat uint64
}

// socket takes a client in.
func (s *Server) socket(w http.ResponseWriter, r *http.Request) {
	// guard has refused every Origin but ours; a browser always sends one here.
	if r.Header.Get("Origin") == "" {
		s.refuse(w, refusedOrigin, http.StatusForbidden, "the request does not say where it comes from")
		return
	}
	if s.clients.Add(1) > int64(s.cfg.MaxClients) {
		s.clients.Add(-1)
		s.refuse(w, refusedClients, http.StatusServiceUnavailable, "too many pages are open")
		return
	}
	defer s.clients.Add(-1)
	s.sockets.Add(1)
	defer s.sockets.Done()
	conn, err := websocket.Accept(w, r, &websocket.AcceptOptions{
		OriginPatterns: s.origins, CompressionMode: websocket.CompressionDisabled,
	})
	if err != nil {
		return
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(maxRequest)
	c := &client{s: s, conn: conn, kick: make(chan struct{}, 1)}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	go func() {
		defer cancel()
		c.read(ctx)
	}()
	c.run(ctx)
	if c.view != nil {
		c.view.close()
	}
}

// read takes the client's requests, each in the place of the one before.
func (c *client) read(ctx context.Context) {
	for {
		_, b, err := c.conn.Read(ctx)
		if err != nil {
			return
		}
		var r request
		if json.Unmarshal(b, &r) != nil {
			_ = c.conn.Close(websocket.StatusPolicyViolation, "not a request")
			return
		}
		c.mu.Lock()
		switch r.Type {
		case "view":
			c.wanted = &r
		case "window":
			r.Count = min(max(r.Count, 0), maxRows)
			c.cursor = r
		case "statistics":
			c.statistics = r.On
		}
		c.mu.Unlock()
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
}

// run sends what is new, at most every windowEvery.
func (c *client) run(ctx context.Context) {
	tick := time.NewTicker(windowEvery)
	defer tick.Stop()
	for {
		if err := c.serve(ctx); err != nil {
			if errors.Is(err, errStalled) {
				c.s.stalled.Add(1)
			}
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-c.s.ending:
			_ = c.sendStatus(ctx, true)
			_ = c.conn.Close(websocket.StatusGoingAway, "the program has ended")
			return
		case <-c.kick:
		case <-tick.C:
		}
	}
}

func (c *client) serve(ctx context.Context) error {
	c.mu.Lock()
	wanted, cursor, statistics := c.wanted, c.cursor, c.statistics
	c.wanted = nil
	c.mu.Unlock()
	if wanted != nil {
		if err := c.open(ctx, wanted); err != nil {
			return err
		}
	}
	if err := c.sendWindow(ctx, &cursor); err != nil {
		return err
	}
	if c.s.cfg.Hub == nil {
		return nil
	}
	now := time.Now()
	if now.Sub(c.status) >= statusEvery {
		if err := c.sendStatus(ctx, false); err != nil {
			return err
		}
		c.status = now
	}
	if snap := c.s.cfg.Hub.Snapshot(); statistics && snap.Seq != c.lastStat && now.Sub(c.stats) >= statsEvery {
		c.stats, c.lastStat = now, snap.Seq
		return c.send(ctx, message{Type: "statistics", Statistics: c.s.cfg.Hub.Statistics(statisticsTop)})
	}
	return nil
}

const statisticsTop = 20

// message is what a client gets as JSON.
type message struct {
	Type       string         `json:"type"` // view, status, statistics, error
	View       uint32         `json:"view,omitempty"`
	Error      *problem       `json:"error,omitempty"`
	Status     *status        `json:"status,omitempty"`
	Statistics json.Marshaler `json:"statistics,omitempty"`
}

// status is a snapshot without its statistics.
type status struct {
	*live.Snapshot
	Stats   struct{}      `json:"stats"`
	Whole   *stats.Series `json:"series,omitempty"` // once a second, in few points
	Dropped uint64        `json:"dropped"`
	Packets uint64        `json:"packets"`
	Bytes   uint64        `json:"bytes"`
}

func (c *client) sendStatus(ctx context.Context, last bool) error {
	if c.s.cfg.Hub == nil {
		return nil
	}
	snap := c.s.cfg.Hub.Snapshot()
	if snap.Seq == c.seen && !last {
		return nil
	}
	c.seen = snap.Seq
	m := &status{Snapshot: snap, Dropped: snap.Dropped(), Packets: snap.Stats.Packets, Bytes: snap.Stats.Bytes}
	if now := time.Now(); last || now.Sub(c.series) >= time.Second {
		c.series = now
		m.Whole = coarse(snap.Whole, chartPoints)
	}
	return c.send(ctx, message{Type: "status", Status: m})
}

const chartPoints = 600

// coarse adds up neighbouring points until at most limit are left.
func coarse(s stats.Series, limit int) *stats.Series {
	k := (len(s.Points) + limit - 1) / limit
	if k <= 1 {
		return &s
	}
	out := stats.Series{Start: s.Start, Width: s.Width * int64(k)}
	for points := range slices.Chunk(s.Points, k) {
		var sum stats.Point
		for _, p := range points {
			sum.Packets += p.Packets
			sum.Bytes += p.Bytes
		}
		out.Points = append(out.Points, sum)
	}
	return &out
}

// open changes what the client looks at. A view that cannot be opened leaves the one
// before as it is.
func (c *client) open(ctx context.Context, r *request) error {
	v, err := c.s.openView(ctx, r)
	if err != nil {
		return c.send(ctx, message{Type: "view", View: r.View, Error: problemOf(err)})
	}
	if c.view != nil {
		c.view.close()
	}
	c.view, c.viewID = v, r.View
	c.served, c.total, c.exact, c.end, c.skipped = 0, 0, false, 0, 0
	return c.send(ctx, message{Type: "view", View: r.View})
}

func (s *Server) openView(ctx context.Context, r *request) (view, error) {
	f, err := query.Parse(r.Filter)
	if err != nil {
		return nil, err
	}
	if r.Capture == liveName {
		if s.live == nil {
			return nil, ErrNoCapture
		}
		return s.live.open(f, r.Start, r.End)
	}
	reader, err := s.library.lend(ctx, r.Capture)
	if err != nil {
		return nil, err
	}
	return &storedView{reader: reader, scope: query.Scope{From: r.Start, To: r.End, Filter: f}}, nil
}

// sendWindow sends the rows that the cursor is at, when the client does not have them.
func (c *client) sendWindow(ctx context.Context, cursor *request) error {
	if c.view == nil || cursor.View != c.viewID {
		return nil
	}
	total, exact, done := c.view.size()
	asked := cursor.Request != c.served
	newer := total != c.total || exact != c.exact
	if !asked && !newer {
		return nil
	}
	w := &window{total: total, done: done, flags: windowNoRows}
	if exact {
		w.flags |= windowExact
	}
	if asked || cursor.Follow {
		// A newer cursor ends the work for this one.
		var err error
		if w, err = c.view.window(ctx, cursor.From, cursor.Count, cursor.Follow); err != nil {
			if ctx.Err() != nil {
				return ctx.Err()
			}
			c.served = cursor.Request
			return c.send(ctx, message{Type: "error", View: c.viewID, Error: problemOf(err)})
		}
	}
	if cursor.Follow {
		w.flags |= windowFollow
		if c.end > 0 && w.from > c.end {
			c.skipped += w.from - c.end
			c.s.skipped.Add(w.from - c.end)
		}
		c.end = w.from + uint64(len(w.rows))
	} else {
		c.end = 0
	}
	c.served, c.total, c.exact = cursor.Request, w.total, w.flags&windowExact != 0
	w.view, w.request, w.skipped = c.viewID, cursor.Request, c.skipped
	c.buf = w.append(c.buf[:0])
	c.s.windows.Add(1)
	return c.write(ctx, websocket.MessageBinary, c.buf)
}

func (c *client) send(ctx context.Context, m message) error {
	b, err := json.Marshal(m)
	if err != nil {
		return err
	}
	return c.write(ctx, websocket.MessageText, b)
}

// errStalled says that a client took nothing for too long.
const errStalled constError = "the client takes nothing"

func (c *client) write(ctx context.Context, kind websocket.MessageType, b []byte) error {
	limited, cancel := context.WithTimeout(ctx, c.s.cfg.WriteTime)
	defer cancel()
	err := c.conn.Write(limited, kind, b)
	if err != nil && errors.Is(limited.Err(), context.DeadlineExceeded) {
		return errStalled
	}
	return err
}
