package web

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/web/notes"
	"github.com/tarrafa/tarrafa/internal/web/webtest"
)

// batch makes n packets numbered from first, each with its number as payload.
func batch(first uint64, n int) *track.Batch {
	b := &track.Batch{Chunk: &segment.Chunk{}}
	d := packet.NewDecoder()
	for i := range uint64(n) {
		number := first + i
		data := []byte{
			2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00,
			0x45, 0, 0, 36, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, byte(number), 10, 0, 0, 1,
			0x13, 0x88, byte(number >> 8), byte(number), 0, 16, 0, 0, byte(number >> 24), byte(number >> 16), byte(number >> 8), byte(number), 'd', 'a', 't', 'a',
		}
		s := packet.Summary{
			Number: number, Time: 1_700_000_000e9 + int64(number)*1e6, DataOff: uint32(len(b.Chunk.Bytes)),
			CapLen: uint32(len(data)), WireLen: uint32(len(data)), Direction: packet.DirectionSent,
		}
		d.Summarize(data, &s, packet.LinkEthernet)
		b.Chunk.Bytes = append(b.Chunk.Bytes, data...)
		b.Rows = append(b.Rows, s)
	}
	return b
}

// captures holds one capture, "one".
type captures struct {
	query.Reader
	removed bool
	book    *notes.Book
}

func (c *captures) Notes(string) (*notes.Book, error) { return c.book, nil }

func (c *captures) List(context.Context) ([]Capture, error) {
	return []Capture{{ID: "one", Name: "one", State: "closed"}}, nil
}

func (c *captures) Open(_ context.Context, id string) (query.Reader, error) {
	if id != "one" && id != "running" {
		return nil, ErrNoCapture
	}
	return c.Reader, nil
}

func (c *captures) Remove(_ context.Context, id string) error {
	c.removed = c.removed || id == "one"
	return nil
}

// rig is a server with a running capture of packets, and what it was given.
type rig struct {
	*Server
	hub      *live.Hub
	memory   *webtest.Memory
	captures *captures
	stopped  chan struct{}
}

func start(t *testing.T, change func(*Config)) *rig {
	t.Helper()
	r := &rig{hub: live.New(live.Config{Rows: 256}), memory: &webtest.Memory{}, stopped: make(chan struct{}, 1)}
	r.captures = &captures{Reader: r.memory, book: notes.In(t.TempDir())}
	cfg := Config{
		Content: Content{Hub: r.hub, LiveID: "running", Captures: r.captures, Stop: func() { r.stopped <- struct{}{} }},
		Bearer:  "the bearer token",
	}
	if change != nil {
		change(&cfg)
	}
	r.Server = New(cfg)
	if err := r.Listen(t.Context(), "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- r.Serve(ctx) }()
	go r.hub.Run(ctx)
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	return r
}

// add applies n more packets to the hub and to what is stored.
func (r *rig) add(t *testing.T, n int) {
	t.Helper()
	_, next := r.hub.Bounds()
	b := batch(next+1, n)
	if err := r.memory.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	if err := r.hub.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
}

func (r *rig) url(path string) string { return "http://" + r.Addr().String() + path }

// do sends a request; header values are pairs.
func (r *rig) do(t *testing.T, method, path string, header ...string) (*http.Response, string) {
	t.Helper()
	return r.send(t, method, path, "", header...)
}

// ask sends a request with the bearer token and a body, and reads the JSON of the answer
// into v, unless that is nil. It returns the status.
func (r *rig) ask(t *testing.T, method, path, body string, v any) int {
	t.Helper()
	resp, text := r.send(t, method, path, body, "Authorization", "Bearer the bearer token")
	if v != nil {
		if err := json.Unmarshal([]byte(text), v); err != nil {
			t.Fatalf("%s %s: %s: %v in %.200s", method, path, resp.Status, err, text)
		}
	}
	return resp.StatusCode
}

// send is do with a body.
func (r *rig) send(t *testing.T, method, path, content string, header ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, r.url(path), strings.NewReader(content))
	if err != nil {
		t.Fatal(err)
	}
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			req.Host = header[i+1]
			continue
		}
		req.Header.Set(header[i], header[i+1])
	}
	c := http.Client{
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		Timeout:       10 * time.Second,
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, string(body)
}

// enter uses a link and returns the cookie and the session's CSRF value.
func (r *rig) enter(t *testing.T) (cookie, csrf string) {
	t.Helper()
	u, err := url.Parse(r.Link())
	if err != nil {
		t.Fatal(err)
	}
	resp, _ := r.do(t, "GET", u.RequestURI())
	if resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/" {
		t.Fatalf("link: %s", resp.Status)
	}
	c := resp.Cookies()[0]
	if !c.HttpOnly || c.SameSite != http.SameSiteStrictMode || c.Path != "/" {
		t.Errorf("cookie %+v", c)
	}
	cookie = c.Name + "=" + c.Value
	_, body := r.do(t, "GET", "/api/v1/session", "Cookie", cookie)
	_, after, _ := strings.Cut(body, `"csrf":"`)
	csrf, _, _ = strings.Cut(after, `"`)
	if csrf == "" {
		t.Fatalf("session: %s", body)
	}
	return cookie, csrf
}
