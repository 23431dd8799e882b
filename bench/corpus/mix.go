package main

import (
	"bufio"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// How copies of real captures lie in time: each file begins at some moment of the first
// minute, and its pauses are cut, so that connections of all files are under way together.
const (
	mixStart  = time.Minute
	longPause = time.Second
)

// frame is one packet of a real capture, with the places of its addresses.
type frame struct {
	data      []byte
	wire      uint32
	at        time.Duration // since the file's first packet, pauses cut
	addresses []address
}

// address is where an IP header has its two addresses.
type address struct {
	off   uint32
	width uint8 // 4 or 16
}

// mix writes a pcap file of the packets of real captures, again and again until it has
// about limit bytes. width copies of every file run side by side. Each copy has addresses
// of its own (in every IP header, also of tunnels and quoted ones), so that its
// connections are new ones; checksums are not mended.
func mix(out string, names []string, limit int64, width int, seed uint64) error {
	files := make([][]frame, 0, len(names))
	total := 0
	for _, name := range names {
		frames, err := readFrames(name)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		if len(frames) == 0 {
			fmt.Printf("left out: %s (link type is not Ethernet)\n", name)
			continue
		}
		total += len(frames)
		files = append(files, frames)
	}
	if total == 0 {
		return errors.New("no Ethernet packets in these files")
	}
	f, err := os.Create(out)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	header := make([]byte, 24)
	binary.LittleEndian.PutUint32(header, 0xa1b23c4d) // nanoseconds
	binary.LittleEndian.PutUint16(header[4:], 2)
	binary.LittleEndian.PutUint16(header[6:], 4)
	binary.LittleEndian.PutUint32(header[16:], 262144)
	binary.LittleEndian.PutUint32(header[20:], uint32(packet.LinkEthernet))
	if _, err := w.Write(header); err != nil {
		return err
	}
	m := mixer{w: w, r: rand.New(rand.NewPCG(seed, seed)), files: files, start: 1_700_000_000 * time.Second, written: 24}
	for m.written < limit {
		if err := m.round(width); err != nil {
			return err
		}
	}
	fmt.Printf("%d packets of %d files, each %d times, %d at once\n", m.packets, len(files), m.copies, width)
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// readFrames returns the packets of an Ethernet capture, none when it is of another link
// type.
func readFrames(name string) ([]frame, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	r, err := segment.NewReader(f, segment.ReaderOptions{})
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var frames []frame
	d := packet.NewDecoder()
	var last int64
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			return frames, nil
		}
		if err != nil {
			return nil, err
		}
		for _, in := range c.Interfaces {
			if in.Link != packet.LinkEthernet {
				return nil, nil
			}
		}
		it := c.Records()
		var rec segment.Record
		for it.Next(&rec) {
			one := frame{data: slices.Clone(rec.Data), wire: rec.WireLen}
			if n := len(frames); n > 0 {
				one.at = frames[n-1].at + min(max(time.Duration(rec.Time-last), 0), longPause)
			}
			last = rec.Time
			p := packet.Packet{Data: one.data, WireLen: rec.WireLen, Link: packet.LinkEthernet}
			d.Decode(&p)
			for _, l := range p.Layers[:p.N] {
				switch {
				case l.Flags&packet.LayerReassembled != 0:
				case l.Kind == packet.KindIPv4 && int(l.Off)+20 <= len(one.data):
					one.addresses = append(one.addresses, address{l.Off + 12, 4})
				case l.Kind == packet.KindIPv6 && int(l.Off)+40 <= len(one.data):
					one.addresses = append(one.addresses, address{l.Off + 8, 16})
				}
			}
			frames = append(frames, one)
		}
		r.Release(c)
	}
}

type mixer struct {
	w       io.Writer
	r       *rand.Rand
	files   [][]frame
	start   time.Duration // of the next round, since 1970
	copies  int
	packets int
	written int64
	buf     []byte
}

// cue says when a packet of a copy is written.
type cue struct {
	at   time.Duration
	copy uint16
	*frame
}

// round writes width copies of all files.
func (m *mixer) round(width int) error {
	var cues []cue
	for range width {
		m.copies++
		for _, frames := range m.files {
			begin := m.start + time.Duration(m.r.Int64N(int64(mixStart)))
			for i := range frames {
				cues = append(cues, cue{begin + frames[i].at, uint16(m.copies), &frames[i]})
			}
		}
	}
	slices.SortStableFunc(cues, func(a, b cue) int { return cmp.Compare(a.at, b.at) })
	for _, c := range cues {
		m.buf = binary.LittleEndian.AppendUint32(m.buf[:0], uint32(c.at/time.Second))
		m.buf = binary.LittleEndian.AppendUint32(m.buf, uint32(c.at%time.Second))
		m.buf = binary.LittleEndian.AppendUint32(m.buf, uint32(len(c.data)))
		m.buf = binary.LittleEndian.AppendUint32(m.buf, c.wire)
		m.buf = append(m.buf, c.data...)
		for _, a := range c.addresses {
			move(m.buf[16+a.off:], a.width, c.copy)
		}
		if _, err := m.w.Write(m.buf); err != nil {
			return err
		}
		m.written += int64(len(m.buf))
	}
	m.packets += len(cues)
	m.start = cues[len(cues)-1].at
	return nil
}

// move gives source and destination the addresses that they have in a copy.
func move(b []byte, width uint8, copy uint16) {
	for side := range 2 {
		a := b[side*int(width):]
		a[1] ^= byte(copy)
		a[width-2] ^= byte(copy >> 8)
	}
}
