//go:build unix

package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
)

// proxy stands between the sink and the server and breaks connections at chosen places.
type proxy struct {
	listener net.Listener
	target   string
	wg       sync.WaitGroup

	// decide is asked before a message from the client goes to the server.
	decide func(kind byte, body []byte) cut
	cuts   atomic.Int64
}

// cut is what the proxy does with a message.
type cut int

const (
	forward   cut = iota
	dropIt        // close both connections, the message does not arrive
	loseReply     // the message arrives, the server's answer does not, both connections are closed
	hangUp        // the message does not arrive and both connections stay open, silent
	hangReply     // the message arrives, the answer does not, the connections stay open
)

func newProxy(t *testing.T, srv *pgtest.Server, decide func(kind byte, body []byte) cut) *proxy {
	t.Helper()
	var lc net.ListenConfig
	l, err := lc.Listen(t.Context(), "tcp4", "127.0.0.1:0")
	must(t, err)
	p := &proxy{listener: l, target: fmt.Sprintf("127.0.0.1:%d", srv.Port), decide: decide}
	ctx, cancel := context.WithCancel(context.Background())
	t.Cleanup(func() {
		cancel()
		_ = l.Close()
		p.wg.Wait()
	})
	p.wg.Go(func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			p.wg.Go(func() { p.serve(ctx, c) })
		}
	})
	return p
}

func (p *proxy) dsn(db string) string {
	return fmt.Sprintf("host=127.0.0.1 port=%d user=%s password=%s dbname=%s sslmode=disable",
		p.listener.Addr().(*net.TCPAddr).Port, pgtest.Superuser, pgtest.Password, db)
}

func (p *proxy) serve(ctx context.Context, client net.Conn) {
	var d net.Dialer
	server, err := d.DialContext(ctx, "tcp4", p.target)
	if err != nil {
		_ = client.Close()
		return
	}
	var silent atomic.Bool // the answers go nowhere
	end := make(chan struct{})
	answered := make(chan struct{}, 1)
	p.wg.Go(func() {
		defer close(end)
		defer func() {
			if !silent.Load() {
				_ = client.Close()
			}
		}()
		buf := make([]byte, 64<<10)
		for {
			n, err := server.Read(buf)
			if n > 0 && silent.Load() {
				select {
				case answered <- struct{}{}:
				default:
				}
			} else if n > 0 {
				if _, err := client.Write(buf[:n]); err != nil {
					return
				}
			}
			if err != nil {
				return
			}
		}
	})
	what := p.relay(client, server, &silent, answered)
	if what == hangUp || what == hangReply {
		<-ctx.Done()
	}
	_ = client.Close()
	_ = server.Close()
	<-end
}

// relay hands the client's messages to the server until it cuts or one of them ends.
func (p *proxy) relay(client, server net.Conn, silent *atomic.Bool, answered <-chan struct{}) cut {
	for first := true; ; first = false {
		kind, msg, err := readMessage(client, first)
		if err != nil {
			return dropIt
		}
		what := forward
		if !first {
			what = p.decide(kind, msg)
		}
		if what != forward {
			p.cuts.Add(1)
			silent.Store(true)
		}
		if what == dropIt || what == hangUp {
			return what
		}
		if _, err := server.Write(msg); err != nil {
			return dropIt
		}
		if what != forward {
			<-answered
			return what
		}
	}
}

// readMessage reads a message of the frontend protocol, with its header.
func readMessage(r io.Reader, startup bool) (kind byte, msg []byte, err error) {
	head := 5
	if startup {
		head = 4
	}
	msg = make([]byte, head)
	if _, err := io.ReadFull(r, msg); err != nil {
		return 0, nil, err
	}
	if !startup {
		kind = msg[0]
	}
	n := int(binary.BigEndian.Uint32(msg[head-4:]))
	rest := make([]byte, n-4)
	_, err = io.ReadFull(r, rest)
	return kind, append(msg, rest...), err
}

// isCommit tells whether a message ends a flush: it adds to the rollup and commits.
func isCommit(kind byte, msg []byte) bool {
	return kind == 'Q' && bytes.Contains(msg, []byte("COMMIT")) && bytes.Contains(msg, []byte("INSERT INTO")) &&
		bytes.Contains(msg, []byte(secondTable))
}

func TestCommitOutcome(t *testing.T) {
	srv := server(t)
	for _, tt := range []struct {
		name string
		what cut
	}{
		{"not arrived", dropIt},
		{"committed, answer lost", loseReply},
		{"not arrived, connection hangs", hangUp},
		{"committed, connection hangs", hangReply},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := srv.Database(t)
			var commits atomic.Int64
			p := newProxy(t, srv, func(kind byte, msg []byte) cut {
				if isCommit(kind, msg) && commits.Add(1)%5 == 2 {
					return tt.what
				}
				return forward
			})
			ctx := context30(t)
			opt := quick(nil)
			opt.FlushRows, opt.FlushTimeout, opt.ConnectTimeout = 500/mostGrowth, 400*time.Millisecond, 400*time.Millisecond
			s := New(config(t, p.dsn(db)), "c", opt)
			s.longest = 20 * time.Millisecond
			s.longest = 20 * time.Millisecond
			const end = 6001
			done := stream(ctx, t, s, end)
			<-done
			closeSink(ctx, t, s)
			checkExactlyOnce(t, srv, db, end)
			if p.cuts.Load() < 2 {
				t.Errorf("the commit was cut %d times only", p.cuts.Load())
			}
			if st := s.Status(); st.Stored != uint64(stored(end)) || st.Stored+st.Skipped != end-1 {
				t.Errorf("the sink's own books: %+v", st)
			}
		})
	}
}

// randomCuts breaks the connection at one of so many messages, of every kind, up to most
// times.
func randomCuts(seed uint64, most, oneIn int) func(kind byte, body []byte) cut {
	rng := rand.New(rand.NewPCG(seed, 2))
	var mu sync.Mutex
	return func(kind byte, _ []byte) cut {
		mu.Lock()
		defer mu.Unlock()
		if most == 0 || rng.IntN(oneIn) > 0 {
			return forward
		}
		most--
		// The answer to COPY data comes at its end: it would never be seen.
		if kind == 'Q' && rng.IntN(2) == 0 {
			return loseReply
		}
		return dropIt
	}
}

// TestCutAnywhere breaks the connection at random messages of every kind.
func TestCutAnywhere(t *testing.T) {
	srv, db, _ := database(t)
	p := newProxy(t, srv, randomCuts(1, 60, 50))
	ctx := context30(t)
	opt := quick(nil)
	opt.FlushRows = 300 / mostGrowth
	s := New(config(t, p.dsn(db)), "c", opt)
	s.longest = 20 * time.Millisecond
	const end = 30_001
	<-stream(ctx, t, s, end)
	closeSink(ctx, t, s)
	checkExactlyOnce(t, srv, db, end)
	t.Logf("%d cuts", p.cuts.Load())
}
