package segment

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
)

// growing is a file that another program still writes.
type growing struct {
	b   []byte
	off int
}

func (g *growing) Read(p []byte) (int, error) {
	n := copy(p, g.b[g.off:])
	g.off += n
	if n == 0 {
		return 0, io.EOF
	}
	return n, nil
}

func TestFollow(t *testing.T) {
	for name, file := range files() {
		for _, step := range []int{1, 7, 100} {
			t.Run(fmt.Sprint(name, " by ", step), func(t *testing.T) {
				want, _, _ := readAll(t, bytes.NewReader(file), ReaderOptions{})
				g := &growing{}
				r, err := NewReader(g, ReaderOptions{Follow: true, Buffer: small})
				if err != nil {
					t.Fatal(err)
				}
				var got []seen
				for {
					c, err := r.Next()
					if err == nil {
						var rec Record
						it := c.Records()
						for it.Next(&rec) {
							got = append(got, seen{rec.Time, rec.Offset, uint32(len(rec.Data)), rec.WireLen})
						}
						r.Release(c)
						continue
					}
					if err != io.EOF && !errors.Is(err, io.ErrUnexpectedEOF) {
						t.Fatal(err)
					}
					if len(g.b) == len(file) {
						break
					}
					g.b = file[:min(len(file), len(g.b)+step)]
					if !r.Retry() {
						t.Fatal("no second try")
					}
				}
				if !reflect.DeepEqual(got, want) {
					t.Errorf("%d packets, want %d", len(got), len(want))
				}
			})
		}
	}
}

func TestFollowRefusesOtherFiles(t *testing.T) {
	for _, b := range []string{"hello, world", "\x89PNG\r\n\x1a\n"} {
		var f *FormatError
		if _, err := NewReader(strings.NewReader(b), ReaderOptions{Follow: true}); !errors.As(err, &f) {
			t.Errorf("%q: %v", b, err)
		}
	}
	g := &growing{b: []byte("\x0a\x0d")}
	r, err := NewReader(g, ReaderOptions{Follow: true})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := r.Next(); !errors.Is(err, io.ErrUnexpectedEOF) {
		t.Fatal(err)
	}
	g.b = []byte("\x0a\x0d is no capture")
	if !r.Retry() {
		t.Fatal("no second try")
	}
	var f *FormatError
	if _, err := r.Next(); !errors.As(err, &f) {
		t.Fatal(err)
	}
	if r.Retry() {
		t.Error("a second try at what is no capture")
	}
}
