package web

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"net"
	"net/http"
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/coder/websocket"
)

// crowd is how many pages look at once: a third of them reads, a third reads slowly, a third
// not at all.
const crowd = 200

// TestCrowd: two hundred pages of three kinds beside a running capture. No packet is
// uncounted, those who read see the end, those who do not are dropped, memory stays bounded
// and nothing is left behind.
func TestCrowd(t *testing.T) {
	const batches, each = 100, 500
	r := start(t, func(c *Config) {
		c.MaxClients, c.WriteTime = crowd, 5*time.Second
	})
	link, _ := r.enter(t)
	before := footprint()
	running := runtime.NumGoroutine()
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	var finished, refused atomic.Int64
	var wg, reading sync.WaitGroup
	reading.Add(crowd - crowd/3)
	open, over := make(chan struct{}, crowd), make(chan struct{})
	for i := range crowd {
		wg.Go(func() {
			conn, err := dialPage(ctx, r.Addr().String(), link, i%3 == 2)
			open <- struct{}{}
			if err != nil {
				refused.Add(1)
				cancel()
				return
			}
			defer func() { _ = conn.CloseNow() }()
			switch i % 3 {
			case 0:
				defer reading.Done()
				if sawEnd(ctx, conn, batches*each, 0) {
					finished.Add(1)
				}
			case 1:
				defer reading.Done()
				sawEnd(ctx, conn, batches*each, 20*time.Millisecond)
			default: // takes nothing until all is over
				<-over
			}
		})
	}
	for range crowd {
		<-open
	}
	if refused.Load() > 0 {
		t.Fatalf("%d pages were refused", refused.Load())
	}
	// One more is refused, and counted.
	if _, err := dialPage(ctx, r.Addr().String(), link, false); err == nil || r.refused[refusedClients].Load() != 1 {
		t.Errorf("one too many: %v", err)
	}
	peak := uint64(0)
	for i := range batches {
		r.add(t, each)
		if i%40 == 0 {
			peak = max(peak, footprint())
		}
		time.Sleep(2 * time.Millisecond)
	}
	peak = max(peak, footprint())
	reading.Wait()
	close(over)
	wg.Wait()
	if got := finished.Load(); got != (crowd+2)/3 {
		t.Errorf("%d of %d pages that read saw the end", got, (crowd+2)/3)
	}
	if snap := r.hub.Snapshot(); r.hub.Statistics(1).Packets != batches*each || snap.Rows != batches*each {
		t.Errorf("%d packets are counted, %d rows; want %d", r.hub.Statistics(1).Packets, snap.Rows, batches*each)
	}
	// What the packets themselves take in the test's store is not the pages'.
	stored := uint64(batches * each * 350)
	if growth := peak - min(peak, before+stored); growth > 50<<20 {
		t.Errorf("memory grew by %d MB with %d pages", growth>>20, crowd)
	}
	for range 500 {
		if r.clients.Load() == 0 && runtime.NumGoroutine() <= running+10 {
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	if n := r.clients.Load(); n != 0 {
		t.Errorf("%d pages are still counted", n)
	}
	if n := runtime.NumGoroutine(); n > running+10 {
		t.Errorf("%d goroutines are left, %d were there before", n, running)
	}
	t.Logf("stalled pages dropped: %d, windows sent: %d, rows skipped: %d, peak %d MB over %d MB", r.stalled.Load(), r.windows.Load(), r.skipped.Load(), peak>>20, before>>20)
}

// footprint is what the heap holds once garbage is gone.
func footprint() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc + m.StackInuse
}

// dialPage opens a page that follows; with small buffers it is noticed soon that it does
// not read.
func dialPage(ctx context.Context, addr, cookie string, small bool) (*websocket.Conn, error) {
	transport := &http.Transport{DialContext: func(ctx context.Context, network, addr string) (net.Conn, error) {
		c, err := (&net.Dialer{}).DialContext(ctx, network, addr)
		if tcp, ok := c.(*net.TCPConn); ok && small {
			_ = tcp.SetReadBuffer(4 << 10)
		}
		return c, err
	}}
	conn, _, err := websocket.Dial(ctx, "ws://"+addr+"/api/v1/ws", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: transport},
		HTTPHeader: http.Header{"Cookie": {cookie}, "Origin": {"http://" + addr}},
	})
	if err != nil {
		return nil, err
	}
	conn.SetReadLimit(1 << 20)
	rows := 20
	if small {
		rows = maxRows // its buffers fill soon
	}
	for _, m := range []map[string]any{
		{"type": "view", "view": 1, "capture": "live"}, {"type": "window", "view": 1, "request": 1, "count": rows, "follow": true}, {"type": "statistics", "on": true},
	} {
		b, err := json.Marshal(m)
		if err == nil {
			err = conn.Write(ctx, websocket.MessageText, b)
		}
		if err != nil {
			_ = conn.CloseNow()
			return nil, err
		}
	}
	return conn, nil
}

// sawEnd reads until a window says that there are so many rows.
func sawEnd(ctx context.Context, conn *websocket.Conn, total uint64, pause time.Duration) bool {
	for {
		kind, b, err := conn.Read(ctx)
		if err != nil {
			return false
		}
		if kind == websocket.MessageBinary && windowTotal(b) == total {
			return true
		}
		time.Sleep(pause)
	}
}

// windowTotal is the number of rows that a window says there are.
func windowTotal(b []byte) uint64 { return binary.LittleEndian.Uint64(b[16:]) }
