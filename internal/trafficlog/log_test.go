//go:build unix

package trafficlog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
)

func open(t testing.TB, path string, opt Options) *Log {
	t.Helper()
	opt.Location = time.UTC
	l, err := Open(path, opt)
	if err != nil {
		t.Fatal(err)
	}
	resume(t, l)
	return l
}

// cursor is where these tests keep a record's cursor.
func cursor(path string) string { return path + ".cursor" }

func resume(t testing.TB, l *Log) segment.Cursor {
	t.Helper()
	c, err := l.Resume()
	must(t, err)
	return c
}

func TestFilesAreMade(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "a", "logs", "traffic.json")
	l := open(t, path, Options{Capture: "c", CursorFile: cursor(path)})
	must(t, l.Apply(t.Context(), endless(1, 10)))
	must(t, l.Close())
	for name, mode := range map[string]os.FileMode{
		path: 0o600, cursor(path): 0o600, filepath.Dir(path): 0o700 | os.ModeDir, filepath.Join(dir, "a"): 0o700 | os.ModeDir,
	} {
		info, err := os.Stat(name)
		must(t, err)
		if info.Mode() != mode {
			t.Errorf("%s has mode %v, want %v", name, info.Mode(), mode)
		}
	}
	checkNumbers(t, parse(t, read(t, path)), 11)

	// What is there is appended to, and stays as it was.
	must(t, os.WriteFile(path, []byte(`{"old": "program"}`), 0o644))
	must(t, os.Chmod(path, 0o644))
	l = open(t, path, Options{})
	must(t, l.Apply(t.Context(), endless(1, 2)))
	must(t, l.Close())
	if text := string(read(t, path)); !strings.HasPrefix(text, `{"old": "program"}`+"\n{") || strings.Count(text, "\n") != 3 {
		t.Errorf("%q", text)
	}
	if info, _ := os.Stat(path); info.Mode() != 0o644 {
		t.Errorf("the mode became %v", info.Mode())
	}
	if err := l.Apply(t.Context(), endless(1, 2)); !errors.Is(err, ErrClosed) {
		t.Errorf("Apply after Close: %v", err)
	}
}

func TestOpenErrors(t *testing.T) {
	dir := t.TempDir()
	must(t, os.WriteFile(filepath.Join(dir, "file"), nil, 0o600))
	for _, path := range []string{dir, filepath.Join(dir, "file", "traffic.json"), filepath.Join(dir, "a\x00b")} {
		if _, err := Open(path, Options{}); err == nil {
			t.Errorf("%q can be opened", path)
		}
	}
}

// TestRotation renames the record a hundred times while it is written.
func TestRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "traffic.json")
	l := open(t, path, Options{Extra: true, Capture: "c", CursorFile: cursor(path)})
	const rotations = 100
	var wg sync.WaitGroup
	quit := make(chan struct{})
	next := uint64(1)
	wg.Go(func() {
		for {
			select {
			case <-quit:
				return
			default:
			}
			n := 1 + int(next%50)
			if err := l.Apply(context.Background(), endless(next, n)); err != nil {
				t.Error(err)
				return
			}
			next += uint64(n)
		}
	})
	for i := range rotations {
		lines := l.Status().Lines
		for l.Status().Lines == lines { // something in every file
			time.Sleep(100 * time.Microsecond)
		}
		must(t, os.Rename(path, filepath.Join(dir, name(i))))
		must(t, l.Reopen())
	}
	close(quit)
	wg.Wait()
	must(t, l.Close())
	var all []byte
	for i := range rotations {
		b := read(t, filepath.Join(dir, name(i)))
		if len(b) == 0 || b[len(b)-1] != '\n' {
			t.Fatalf("file %d does not end with a line", i)
		}
		all = append(all, b...)
	}
	all = append(all, read(t, path)...)
	checkNumbers(t, parse(t, all), next)
	if st := l.Status(); st.Reopened != rotations || st.Lines != uint64(len(expected(next))) || st.Lines+st.Skipped != next-1 {
		t.Errorf("status %+v, packets %d", st, next-1)
	}
}

// limited is a stream that takes so many bytes and then reports an error until more is
// allowed.
type limited struct {
	bytes.Buffer
	room int
}

func (l *limited) Write(p []byte) (int, error) {
	n := min(len(p), l.room)
	l.room -= n
	l.Buffer.Write(p[:n])
	if n < len(p) {
		return n, syscall.ENOSPC
	}
	return n, nil
}

func TestStreamFull(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		rng := rand.New(rand.NewPCG(5, 6))
		var out limited
		l := NewWriter(&out, Options{Extra: true, Location: time.UTC})
		next := uint64(1)
		for range 200 {
			b := endless(next, 20)
			for l.Apply(t.Context(), b) != nil {
				out.room = rng.IntN(6000)
			}
			next += 20
		}
		checkNumbers(t, parse(t, out.Bytes()), next)
		st := l.Status()
		if st.Lines != uint64(len(expected(next))) || st.Lines+st.Skipped+st.Repeated < next-1 || st.Failures == 0 || st.LastError != "" {
			t.Errorf("status %+v", st)
		}
	})
}

// TestRetriesWait looks at the times between attempts.
func TestRetriesWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var out limited
		l := NewWriter(&out, Options{})
		b := endless(1, 5)
		var waits []time.Duration
		for range 10 {
			start := time.Now()
			if err := l.Apply(t.Context(), b); !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			waits = append(waits, time.Since(start))
		}
		if waits[0] != 0 || waits[1] != firstWait || waits[2] != 2*firstWait || waits[9] != longWait {
			t.Errorf("waits %v", waits)
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := l.Apply(ctx, b); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Apply that is told to stop: %v", err)
		}
	})
}

// TestDiskFull uses a file system with little room.
func TestDiskFull(t *testing.T) {
	missing := t.Skipf
	if os.Getenv("CI") != "" {
		missing = t.Fatalf
	}
	if os.Getuid() != 0 {
		missing("a small file system can be mounted by root only")
	}
	dir := t.TempDir()
	if out, err := exec.CommandContext(t.Context(), "mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", dir).CombinedOutput(); err != nil {
		missing("no file system of its own: %v %s", err, out)
	}
	t.Cleanup(func() {
		if out, err := exec.Command("umount", dir).CombinedOutput(); err != nil {
			t.Errorf("umount: %v %s", err, out)
		}
	})
	path := filepath.Join(dir, "traffic.json")
	ballast := filepath.Join(dir, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 180<<10), 0o600))
	l := open(t, path, Options{Extra: true, Capture: "c", CursorFile: cursor(path)})
	full := 0
	next := uint64(1)
	for ; next < 400; next += 30 {
		b := endless(next, 30)
		for err := l.Apply(t.Context(), b); err != nil; err = l.Apply(t.Context(), b) {
			if !errors.Is(err, syscall.ENOSPC) {
				t.Fatal(err)
			}
			text := read(t, path)
			if text[len(text)-1] != '\n' {
				t.Fatal("the full disk left an unfinished line")
			}
			parse(t, text)
			full++
			_ = os.Remove(ballast)
		}
	}
	must(t, l.Close())
	checkNumbers(t, parse(t, read(t, path)), next)
	if full == 0 || l.Status().Torn == 0 {
		t.Errorf("the disk was full %d times, status %+v", full, l.Status())
	}
}

// TestCrash cuts the record and its cursor file at any place that a crash can leave behind,
// and goes on.
func TestCrash(t *testing.T) {
	for _, extra := range []bool{true, false} {
		t.Run(map[bool]string{true: "with additions", false: "old fields only"}[extra], func(t *testing.T) {
			rng := rand.New(rand.NewPCG(7, 8))
			for range 150 {
				dir := t.TempDir()
				path := filepath.Join(dir, "traffic.json")
				must(t, os.WriteFile(path, []byte("{\"earlier\": 1}\n"), 0o600))
				opt := Options{Extra: extra, Capture: "c", CursorFile: cursor(path)}
				l := open(t, path, opt)
				next := uint64(1)
				var before []byte // the cursor file before the last batch
				covered := 0
				for range 1 + rng.IntN(4) {
					before, covered = read(t, cursor(path)), len(read(t, path))
					n := 1 + rng.IntN(12)
					must(t, l.Apply(t.Context(), endless(next, n)))
					next += uint64(n)
				}
				must(t, l.Close())
				// The last batch's lines are there in part, and the cursor file knows or not.
				text := read(t, path)
				switch rng.IntN(3) {
				case 0: // everything is there
				case 1: // lines whole, cursor old
					must(t, os.WriteFile(cursor(path), before, 0o600))
				case 2: // lines in part
					must(t, os.WriteFile(cursor(path), before, 0o600))
					must(t, os.Truncate(path, int64(covered+rng.IntN(len(text)-covered+1))))
				}
				l = open(t, path, opt)
				from := resume(t, l)
				if from.Packet > next {
					t.Fatalf("resumes at %+v, beyond %d", from, next)
				}
				// A chunk from the disk may start before the cursor, at its segment's start.
				start := max(from.Packet, 1)
				if extra && rng.IntN(2) == 0 {
					start = 1
				}
				for at := start; at < next+20; at += 7 {
					must(t, l.Apply(t.Context(), endless(at, int(min(7, next+20-at)))))
				}
				must(t, l.Close())
				rest, ok := strings.CutPrefix(string(read(t, path)), "{\"earlier\": 1}\n")
				if !ok {
					t.Fatal("the earlier line is gone")
				}
				checkNumbers(t, parse(t, []byte(rest)), next+20)
			}
		})
	}
}

// TestResumeAfterRotation has the cursor file speak of a file that was renamed.
func TestResumeAfterRotation(t *testing.T) {
	dir := t.TempDir()
	path := filepath.Join(dir, "traffic.json")
	opt := Options{Capture: "c", CursorFile: cursor(path)}
	l := open(t, path, opt)
	must(t, l.Apply(t.Context(), endless(1, 10)))
	must(t, os.Rename(path, path+".1"))
	must(t, l.Close())
	l = open(t, path, opt)
	if got := resume(t, l); got != endless(1, 10).Next {
		t.Errorf("resumes at %+v", got)
	}
	must(t, l.Apply(t.Context(), endless(11, 10)))
	must(t, l.Close())
	checkNumbers(t, parse(t, append(read(t, path+".1"), read(t, path)...)), 21)
	kept, err := ReadKept(opt.CursorFile)
	must(t, err)
	if want := (Kept{path, "c", false, false, endless(11, 10).Next}); kept != want {
		t.Errorf("kept %+v, want %+v", kept, want)
	}
	opt.Capture = "another"
	l = open(t, path, opt)
	if got := resume(t, l); got.Packet != 0 {
		t.Errorf("another capture resumes at %+v", got)
	}
	must(t, l.Close())
}

// TestNoCursorFile writes the record all the same.
func TestNoCursorFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "traffic.json")
	must(t, os.Mkdir(cursor(path), 0o700))
	l := open(t, path, Options{Capture: "c", CursorFile: cursor(path)})
	must(t, l.Apply(t.Context(), endless(1, 10)))
	must(t, l.Reopen())
	must(t, l.Close())
	checkNumbers(t, parse(t, read(t, path)), 11)
}

func TestUnfinishedLine(t *testing.T) {
	for _, tt := range []struct{ name, before, after string }{
		{"cut", "{\"a\": 1}\n{\"timestamp\": \"2023", "{\"a\": 1}\n"},
		{"only an unfinished line", "{\"timestamp\"", ""},
		{"whole without an end", "{\"timestamp\": \"x\"}", "{\"timestamp\": \"x\"}\n"},
		{"somebody else's", "hello", "hello\n"},
		{"empty", "", ""},
	} {
		t.Run(tt.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "traffic.json")
			must(t, os.WriteFile(path, []byte(tt.before), 0o600))
			l := open(t, path, Options{})
			// While the first is at work a second one leaves the end alone.
			must(t, l.Close())
			if got := string(read(t, path)); got != tt.after {
				t.Errorf("%q, want %q", got, tt.after)
			}
		})
	}
}

// TestTwoPrograms has two captures write one file: neither cuts what the other is writing.
func TestTwoPrograms(t *testing.T) {
	path := filepath.Join(t.TempDir(), "traffic.json")
	a := open(t, path, Options{Extra: true, Capture: "a"})
	must(t, a.Apply(t.Context(), endless(1, 2)))
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_APPEND, 0)
	must(t, err)
	_, err = io.WriteString(f, `{"timestamp": "half`)
	must(t, err)
	before := len(read(t, path))
	b := open(t, path, Options{Extra: true, Capture: "b"})
	if after := len(read(t, path)); after != before {
		t.Errorf("the second program cut %d bytes off", before-after)
	}
	must(t, f.Close())
	must(t, a.Close())
	must(t, b.Close())
}

func TestNotAFile(t *testing.T) {
	dev, err := os.Stat("/dev/null")
	if err != nil || dev.Mode().IsRegular() {
		t.Skip("no /dev/null here")
	}
	dir := t.TempDir()
	l := open(t, "/dev/null", Options{Extra: true, Capture: "c", CursorFile: filepath.Join(dir, "cursor")})
	must(t, l.Apply(t.Context(), endless(1, 100)))
	must(t, l.Reopen())
	must(t, l.Close())
	if _, err := os.Stat(filepath.Join(dir, "cursor")); err == nil {
		t.Error("a cursor file beside /dev/null")
	}
	if _, err := os.Stat("/dev/full"); err == nil {
		l := open(t, "/dev/full", Options{})
		if err := l.Apply(t.Context(), endless(1, 2)); !errors.Is(err, syscall.ENOSPC) {
			t.Errorf("/dev/full: %v", err)
		}
		must(t, l.Close())
	}
}

// TestKilledAfterRename has the program die between the rename and the signal: the lines that
// the cursor does not know of, and an unfinished one, are in a file of another name.
func TestKilledAfterRename(t *testing.T) {
	for _, extra := range []bool{true, false} {
		path := filepath.Join(t.TempDir(), "traffic.json")
		opt := Options{Extra: extra, Capture: "c", CursorFile: cursor(path)}
		l := open(t, path, opt)
		must(t, l.Apply(t.Context(), endless(1, 10)))
		before := read(t, cursor(path))
		must(t, l.Apply(t.Context(), endless(11, 10)))
		must(t, l.Close())
		must(t, os.WriteFile(cursor(path), before, 0o600))
		must(t, os.Truncate(path, int64(len(read(t, path))-5)))
		must(t, os.Rename(path, path+".1"))
		l = open(t, path, opt)
		from := max(resume(t, l).Packet, 1)
		must(t, l.Apply(t.Context(), endless(from, 40-int(from))))
		must(t, l.Close())
		checkNumbers(t, parse(t, append(read(t, path+".1"), read(t, path)...)), 40)
	}
}

// TestRecordShorterThanCursor has the record lose lines that the cursor knows of.
func TestRecordShorterThanCursor(t *testing.T) {
	path := filepath.Join(t.TempDir(), "traffic.json")
	opt := Options{Extra: true, Capture: "c", CursorFile: cursor(path)}
	l := open(t, path, opt)
	must(t, l.Apply(t.Context(), endless(1, 20)))
	must(t, l.Close())
	text := read(t, path)
	must(t, os.Truncate(path, int64(len(text)/2)))
	l = open(t, path, opt)
	if got := resume(t, l); got.Packet > 10 {
		t.Errorf("resumes at %+v", got)
	}
	must(t, l.Apply(t.Context(), endless(1, 30)))
	must(t, l.Close())
	checkNumbers(t, parse(t, read(t, path)), 31)
}

// TestResumeAmongOthers goes on in a record to which other captures have written since.
func TestResumeAmongOthers(t *testing.T) {
	path := filepath.Join(t.TempDir(), "traffic.json")
	opt := Options{Extra: true, Capture: "one", CursorFile: cursor(path)}
	l := open(t, path, opt)
	must(t, l.Apply(t.Context(), endless(1, 10)))
	before := read(t, cursor(path))
	must(t, l.Apply(t.Context(), endless(11, 10)))
	must(t, l.Close())
	must(t, os.WriteFile(cursor(path), before, 0o600)) // killed before the cursor was written
	other := open(t, path, Options{Extra: true, Capture: "other"})
	must(t, other.Apply(t.Context(), endless(1, 300)))
	must(t, other.Close())

	l = open(t, path, opt)
	if got := resume(t, l); got != endless(1, 10).Next {
		t.Errorf("resumes at %+v", got)
	}
	must(t, l.Apply(t.Context(), endless(11, 40)))
	if l.Applied() != 50 {
		t.Errorf("applied %d packets of 50", l.Applied())
	}
	must(t, l.Close())
	var mine []line
	for _, r := range parse(t, read(t, path)) {
		if r.Capture == "one" {
			mine = append(mine, r)
		}
	}
	checkNumbers(t, mine, 51)
}
