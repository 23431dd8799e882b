package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"io"
	"reflect"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// rewrite turns files into one of ours by way of a Rewriter with buffers of size bytes.
func rewrite(t testing.TB, w *Rewriter, size int, files ...[]byte) []byte {
	t.Helper()
	out := AppendSectionHeader(nil, Section{})
	described := 0
	b := NewBuilder(make([]byte, 0, size))
	put := func() {
		for ; described < len(w.Interfaces()); described++ {
			out = AppendInterface(out, w.Interfaces()[described])
		}
		out = append(out, b.Bytes()...)
		b.Reset(b.Bytes())
	}
	for _, file := range files {
		r, err := NewReader(bytes.NewReader(file), ReaderOptions{Buffer: small})
		if err != nil {
			t.Fatal(err)
		}
		for {
			c, err := r.Next()
			var d *DamageError
			if err == io.EOF || errors.As(err, &d) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
			w.Load(c)
			for w.Fill(b) {
				need := w.Need()
				if need == 0 {
					t.Fatal("more, but nothing waits")
				}
				empty := b.Packets() == 0
				put()
				if empty {
					b.Reset(make([]byte, 0, need))
				}
			}
			r.Release(c)
		}
		r.Close()
	}
	put()
	return out
}

func TestRewriter(t *testing.T) {
	for name, file := range files() {
		for _, size := range []int{0, 64, 200, 5000} {
			var w Rewriter
			out := rewrite(t, &w, size, file)
			comparePackets(t, name, file, out)
			if k := w.Counters(); k.Read != k.Written || k.Rejected+k.Dropped != 0 {
				t.Errorf("%s: %+v", name, k)
			}
		}
	}
}

// comparePackets wants the same packets, with the same interfaces and options, in both.
func comparePackets(t testing.TB, name string, a, b []byte) {
	t.Helper()
	x, y := detailed(t, a), detailed(t, b)
	if len(x) != len(y) {
		t.Fatalf("%s: %d packets became %d", name, len(x), len(y))
	}
	for i := range x {
		if !reflect.DeepEqual(x[i], y[i]) {
			t.Fatalf("%s: packet %d\n%+v became\n%+v", name, i+1, x[i], y[i])
		}
	}
}

type detail struct {
	time    int64
	wireLen uint32
	dir     packet.Direction
	data    string
	face    Interface
	options PacketOptions
}

func detailed(t testing.TB, file []byte) (all []detail) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(file), ReaderOptions{Buffer: small})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		c, err := r.Next()
		var damage *DamageError
		if err == io.EOF || errors.As(err, &damage) {
			return all
		}
		if err != nil {
			t.Fatal(err)
		}
		var rec Record
		it := c.Records()
		for it.Next(&rec) {
			d := detail{max(0, rec.Time), rec.WireLen, rec.Direction, string(rec.Data), c.Interfaces[rec.Interface], c.RecordOptions(&rec)}
			d.face.Resolution = Resolution{}
			if d.options.Flags == 0 || c.Format.Kind != Pcapng {
				d.options.HasFlags, d.options.Flags = false, 0
			}
			if c.Format.Kind == Pcap && rec.Direction != 0 {
				d.options.HasFlags, d.options.Flags = true, uint32(rec.Direction)
			}
			for i, h := range d.options.Hashes {
				d.options.Hashes[i] = bytes.Clone(h)
			}
			all = append(all, d)
		}
	}
}

func TestRewriterMergesInterfaces(t *testing.T) {
	pcap := foreignPcap(binary.LittleEndian, pcapMagic)
	nanos := foreignPcap(binary.BigEndian, pcapMagicNanos)
	ng := foreignPcapng(false)
	var w Rewriter
	out := rewrite(t, &w, 4096, pcap, nanos, ng, ng, pcap)
	all, r, err := readAll(t, bytes.NewReader(out), ReaderOptions{})
	if err != io.EOF || len(all) != 3+3+5+5+3 {
		t.Fatal(len(all), err)
	}
	// One of pcap, and three of pcapng.
	if n := len(r.Interfaces()); n != 4 || len(w.Interfaces()) != 4 {
		t.Errorf("%d interfaces", n)
	}
}

// TestRewriterKeepsTwins has two nameless interfaces in one section: they stay two.
func TestRewriterKeepsTwins(t *testing.T) {
	f := &foreignFile{order: binary.LittleEndian}
	f.section()
	f.face(1, 0, nil)
	f.face(1, 0, nil)
	f.enhanced(0, 1, 14, frame(14, 0), nil)
	f.enhanced(1, 2, 14, frame(14, 0), nil)
	var w Rewriter
	rewrite(t, &w, 4096, f.b)
	if n := len(w.Interfaces()); n != 2 {
		t.Errorf("%d interfaces", n)
	}
}

func TestRewriterKeep(t *testing.T) {
	var numbers []uint64
	w := Rewriter{Keep: func(_ *Chunk, number uint64, rec *Record) bool {
		numbers = append(numbers, number)
		return rec.WireLen > 61
	}}
	out := rewrite(t, &w, 100, foreignPcapng(true))
	all, _, err := readAll(t, bytes.NewReader(out), ReaderOptions{})
	if err != io.EOF || len(all) != 3 || !reflect.DeepEqual(numbers, []uint64{1, 2, 3, 4, 5}) {
		t.Errorf("%d packets, numbers %v, %v", len(all), numbers, err)
	}
	if k := w.Counters(); k.Read != 5 || k.Written != 3 || k.Rejected != 2 {
		t.Errorf("%+v", k)
	}
}

// TestFileWriterRewrites writes chunks of every format to pcapng.
func TestFileWriterRewrites(t *testing.T) {
	for name, file := range files() {
		var out bytes.Buffer
		w := NewFileWriter(&out, FileOptions{})
		r, err := NewReader(bytes.NewReader(file), ReaderOptions{Buffer: small})
		if err != nil {
			t.Fatal(err)
		}
		for {
			c, err := r.Next()
			if err != nil {
				break
			}
			if err := w.WriteChunk(c); err != nil {
				t.Fatal(err)
			}
			r.Release(c)
		}
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		comparePackets(t, name, file, out.Bytes())
	}
}
