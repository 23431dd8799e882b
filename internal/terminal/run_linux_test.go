package terminal

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/live"
)

// pty is a terminal of 80×24 whose other side the test reads and writes.
type pty struct {
	master, slave *os.File
	mu            sync.Mutex
	seen          strings.Builder
}

func openPty(t *testing.T) *pty {
	t.Helper()
	master, err := os.OpenFile("/dev/ptmx", os.O_RDWR, 0)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("no pseudo-terminal: %v", err)
	}
	t.Cleanup(func() { _ = master.Close() })
	conn, err := master.SyscallConn()
	if err != nil {
		t.Fatal(err)
	}
	var number int
	var failed error
	if err := conn.Control(func(fd uintptr) {
		if failed = unix.IoctlSetPointerInt(int(fd), unix.TIOCSPTLCK, 0); failed == nil {
			number, failed = unix.IoctlGetInt(int(fd), unix.TIOCGPTN)
		}
	}); err != nil || failed != nil {
		t.Fatal(err, failed)
	}
	slave, err := os.OpenFile(fmt.Sprintf("/dev/pts/%d", number), os.O_RDWR|unix.O_NOCTTY, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = slave.Close() })
	if err := unix.IoctlSetWinsize(int(slave.Fd()), unix.TIOCSWINSZ, &unix.Winsize{Row: 24, Col: 80}); err != nil {
		t.Fatal(err)
	}
	p := &pty{master: master, slave: slave}
	go func() {
		buf := make([]byte, 1<<16)
		for {
			n, err := master.Read(buf)
			p.mu.Lock()
			p.seen.Write(buf[:n])
			p.mu.Unlock()
			if err != nil {
				return
			}
		}
	}()
	return p
}

func (p *pty) output() string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.seen.String()
}

func (p *pty) settings(t *testing.T) unix.Termios {
	t.Helper()
	s, err := unix.IoctlGetTermios(int(p.slave.Fd()), unix.TCGETS)
	if err != nil {
		t.Fatal(err)
	}
	return *s
}

// await waits until the output fulfils a condition.
func (p *pty) await(t *testing.T, what string, ok func(output string) bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok(p.output()) {
		if time.Now().After(deadline) {
			seen := p.output()
			t.Fatalf("no %s within 20 s; the last of %d bytes:\n%q", what, len(seen), seen[max(len(seen)-1000, 0):])
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func shows(text string) func(string) bool {
	return func(output string) bool { return strings.Contains(output, text) }
}

const enterAlternate, leaveAlternate = "\x1b[?1049h", "\x1b[?1049l"

func newHub(t *testing.T) *live.Hub {
	t.Helper()
	hub := live.New(live.Config{
		Capture: live.Capture{Interfaces: []string{"eth0"}, Filter: "tcp"},
		Ledger:  func() *live.Ledger { return &live.Ledger{Received: 110, Delivered: 100, Dropped: 10, Written: 100} },
	})
	go hub.Run(t.Context())
	if err := hub.Apply(t.Context(), office(1, 100, time.Now())); err != nil {
		t.Fatal(err)
	}
	return hub
}

// TestOnATerminal runs the whole view on a pseudo-terminal and ends it in each way that
// it can end.
func TestOnATerminal(t *testing.T) {
	for _, tc := range []struct {
		name string
		end  func(p *pty, hub *live.Hub, cancel context.CancelFunc)
	}{
		{"q", func(p *pty, _ *live.Hub, _ context.CancelFunc) { _, _ = p.master.WriteString("q") }},
		{"Ctrl+C", func(p *pty, _ *live.Hub, _ context.CancelFunc) { _, _ = p.master.WriteString("\x03") }},
		{"the capture ends", func(_ *pty, hub *live.Hub, _ context.CancelFunc) { hub.Finish() }},
		{"the context ends", func(_ *pty, _ *live.Hub, cancel context.CancelFunc) { cancel() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, hub := openPty(t), newHub(t)
			before := p.settings(t)
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			done := make(chan error, 1)
			go func() {
				done <- Run(ctx, hub, Options{Input: p.slave, Output: p.slave, Env: []string{"TERM=xterm-256color"}})
			}()
			p.await(t, "statistics", shows("192.168.1.23"))
			_, _ = p.master.WriteString("\t")
			p.await(t, "packets", shows("PgUp"))
			if err := hub.Apply(ctx, office(101, 7, time.Now())); err != nil {
				t.Fatal(err)
			}
			p.await(t, "newest packet", shows("[AR]")) // only what changed is written
			tc.end(p, hub, cancel)
			select {
			case err := <-done:
				if err != nil {
					t.Errorf("ended with %v", err)
				}
			case <-time.After(20 * time.Second):
				t.Fatal("the view did not end")
			}
			p.await(t, "end of the alternate screen", shows(leaveAlternate))
			if got := strings.LastIndex(p.output(), enterAlternate); got > strings.LastIndex(p.output(), leaveAlternate) {
				t.Error("the alternate screen is still on")
			}
			if p.settings(t) != before {
				t.Errorf("the terminal's settings have changed: %+v, before %+v", p.settings(t), before)
			}
		})
	}
}

// colour is an SGR sequence that sets one: 30-37, 38, 40-47, 48, 90-107.
var colour = regexp.MustCompile(`\x1b\[([0-9;]*;)?(3[0-8]|4[0-8]|9[0-7]|10[0-7])(;[0-9;]*)?m`)

func TestNoColour(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  []string
		want bool
	}{
		{"with colours", []string{"TERM=xterm-256color"}, true},
		{"NO_COLOR", []string{"TERM=xterm-256color", "NO_COLOR=1"}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			p, hub := openPty(t), newHub(t)
			done := make(chan error, 1)
			go func() {
				done <- Run(t.Context(), hub, Options{Input: p.slave, Output: p.slave, Env: tc.env})
			}()
			p.await(t, "drops in words", shows("DROPPED by the kernel"))
			_, _ = p.master.WriteString("q")
			if err := <-done; err != nil {
				t.Error(err)
			}
			if got := colour.MatchString(p.output()); got != tc.want {
				t.Errorf("colours: %v, want %v:\n%q", got, tc.want, p.output())
			}
		})
	}
}

// TestPanicElsewhere: when another goroutine panics, its message finds a sane terminal.
func TestPanicElsewhere(t *testing.T) {
	p, hub := openPty(t), newHub(t)
	before := p.settings(t)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() {
		done <- Run(ctx, hub, Options{Input: p.slave, Output: p.slave, Env: []string{"TERM=xterm"}})
	}()
	p.await(t, "statistics", shows("192.168.1.23"))
	func() {
		defer func() {
			if reason := recover(); reason != "made up" {
				t.Errorf("the panic became %v", reason)
			}
		}()
		defer RestoreOnPanic()
		panic("made up")
	}()
	p.await(t, "end of the alternate screen", shows(leaveAlternate))
	if p.settings(t) != before {
		t.Error("the terminal's settings have changed")
	}
	cancel()
	<-done
}

func TestRestoreWithoutView(t *testing.T) {
	func() {
		defer RestoreOnPanic()
	}()
	defer func() {
		if recover() == nil {
			t.Error("the panic was swallowed")
		}
	}()
	func() {
		defer RestoreOnPanic()
		panic("no view")
	}()
}
