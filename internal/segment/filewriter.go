package segment

import (
	"encoding/binary"
	"fmt"
	"io"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// FileOptions say how a file is written.
type FileOptions struct {
	Kind    Kind    // Pcapng or Pcap (nanoseconds); others are errors
	Section Section // pcapng: what the section header says

	// Preface is what a pcapng file says besides: its names and secrets. nil: nothing.
	Preface *Preface

	// Interfaces that are known beforehand are described at once, so that a file
	// without packets is a file too. A pcap file takes its link type from the first; with
	// none, and no packet, it is written as Ethernet.
	Interfaces []Interface
}

// LinkError says that a pcap file, which has one link type, cannot take a packet.
type LinkError struct {
	Interface  string // the packet's; may be empty
	Have, Want packet.LinkType
}

// Error implements error.
func (e *LinkError) Error() string {
	return fmt.Sprintf("a pcap file has one link type: this one has %d, and interface %q has %d; write pcapng", e.Have, e.Interface, e.Want)
}

// FileWriter writes a capture file of its own: pcapng, or pcap with nanoseconds. It
// buffers up to 1 MiB; the errors of the writer below stick. It is used by one goroutine.
type FileWriter struct {
	w      io.Writer
	opt    FileOptions
	buf    []byte
	began  bool
	link   packet.LinkType
	faces  faces
	output int  // interfaces described
	ahead  bool // the names and secrets stand in the file
	counts FileCounters
	err    error
}

// FileCounters are a FileWriter's totals.
type FileCounters struct {
	Packets uint64
	Bytes   int64  // of the file, what is buffered included
	Dropped uint64 // packets of interfaces beyond the 65 536 that a file can have
	Cut     uint64 // packets written with MaxCaptured bytes, for they had more
	Clamped uint64 // packets whose time the format cannot say: before 1970, in pcap after 2106
}

// NewFileWriter returns a FileWriter that has written nothing yet.
func NewFileWriter(w io.Writer, opt FileOptions) *FileWriter {
	f := &FileWriter{w: w, opt: opt, buf: make([]byte, 0, ChunkSize)}
	if opt.Kind != Pcapng && opt.Kind != Pcap {
		f.err = fmt.Errorf("files of kind %d are not written", opt.Kind)
	}
	return f
}

// begin writes the file header. first is the interface of the first packet, if there is
// one.
func (f *FileWriter) begin(first *Interface) {
	if f.began {
		return
	}
	f.began = true
	if f.opt.Kind == Pcapng {
		f.buf = AppendSectionHeader(f.buf, f.opt.Section)
		if len(f.opt.Interfaces) > 0 {
			declared := &Chunk{Interfaces: f.opt.Interfaces}
			for i := range f.opt.Interfaces[:min(len(f.opt.Interfaces), maxInterfaces)] {
				f.faces.number(declared, uint16(i))
			}
			f.describe()
		}
		return
	}
	f.link = packet.LinkEthernet
	if len(f.opt.Interfaces) > 0 {
		first = &f.opt.Interfaces[0]
	}
	if first != nil {
		f.link = first.Link
	}
	snapLen := uint32(0)
	for _, in := range f.opt.Interfaces {
		// 0, no limit, wraps to the greatest.
		snapLen = max(snapLen, min(in.SnapLen-1, MaxCaptured-1)+1)
	}
	if snapLen == 0 {
		snapLen = MaxCaptured
	}
	f.buf = appendPcapHeader(f.buf, f.link, snapLen)
}

// appendPcapHeader appends a little-endian pcap file header with nanoseconds.
func appendPcapHeader(dst []byte, link packet.LinkType, snapLen uint32) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, pcapMagicNanos)
	dst = binary.LittleEndian.AppendUint16(dst, 2)
	dst = binary.LittleEndian.AppendUint16(dst, 4)
	dst = binary.LittleEndian.AppendUint64(dst, 0)
	dst = binary.LittleEndian.AppendUint32(dst, snapLen)
	return binary.LittleEndian.AppendUint32(dst, uint32(link))
}

// describe appends the interfaces that have no description block yet, and behind the first
// of them the names and secrets.
func (f *FileWriter) describe() {
	for ; f.output < len(f.faces.list); f.output++ {
		f.buf = AppendInterface(f.buf, f.faces.list[f.output])
	}
	if !f.ahead && f.opt.Preface != nil {
		f.ahead = true
		f.buf = f.opt.Preface.AppendBlocks(f.buf)
	}
}

// WriteChunk writes all packets of a Chunk, with their options. It keeps nothing of it.
func (f *FileWriter) WriteChunk(c *Chunk) error {
	var rec Record
	it := c.Records()
	for it.Next(&rec) {
		if err := f.WriteRecord(c, &rec); err != nil {
			return err
		}
	}
	return f.err
}

// WriteRecord writes one packet of a Chunk, with its options. It keeps
// nothing of them.
func (f *FileWriter) WriteRecord(c *Chunk, rec *Record) error {
	if f.opt.Kind == Pcapng && c.Format.Kind == Pcapng && !c.plainOptions(rec) {
		return f.WritePacket(c, rec, c.RecordOptions(rec))
	}
	return f.WritePacket(c, rec, PacketOptions{
		HasFlags: rec.Direction != packet.DirectionUnknown, Flags: uint32(rec.Direction),
	})
}

// WritePacket writes one packet of a Chunk with other options than its own. A pcap file
// has no place for them. A [*LinkError] leaves the file as it is; the next packet may fit.
func (f *FileWriter) WritePacket(c *Chunk, rec *Record, o PacketOptions) error {
	if f.err != nil {
		return f.err
	}
	in := &c.Interfaces[rec.Interface]
	f.begin(in)
	t, data := rec.Time, rec.Data[:min(len(rec.Data), MaxCaptured)]
	if f.opt.Kind == Pcap {
		if in.Link != f.link {
			return &LinkError{Interface: in.Name, Have: f.link, Want: in.Link}
		}
		seconds, nanos, clamped := pcapTime(t)
		if clamped {
			f.counts.Clamped++
		}
		f.buf = binary.LittleEndian.AppendUint32(f.buf, seconds)
		f.buf = binary.LittleEndian.AppendUint32(f.buf, nanos)
		f.buf = binary.LittleEndian.AppendUint32(f.buf, uint32(len(data)))
		f.buf = binary.LittleEndian.AppendUint32(f.buf, rec.WireLen)
		f.buf = append(f.buf, data...)
	} else {
		number, ok := f.faces.number(c, rec.Interface)
		if !ok {
			f.counts.Dropped++
			return nil
		}
		f.describe()
		if t < 0 {
			t = 0
			f.counts.Clamped++
		}
		f.buf = AppendPacket(f.buf, number, t, rec.WireLen, data, o)
	}
	f.counts.Packets++
	if len(data) < len(rec.Data) {
		f.counts.Cut++
	}
	if len(f.buf) >= ChunkSize-maxOption {
		return f.Flush()
	}
	return nil
}

// WriteBuilt writes a Chunk whose Bytes a [Builder] made, all its interfaces described in
// order, without looking at the packets: the file then holds the very bytes. A FileWriter
// that was used so takes no other chunks of other interfaces. A pcap file is written as by
// WriteChunk.
func (f *FileWriter) WriteBuilt(c *Chunk) error {
	if f.opt.Kind != Pcapng {
		return f.WriteChunk(c)
	}
	if f.err != nil {
		return f.err
	}
	f.begin(nil)
	for i := range c.Interfaces[:min(len(c.Interfaces), maxInterfaces)] {
		if n, ok := f.faces.number(c, uint16(i)); !ok || n != uint32(i) {
			return fmt.Errorf("interface %d of the packets, %q, is not the one that the file describes", i, c.Interfaces[i].Name)
		}
	}
	f.describe()
	if err := f.Flush(); err != nil {
		return err
	}
	f.counts.Packets += uint64(c.Packets)
	return f.put(c.Bytes)
}

// WriteStatistics writes counters and comments; a pcap file has no place for them. The
// interface's number is that of [FileOptions.Interfaces].
func (f *FileWriter) WriteStatistics(s Statistics) error {
	if f.err != nil || f.opt.Kind != Pcapng {
		return f.err
	}
	f.begin(nil)
	if int64(s.Interface) >= int64(f.output) {
		return fmt.Errorf("statistics of interface %d, and %d are described", s.Interface, f.output)
	}
	f.buf = AppendStatistics(f.buf, s)
	return nil
}

// Flush writes what is buffered, the file header too.
func (f *FileWriter) Flush() error {
	if f.err != nil {
		return f.err
	}
	f.begin(nil)
	if f.opt.Kind == Pcapng {
		f.describe()
	}
	b := f.buf
	f.buf = f.buf[:0]
	if cap(f.buf) > maxPooled {
		f.buf = make([]byte, 0, ChunkSize)
	}
	return f.put(b)
}

func (f *FileWriter) put(b []byte) error {
	if len(b) == 0 {
		return nil
	}
	n, err := f.w.Write(b)
	f.counts.Bytes += int64(n)
	f.err = err
	return err
}

// Counters returns the totals.
func (f *FileWriter) Counters() FileCounters {
	c := f.counts
	c.Bytes += int64(len(f.buf))
	return c
}
