package main

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"testing"

	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/trafficlog"
)

// recordWith returns the traffic record of a file, made by so many workers or, with 0, by
// a tracker and a follower, and how reading and writing ended.
func recordWith(t *testing.T, name string, workers int, opt trafficlog.Options) (string, string) {
	t.Helper()
	ins, err := openInputs([]string{name}, false)
	if err != nil {
		return "", err.Error()
	}
	defer closeInputs(ins)
	var out bytes.Buffer
	l := trafficlog.NewWriter(&out, opt)
	switch {
	case workers == 0:
		err = track.New().Run(context.Background(), ins[0].chunks, l)
	case !shareInputs(ins):
		t.Skip("compressed")
	default:
		err = recordInParts(context.Background(), ins[0], l, workers)
	}
	st := l.Status()
	if n := ins[0].ledger().Written; st.Lines+st.Skipped != n {
		t.Errorf("%d lines and %d without, of %d packets", st.Lines, st.Skipped, n)
	}
	end := ""
	if err != nil {
		end = err.Error()
	}
	return out.String(), end
}

// However many write the record, it is byte for byte that of one who does it in order.
func TestRecordInParts(t *testing.T) {
	files := []string{madeFragments(t)}
	for _, folder := range []string{"captures", "hostile"} {
		found, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", folder, "*.*"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 1 {
		t.Log("no shared/captures beside the repository")
	}
	for _, file := range files {
		if ext := filepath.Ext(file); ext == ".md" || ext == ".tsv" {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			opt := trafficlog.Options{Extra: true, UDP: true, Capture: "c"}
			want, end := recordWith(t, file, 0, opt)
			for _, workers := range []int{1, 2, 3} {
				got, gotEnd := recordWith(t, file, workers, opt)
				if got != want || gotEnd != end {
					t.Fatalf("%d workers: %d bytes, end %q; in order %d bytes, end %q", workers, len(got), gotEnd, len(want), end)
				}
			}
		})
	}
}

// stopped is a stream that takes some bytes and then no more, until it is told to go on.
type stopped struct {
	w    io.Writer
	room int
	full func()
}

// Write implements io.Writer.
func (s *stopped) Write(p []byte) (int, error) {
	if s.room < 0 {
		return s.w.Write(p)
	}
	n := min(len(p), s.room)
	s.room -= n
	_, _ = s.w.Write(p[:n])
	if n < len(p) {
		s.full()
		return n, errors.New("full")
	}
	return n, nil
}

// A record that cannot be written for a while is whole in the end, and who gives up in the
// meantime is told so.
func TestRecordInPartsOnAFullDisk(t *testing.T) {
	file := madeFragments(t)
	want, _ := recordWith(t, file, 0, trafficlog.Options{UDP: true})
	for _, giveUp := range []bool{false, true} {
		ctx, cancel := context.WithCancel(context.Background())
		ins, err := openInputs([]string{file}, false)
		if err != nil || !shareInputs(ins) {
			t.Fatal(err)
		}
		var out bytes.Buffer
		s := &stopped{w: &out, room: 100_001}
		s.full = func() {
			if giveUp {
				cancel()
			} else {
				s.room = -1
			}
		}
		l := trafficlog.NewWriter(s, trafficlog.Options{UDP: true, Log: slog.New(slog.DiscardHandler)})
		err = recordInParts(ctx, ins[0], l, 2)
		switch {
		case giveUp && (!errors.Is(err, context.Canceled) || out.Len() != 100_001):
			t.Errorf("given up: %v after %d bytes", err, out.Len())
		case !giveUp && (err != nil || out.String() != want || l.Status().Failures != 1):
			t.Errorf("%v, %d bytes of %d, %+v", err, out.Len(), len(want), l.Status())
		}
		cancel()
		closeInputs(ins)
	}
}

// The command takes this way for a plain file, and says the same as for a pipe.
func TestReadJSONInParts(t *testing.T) {
	file := madeFragments(t)
	want, _ := recordWith(t, file, 0, trafficlog.Options{UDP: true})
	out := filepath.Join(t.TempDir(), "traffic.json")
	o := readOptions{out: outputFlags{json: out, jsonUDP: true}}
	var talk bytes.Buffer
	if err := readToOutputs(context.Background(), io.Discard, &talk, []string{file}, &o); err != nil {
		t.Fatal(err)
	}
	if got, err := os.ReadFile(out); err != nil || string(got) != want {
		t.Errorf("%d bytes, want %d: %v\n%s", len(got), len(want), err, talk.String())
	}
	if !bytes.Contains(talk.Bytes(), []byte("JSON")) {
		t.Errorf("no ledger: %q", talk.String())
	}
}
