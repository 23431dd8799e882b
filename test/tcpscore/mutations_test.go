package main

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// frame is one packet of a capture that is changed.
type frame struct {
	time    int64
	wire    uint32
	forward bool // the sender's address is the smaller one
	data    []byte
}

// mutations make of a capture what other places of the network, other machines and other
// settings would have captured of the same traffic. Each has its own seed.
var mutations = []struct {
	name string
	make func(*rand.Rand, []frame) []frame
}{
	{"as it is", func(_ *rand.Rand, fs []frame) []frame { return fs }},
	{"every 20th lost", func(r *rand.Rand, fs []frame) []frame { return lost(r, fs, 0.05) }},
	{"every 3rd lost", func(r *rand.Rand, fs []frame) []frame { return lost(r, fs, 0.3) }},
	{"one direction", func(_ *rand.Rand, fs []frame) []frame {
		return slices.DeleteFunc(fs, func(f frame) bool { return !f.forward })
	}},
	{"the other direction", func(_ *rand.Rand, fs []frame) []frame {
		return slices.DeleteFunc(fs, func(f frame) bool { return f.forward })
	}},
	{"from the middle on", func(_ *rand.Rand, fs []frame) []frame { return fs[len(fs)/5:] }},
	{"twice at once", func(_ *rand.Rand, fs []frame) []frame { return again(fs, func() bool { return true }, 0, 0) }},
	{"twice, later", func(r *rand.Rand, fs []frame) []frame {
		return again(fs, func() bool { return r.Float64() < 0.1 }, 5, 50e6)
	}},
	{"neighbours swapped", func(r *rand.Rand, fs []frame) []frame { return swapped(r, fs, false) }},
	{"neighbours swapped with their times", func(r *rand.Rand, fs []frame) []frame { return swapped(r, fs, true) }},
	{"clock set forth and back", func(r *rand.Rand, fs []frame) []frame {
		shift := int64(0)
		for i := range fs {
			if r.Float64() < 0.01 {
				shift += (r.Int64N(200) - 100) * 1e9
			}
			fs[i].time += shift
		}
		return fs
	}},
	{"54 bytes", func(_ *rand.Rand, fs []frame) []frame { return cut(fs, 54) }},
	{"68 bytes", func(_ *rand.Rand, fs []frame) []frame { return cut(fs, 68) }},
	{"lost, twice, swapped, 96 bytes", func(r *rand.Rand, fs []frame) []frame {
		fs = again(lost(r, fs, 0.05), func() bool { return r.Float64() < 0.05 }, 2, 1000)
		return cut(swapped(r, fs, false), 96)
	}},
}

func lost(r *rand.Rand, fs []frame, share float64) []frame {
	return slices.DeleteFunc(fs, func(frame) bool { return r.Float64() < share })
}

// again adds a second copy of the frames that which chooses, so many frames and
// nanoseconds later.
func again(fs []frame, which func() bool, frames int, ns int64) []frame {
	type copied struct {
		after int
		frame frame
	}
	var out []frame
	var wait []copied
	for i, f := range fs {
		out = append(out, f)
		if which() {
			f.time += ns
			wait = append(wait, copied{i + frames, f})
		}
		for len(wait) > 0 && wait[0].after <= i {
			late := wait[0].frame
			late.time = max(late.time, out[len(out)-1].time)
			out, wait = append(out, late), wait[1:]
		}
	}
	return out
}

func swapped(r *rand.Rand, fs []frame, times bool) []frame {
	for i := 1; i < len(fs); i++ {
		if r.Float64() >= 0.1 {
			continue
		}
		fs[i-1], fs[i] = fs[i], fs[i-1]
		if !times {
			fs[i-1].time, fs[i].time = fs[i].time, fs[i-1].time
		}
		i++
	}
	return fs
}

func cut(fs []frame, n int) []frame {
	for i := range fs {
		fs[i].data = fs[i].data[:min(n, len(fs[i].data))]
	}
	return fs
}

// load returns the first frames of an Ethernet capture.
func load(t *testing.T, path string, limit int) []frame {
	t.Helper()
	var fs []frame
	err := each(path, func(b *track.Batch) {
		for i := range b.Rows {
			s := &b.Rows[i]
			if len(fs) == limit || b.Chunk.Interfaces[s.Interface].Link != packet.LinkEthernet {
				return
			}
			fs = append(fs, frame{s.Time, s.WireLen, bytes.Compare(s.Inner.Src[:], s.Inner.Dst[:]) < 0, bytes.Clone(b.Data(s))})
		}
	})
	if err != nil {
		t.Fatal(err)
	}
	return fs
}

// save writes an Ethernet capture with nanoseconds.
func save(t *testing.T, path string, fs []frame) {
	t.Helper()
	le := binary.LittleEndian
	b := le.AppendUint32(nil, 0xa1b23c4d)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
	for _, f := range fs {
		b = le.AppendUint32(b, uint32(f.time/1e9))
		b = le.AppendUint32(b, uint32(f.time%1e9))
		b = le.AppendUint32(b, uint32(len(f.data)))
		b = append(le.AppendUint32(b, f.wire), f.data...)
	}
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// TestAgreementOnMutations holds the promise on captures that were not there to tune by:
// one behind the other, as a merge gives them, and changed.
func TestAgreementOnMutations(t *testing.T) {
	const most = 700 // frames of each capture: tshark takes a second or two for all
	files := slices.DeleteFunc(foreign(t), func(f string) bool { return strings.Contains(f, "dhcp-request-flood") })
	path := filepath.Join(t.TempDir(), "changed.pcap")
	for i, m := range mutations {
		r := rand.New(rand.NewPCG(uint64(i), 20))
		var all []frame
		for _, f := range files {
			all = append(all, m.make(r, load(t, f, most))...)
		}
		save(t, path, all)
		s, err := compare(path)
		if err != nil {
			t.Fatalf("%s: %v", m.name, err)
		}
		if s.frames < 500 {
			t.Errorf("%s: only %d TCP frames", m.name, s.frames)
		}
		names := append(verdictFields(), "udp.stream")
		for _, n := range numberFields {
			names = append(names, n.name)
		}
		for _, field := range names {
			if s.agreement(field) >= promised {
				continue
			}
			t.Errorf("%s: %s agrees on %.4f of %d frames", m.name, field, s.agreement(field), s.frames)
			shown := 0
			for _, d := range s.list {
				if d.field == field && shown < 5 {
					shown++
					t.Logf("frame %d: ours %s, tshark %s (%s)", d.frame, d.ours, d.tshark, d.situation)
				}
			}
		}
	}
}
