package web

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/coder/websocket"
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
	short    bool   // fewer rows than were asked for, and more may be found
	notes    uint32 // revision
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
		if !c.take(b) {
			_ = c.conn.Close(websocket.StatusPolicyViolation, "not a request")
			return
		}
		select {
		case c.kick <- struct{}{}:
		default:
		}
	}
}

// take puts a request in the place of the one before; false: it is none.
func (c *client) take(b []byte) bool {
	var r request
	if json.Unmarshal(b, &r) != nil {
		return false
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	switch r.Type {
	case "view":
		c.wanted = &r
	case "window":
		r.Count = min(max(r.Count, 0), maxRows)
		c.cursor = r
	case "statistics":
		c.statistics = r.On
	}
	return true
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
		c.stats = now
		return c.sendStatistics(ctx)
	}
	return nil
}
