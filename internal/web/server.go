package web

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tarrafa/tarrafa/ui"
)

// Server serves the page. Its methods may be used by many goroutines at once.
type Server struct {
	cfg       Config
	sessions  *sessions
	hosts     []string // what Host may say
	origins   []string // what Origin may say
	pages     fs.FS
	guess     chan struct{} // holds a place while a password is tried
	library   *library
	live      *liveViews
	analyses  analyses
	resolvers resolvers
	listener  net.Listener
	searches  chan struct{} // holds a place for each search that is going on

	refused    [refusals]atomic.Uint64
	statuses   statusMessages
	statistics told

	clients atomic.Int64
	stalled atomic.Uint64 // clients that were dropped because they took nothing
	windows atomic.Uint64 // windows of rows that were sent
	full    atomic.Uint64 // notes that there was no room for
	// Packets that the dissector explained, and that it failed at.
	dissected, undissected atomic.Uint64
	skipped                atomic.Uint64 // rows that following clients did not see

	ending  chan struct{} // closed when clients are to be told that all is over
	endOnce sync.Once
	sockets sync.WaitGroup
}

// New returns a server that does not listen yet.
func New(cfg Config) *Server {
	if cfg.MaxClients <= 0 {
		cfg.MaxClients = defaultMaxClients
	}
	if cfg.WriteTime <= 0 {
		cfg.WriteTime = defaultWriteTime
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	s := &Server{
		cfg: cfg, sessions: newSessions(), pages: ui.Files(),
		guess: make(chan struct{}, 1), analyses: analyses{limit: make(chan struct{}, 1)}, ending: make(chan struct{}),
		searches: make(chan struct{}, maxSearches),
	}
	s.Show(cfg.Content)
	return s
}

// Show sets what is shown. It may be called until [Server.Serve] is, so that the address
// can be opened while the program still may, and the capture afterwards.
func (s *Server) Show(c Content) {
	s.cfg.Content = c
	s.library = newLibrary(c.Captures)
	s.live = nil
	if c.Hub != nil {
		s.live = newLiveViews(c.Hub, func() *lent { return s.library.tryLend(c.LiveID) })
		s.live.sift = c.Sift
	}
}

// AddressError says why the page is not served at an address.
type AddressError struct{ Address, Why string }

// Error implements error.
func (e *AddressError) Error() string { return "page at " + e.Address + ": " + e.Why }

// Listen opens the address. Anything but a loopback address needs TLS and a password.
func (s *Server) Listen(ctx context.Context, addr string) error {
	host, _, err := net.SplitHostPort(addr)
	if err != nil {
		return &AddressError{addr, "write it as host:port, for example 127.0.0.1:8080"}
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		switch {
		case s.cfg.TLS == nil:
			return &AddressError{addr, "other machines could read along: a certificate and its key are needed"}
		case s.cfg.Password == "":
			return &AddressError{addr, "other machines could come in: a password is needed"}
		}
	}
	// Multipath TCP sockets escape the sandbox's rule on binding.
	var lc net.ListenConfig
	lc.SetMultipathTCP(false)
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return fmt.Errorf("page at %s: %w", addr, err)
	}
	s.allowHosts(l.Addr())
	s.listener = l
	return nil
}

// Link returns a link that opens the page once. Listen comes first.
func (s *Server) Link() string { return s.link() }

// Addr returns the address that is listened on.
func (s *Server) Addr() net.Addr { return s.listener.Addr() }

// closeTime is how long clients may take to get the last word.
const closeTime = 2 * time.Second

// Serve answers until ctx ends. Clients are told the final state first.
func (s *Server) Serve(ctx context.Context) error {
	srv := &http.Server{
		Handler: s.handler(), ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		MaxHeaderBytes: 32 << 10, TLSConfig: s.cfg.TLS,
		ErrorLog: slog.NewLogLogger(s.cfg.Log.Handler(), slog.LevelDebug),
	}
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	defer cancel()
	srv.BaseContext = func(net.Listener) context.Context { return background }
	failed := make(chan error, 1)
	go func() {
		if s.cfg.TLS != nil {
			failed <- srv.ServeTLS(s.listener, "", "")
			return
		}
		failed <- srv.Serve(s.listener)
	}()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	s.endOnce.Do(func() { close(s.ending) })
	told := make(chan struct{})
	go func() { s.sockets.Wait(); close(told) }()
	select {
	case <-told:
	case <-time.After(closeTime):
	}
	cancel()
	_ = srv.Close()
	<-told
	if s.live != nil {
		s.live.close()
	}
	s.library.close()
	if errors.Is(err, http.ErrServerClosed) {
		err = nil
	}
	return err
}

func (s *Server) handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", s.index)
	mux.HandleFunc("/login", s.login)
	mux.HandleFunc("GET /assets/{name}", s.asset)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { plain(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /metrics", s.metrics)
	mux.HandleFunc("GET /api/v1/session", s.session)
	mux.HandleFunc("POST /api/v1/links", s.newLink)
	mux.HandleFunc("GET /api/v1/live", s.snapshot)
	mux.HandleFunc("POST /api/v1/stop", s.stop)
	mux.HandleFunc("POST /api/v1/suspend", func(w http.ResponseWriter, _ *http.Request) { s.suspend(w, true) })
	mux.HandleFunc("POST /api/v1/resume", func(w http.ResponseWriter, _ *http.Request) { s.suspend(w, false) })
	mux.HandleFunc("GET /api/v1/filter", s.checkFilter)
	mux.HandleFunc("GET /api/v1/complete", s.complete)
	mux.HandleFunc("GET /api/v1/captures", s.listCaptures)
	mux.HandleFunc("DELETE /api/v1/captures/{id}", s.removeCapture)
	mux.HandleFunc("GET /api/v1/captures/{id}/totals", s.totals)
	mux.HandleFunc("GET /api/v1/captures/{id}/top", s.top)
	mux.HandleFunc("GET /api/v1/captures/{id}/series", s.series)
	mux.HandleFunc("GET /api/v1/captures/{id}/count", s.count)
	mux.HandleFunc("GET /api/v1/captures/{id}/packets", s.packets)
	mux.HandleFunc("GET /api/v1/captures/{id}/packets/{number}", s.packet)
	mux.HandleFunc("GET /api/v1/captures/{id}/packets/{number}/bytes", s.packetBytes)
	mux.HandleFunc("GET /api/v1/captures/{id}/notes", s.listNotes)
	mux.HandleFunc("PUT /api/v1/captures/{id}/note", s.noteCapture)
	mux.HandleFunc("PUT /api/v1/captures/{id}/packets/{number}/note", s.notePacket)
	mux.HandleFunc("GET /api/v1/captures/{id}/packets/{number}/neighbour", s.neighbour)
	mux.HandleFunc("GET /api/v1/captures/{id}/packets/{number}/dissection", s.dissection)
	mux.HandleFunc("GET /api/v1/captures/{id}/locate", s.locate)
	mux.HandleFunc("GET /api/v1/captures/{id}/search", s.search)
	mux.HandleFunc("GET /api/v1/captures/{id}/stream", s.stream)
	mux.HandleFunc("GET /api/v1/captures/{id}/analysis", s.analysis)
	mux.HandleFunc("GET /api/v1/captures/{id}/analysis/progress", s.analysisProgress)
	mux.HandleFunc("GET /api/v1/captures/{id}/health", s.health)
	mux.HandleFunc("GET /api/v1/captures/{id}/names", s.names)
	mux.HandleFunc("GET /api/v1/captures/{id}/export", s.export)
	mux.HandleFunc("GET /api/v1/ws", s.socket)
	return s.guard(mux)
}
