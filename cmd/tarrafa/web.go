package main

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strconv"
	"syscall"

	"github.com/spf13/pflag"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/sandbox"
	"github.com/tarrafa/tarrafa/internal/web"
	"github.com/tarrafa/tarrafa/internal/web/notes"
	"github.com/tarrafa/tarrafa/internal/words"
)

// defaultListen is where the page is served. When another program has the port and none
// was asked for, any free one is taken.
const defaultListen = "127.0.0.1:7447"

// pageFlags say how the page is served.
type pageFlags struct {
	listen    string
	open      bool
	off       bool
	cert, key string
	hosts     []string
	sharkd    string
}

func (p *pageFlags) add(f *pflag.FlagSet) {
	f.StringVar(&p.listen, "listen", defaultListen, "address of the page; another than this machine's own needs --tls-cert, --tls-key and the password in TARRAFA_PASSWORD")
	f.BoolVar(&p.open, "open", false, "open the page in the browser")
	f.StringVar(&p.cert, "tls-cert", "", "certificate of the page (PEM)")
	f.StringVar(&p.key, "tls-key", "", "its key (PEM)")
	f.StringVar(&p.sharkd, "sharkd", "sharkd", "Wireshark's sharkd, which explains packets on the page in a process of its own; off: it is not used")
	f.StringArrayVar(&p.hosts, "page-host", nil, "further name under which browsers reach the page, as host:port; repeat for several")
}

// server makes the server and opens its address.
func (p *pageFlags) server(ctx context.Context, cfg web.Config) (*web.Server, error) {
	cfg.Bearer, cfg.Password = os.Getenv("TARRAFA_TOKEN"), os.Getenv("TARRAFA_PASSWORD")
	cfg.Hosts, cfg.Version = p.hosts, versionText()
	if (p.cert == "") != (p.key == "") {
		return nil, &exitError{code: exitOptions, err: words.Errorf("--tls-cert and --tls-key belong together")}
	}
	if p.cert != "" {
		pair, err := tls.LoadX509KeyPair(p.cert, p.key)
		if err != nil {
			return nil, &exitError{code: exitFile, err: words.Errorf("certificate %s: %w", p.cert, err)}
		}
		cfg.TLS = &tls.Config{Certificates: []tls.Certificate{pair}, MinVersion: tls.VersionTLS12}
	}
	cfg.Dissector = startDissector(p.sharkd)
	s := web.New(cfg)
	err := s.Listen(ctx, p.listen)
	if errors.Is(err, syscall.EADDRINUSE) && p.listen == defaultListen {
		err = s.Listen(ctx, "127.0.0.1:0")
	}
	var address *web.AddressError
	switch {
	case errors.As(err, &address):
		return nil, &exitError{code: exitOptions, err: err, mend: words.Sprintf("run: %s --help", "tarrafa capture")}
	case err != nil:
		return nil, &exitError{code: exitOptions, err: err, mend: words.T("choose another address: --listen 127.0.0.1:0")}
	}
	return s, nil
}

// show says where the page is, and opens it when that was asked for. user is who looks at
// it; nil: who started the program.
func (p *pageFlags) show(stderr io.Writer, s *web.Server, user *sandbox.Identity) {
	link := s.Link()
	_, _ = words.Fprintf(stderr, "The page: %s\n", link)
	if p.open {
		if err := openBrowser(link, user); err != nil {
			_, _ = words.Fprintf(stderr, "tarrafa: the browser could not be started (%v): open the link yourself\n", err)
		}
	}
}

// openBrowser starts the user's browser and does not wait for it.
func openBrowser(link string, user *sandbox.Identity) error {
	name, args := "xdg-open", []string{link}
	switch runtime.GOOS {
	case "darwin":
		name = "open"
	case "windows":
		name, args = "rundll32", []string{"url.dll,FileProtocolHandler", link}
	}
	cmd := exec.Command(name, args...) //nolint:noctx // the browser outlives the capture
	runAs(cmd, user)
	if err := cmd.Start(); err != nil {
		return err
	}
	go func() { _ = cmd.Wait() }()
	return nil
}

// openPage opens the page's address while the program may, before it confines itself. A
// page that cannot be served does not keep a capture from running, unless it was asked for.
func (o *captureOptions) openPage(ctx context.Context, stderr io.Writer, user *sandbox.Identity) (*web.Server, error) {
	if o.page.off {
		return nil, nil
	}
	s, err := o.page.server(ctx, web.Config{})
	if err != nil {
		if o.page.listen != defaultListen || o.page.cert != "" {
			return nil, err
		}
		_, _ = words.Fprintf(stderr, "tarrafa: the page is not served: %v\n", err)
		return nil, nil
	}
	o.page.show(stderr, s, user)
	return s, nil
}

// servePage serves the running capture until ctx ends. The function that it returns waits
// for the end.
func (s *session) servePage(ctx context.Context) func() {
	if s.page == nil {
		return func() {}
	}
	content := web.Content{
		Hub: s.hub, LiveID: s.archive.ID(), Stop: s.stop, Suspend: s.suspend, Sift: s.sift,
		Captures: &shelf{root: s.o.dataDir, live: s.archive.Dir(), ledger: func() *live.Ledger { l := s.ledger(); return &l }},
	}
	if s.links != nil {
		content.FlowNames = &s.links.names
	}
	s.page.Show(content)
	done := make(chan struct{})
	go func() {
		defer close(done)
		if err := s.page.Serve(ctx); err != nil {
			s.say(live.Warning, "the page is no longer served: "+err.Error())
		}
	}()
	return func() { <-done }
}

// shelf is the captures of a data directory, as the page shows them. It may also be one
// capture folder, or files.
type shelf struct {
	root   string // data directory; empty: none
	dirs   []string
	files  []string
	live   string // the folder that this process is writing
	ledger func() *live.Ledger
	books  books
}

// List implements web.Captures.
func (s *shelf) List(ctx context.Context) ([]web.Capture, error) {
	list := make([]web.Capture, 0, len(s.files))
	for i, f := range s.files {
		info, err := os.Stat(f)
		if err != nil {
			continue
		}
		list = append(list, web.Capture{
			ID: fileID(i), Name: filepath.Base(f), State: archive.StateClosed, Started: info.ModTime(), Bytes: info.Size(),
		})
		s.describeNotes(&list[len(list)-1], s.fileNotes(f))
	}
	dirs, err := s.folders()
	if err != nil {
		return nil, err
	}
	for _, dir := range dirs {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		if c, err := s.describe(dir); err == nil { // a folder that is being removed is not there
			list = append(list, c)
		}
	}
	return list, nil
}

func (s *shelf) folders() ([]string, error) {
	if s.root == "" {
		return s.dirs, nil
	}
	list, err := archive.List(s.root)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	return list, err
}

func (s *shelf) describe(dir string) (web.Capture, error) {
	st, err := archive.Open(dir)
	if err != nil {
		return web.Capture{}, err
	}
	defer func() { _ = st.Close() }()
	m := &st.Meta
	c := web.Capture{
		ID: m.ID, Name: filepath.Base(dir), State: m.State, Started: m.Started, Ended: m.Ended,
		Interfaces: m.Interfaces, Filter: m.Filter, Packets: st.Packets(), Ledger: m.Ledger, Live: dir == s.live,
	}
	for _, seg := range m.Segments {
		c.Bytes += seg.Bytes
	}
	if c.Live && s.ledger != nil {
		c.Ledger = s.ledger()
	}
	s.describeNotes(&c, s.books.of(dir, func() *notes.Book { return notes.In(dir) }))
	return c, nil
}

// folder finds a capture by its identifier. Only what List shows can be found: what comes
// from outside never becomes a path.
func (s *shelf) folder(id string) (string, error) {
	dirs, err := s.folders()
	if err != nil {
		return "", err
	}
	for _, dir := range dirs {
		if c, err := s.describe(dir); err == nil && c.ID == id {
			return dir, nil
		}
	}
	return "", web.ErrNoCapture
}

func fileID(i int) string { return "file-" + strconv.Itoa(i+1) }

// Open implements web.Captures.
func (s *shelf) Open(_ context.Context, id string) (query.Reader, error) {
	opt := history.Options{Notice: func(text string) { slog.Debug(text) }}
	for i, f := range s.files {
		if fileID(i) == id {
			return found(history.OpenFile(f, opt))
		}
	}
	dir, err := s.folder(id)
	if err != nil {
		return nil, err
	}
	return found(history.Open(dir, opt))
}

// Remove implements web.Captures.
func (s *shelf) Remove(_ context.Context, id string) error {
	dir, err := s.folder(id)
	if err != nil {
		return err
	}
	st, err := archive.Open(dir)
	if err != nil {
		return err
	}
	// One that another process writes is found by its state: it is open until it ends.
	busy := dir == s.live || st.Meta.State == archive.StateOpen
	_ = st.Close()
	if busy {
		return web.ErrInUse
	}
	s.books.forget(dir)
	return os.RemoveAll(dir)
}

// numbered tells the page which packets there are not.
type numbered struct{ *history.Capture }

func found(c *history.Capture, err error) (query.Reader, error) {
	if err != nil {
		return nil, err
	}
	return numbered{c}, nil
}

// Packet implements query.Reader.
func (n numbered) Packet(ctx context.Context, number uint64) (*query.Detail, error) {
	d, err := n.Capture.Packet(ctx, number)
	if _, ok := errors.AsType[*history.NoPacketError](err); ok {
		err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return d, err
}

var (
	_ web.Captures = (*shelf)(nil)
	_ web.Numbered = numbered{}
)
