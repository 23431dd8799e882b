package history

import (
	"errors"
	"fmt"
	"io"
	"io/fs"

	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// worker is what one goroutine needs to work on units. Its memory is reused.
type worker struct {
	loader  *index.Loader
	values  [index.ColumnCount]index.Values
	vectors [][]uint8

	of     *part
	source reader
	bytes  []byte // a raw unit's
	window window

	summarize *packet.Decoder
	decode    *packet.Decoder
	packet    packet.Packet
	row       query.Row
	rows      []packet.Summary
	found     []query.Value
	text      []byte
}

func newWorker() (*worker, error) {
	l, err := index.NewLoader()
	if err != nil {
		return nil, err
	}
	return &worker{loader: l}, nil
}

func (w *worker) close() {
	w.loader.Close()
	w.closeSource()
}

// rest gives up open files between two questions: a segment may be removed.
func (w *worker) rest() {
	w.closeSource()
	w.loader.Rest()
}

func (w *worker) closeSource() {
	if w.source != nil {
		_ = w.source.Close()
		w.source, w.of = nil, nil
	}
	w.window.part = nil
}

// begin forgets the fragments of other units.
func (w *worker) begin() {
	w.summarize, w.decode = packet.NewDecoder(), packet.NewDecoder()
}

func (w *worker) open(p *part) (io.ReaderAt, error) {
	if w.of == p {
		return w.source, nil
	}
	w.closeSource()
	r, err := p.open()
	if err != nil {
		return nil, err
	}
	w.of, w.source = p, r
	return r, nil
}

// chunkOf reads a raw unit. It is valid until the next call.
func (w *worker) chunkOf(u *unit) (*segment.Chunk, error) {
	r, err := w.open(u.part)
	if err != nil {
		return nil, err
	}
	if int64(cap(w.bytes)) < u.size {
		w.bytes = make([]byte, max(u.size, segment.ChunkSize))
	}
	b := w.bytes[:u.size]
	if _, err := r.ReadAt(b, u.chunk.Offset); err != nil {
		return nil, readError(u.part, u.chunk.Offset, err)
	}
	c := u.chunk
	c.Bytes = b
	return &c, nil
}

// ChangedError says that a segment or file is not as long as it was.
type ChangedError struct {
	Segment uint32 // 0: a file
	Offset  int64
}

// Error implements error.
func (e *ChangedError) Error() string {
	if e.Segment == 0 {
		return fmt.Sprintf("the file was cut off before byte %d while it was read", e.Offset)
	}
	return fmt.Sprintf("segment %d was cut off before byte %d while it was read", e.Segment, e.Offset)
}

func readError(p *part, offset int64, err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return &ChangedError{p.number, offset}
	}
	return fmt.Errorf("history: read at %d: %w", offset, err)
}

// decodeRaw decodes all packets of a raw unit into w.rows, which are valid until the next
// call; and w.row is ready for [worker.match] then.
func (w *worker) decodeRaw(u *unit) (*segment.Chunk, error) {
	w.begin()
	c, err := w.chunkOf(u)
	if err != nil {
		return nil, err
	}
	if prev := u.prev.Load(); w.summarizeAll(c, u.rows) && prev != nil && prev.group < 0 {
		// A fragment's first part may be in the unit before.
		w.begin()
		before, err := w.chunkOf(prev)
		switch {
		case err == nil:
			w.summarizeAll(before, prev.rows)
			w.decodeFragments(before)
		case !errors.Is(err, fs.ErrNotExist):
			return nil, err
		}
		if c, err = w.chunkOf(u); err != nil {
			return nil, err
		}
		w.summarizeAll(c, u.rows)
	}
	return c, nil
}

// summarizeAll fills w.rows and tells whether later fragments are among them.
func (w *worker) summarizeAll(c *segment.Chunk, rows int) (fragments bool) {
	w.rows = w.rows[:0]
	it := c.Records()
	var rec segment.Record
	number := c.First
	for len(w.rows) < rows && it.Next(&rec) {
		w.rows = append(w.rows, packet.Summary{
			Number: number, Time: rec.Time, Offset: rec.Offset, DataOff: rec.DataOff, CapLen: uint32(len(rec.Data)),
			WireLen: rec.WireLen, Interface: rec.Interface, Direction: rec.Direction,
		})
		s := &w.rows[len(w.rows)-1]
		w.summarize.Summarize(rec.Data, s, linkOf(c.Interfaces, rec.Interface))
		fragments = fragments || (s.Outer.Flags|s.Inner.Flags)&packet.TupleLater != 0
		number++
	}
	return fragments
}

// decodeFragments shows the fragments in w.rows to the decoder of whole packets.
func (w *worker) decodeFragments(c *segment.Chunk) {
	for i := range w.rows {
		if s := &w.rows[i]; fragment(s) {
			w.load(s, c.Bytes[s.DataOff:s.DataOff+s.CapLen], c.Interfaces)
		}
	}
}

func fragment(s *packet.Summary) bool {
	return (s.Outer.Flags|s.Inner.Flags)&packet.TupleFragment != 0
}

func linkOf(faces []segment.Interface, n uint16) packet.LinkType {
	if int(n) < len(faces) {
		return faces[n].Link
	}
	return packet.LinkEthernet
}

// load decodes a packet whole, into w.packet.
func (w *worker) load(s *packet.Summary, data []byte, faces []segment.Interface) {
	p := &w.packet
	p.Number, p.Time, p.WireLen, p.Direction, p.Interface = s.Number, s.Time, s.WireLen, s.Direction, s.Interface
	p.Data, p.Link = data, linkOf(faces, s.Interface)
	w.decode.Decode(p)
}

// matcher asks a filter packet by packet.
type matcher struct {
	filter *query.Filter
	first  int64 // time of the capture's first packet
}

// match tells whether a packet passes. Fragments are decoded in any case, for those that
// follow. before is the time of the packet before it.
func (w *worker) match(m *matcher, s *packet.Summary, data []byte, faces []segment.Interface, pcapng bool, before int64) bool {
	answer := m.filter.MatchSummary(s)
	if answer != query.Unknown && !fragment(s) {
		return answer == query.Yes
	}
	w.load(s, data, faces)
	if answer != query.Unknown {
		return answer == query.Yes
	}
	w.fill(m.first, before, faces, pcapng)
	return m.filter.Match(&w.row)
}

// fill makes w.row speak of w.packet.
func (w *worker) fill(first, before int64, faces []segment.Interface, pcapng bool) {
	w.row.Next(&w.packet)
	w.row.First, w.row.Previous = first, before
	w.row.HasInterface, w.row.InterfaceName = pcapng, ""
	if int(w.packet.Interface) < len(faces) {
		w.row.InterfaceName = faces[w.packet.Interface].Name
	}
}
