package segment

import (
	"cmp"
	"errors"
	"fmt"
	"io"
	"slices"
)

// emptyReads is how many reads may yield neither bytes nor an error.
const emptyReads = 100

// NearBuffer is a length of buffers with which all that are on their way stay in a
// processor core's own cache, bytes.
const NearBuffer = 256 << 10

// ReaderOptions change how a stream is read. The zero value is right for a file.
type ReaderOptions struct {
	// Follow is for a file that still grows: [NewReader] accepts one that has no whole
	// header yet, and [Reader.Next] then waits for it as for a record.
	Follow bool

	// Buffer is the length of the buffers, and so about that of the Chunks, bytes; 0:
	// [ChunkSize]. Who only counts reads faster with [NearBuffer].
	Buffer int

	// Preface keeps what [Reader.Preface] returns.
	Preface bool
}

// Counters tell what a Reader has seen and what it left out.
type Counters struct {
	Packets           uint64 // delivered
	Bytes             int64  // read, uncompressed
	Sections          uint64 // pcapng sections
	OtherBlocks       uint64 // pcapng blocks of types that the reader has no use for
	TextDropped       uint64 // bytes of names and comments not kept, for the cap's sake
	StatisticsDropped uint64 // statistics blocks not kept, for the cap's sake
}

// Reader cuts a capture file into Chunks: pcapng, pcap of all byte orders and resolutions,
// snoop, each also inside gzip, zstd or lz4. It needs no seeking. One goroutine calls its
// methods; only [Reader.Release] may be called by others.
type Reader struct {
	src    io.Reader // the stream without its compression
	source *source   // what was handed to NewReader
	wrap   compression
	closer func()

	format  Format
	started bool // the file header was read

	cur        *Chunk // its mem is being filled
	start, end int    // mem[start:end] has been read and not delivered
	cut        int    // mem[start:cut] are whole records
	count      uint32 // packets in them
	pos        int64  // of mem[start] in the uncompressed stream
	need       int    // bytes that the record at cut takes, as far as is known

	faces    []Interface
	base     int // interfaces of earlier sections
	notes    notes
	preface  *Preface // nil: it is not wanted
	counters Counters

	err  error // what Next returns from now on
	done error // how the stream ended: io.EOF or a failure; its bytes are still worked on
	free pool
}

// NewReader looks at the beginning of r and returns a Reader for it. The error is a
// [*FormatError] when r is no capture, a [*DamageError] when its compression is damaged,
// or what r reported. Nothing beyond the first records is read.
func NewReader(r io.Reader, opt ReaderOptions) (*Reader, error) {
	s := &source{r: r}
	rd := &Reader{src: s, source: s}
	rd.free.size = cmp.Or(opt.Buffer, ChunkSize)
	rd.cur = rd.free.get()
	if opt.Preface {
		rd.preface = &Preface{}
	}
	err := rd.begin()
	if err == nil || opt.Follow && rd.waiting(err) {
		return rd, nil
	}
	rd.Close()
	return nil, err
}

// Close gives back what the decompressor holds. The stream itself is the caller's to
// close.
func (r *Reader) Close() {
	if r.closer != nil {
		r.closer()
		r.closer = nil
	}
}

// Format says what kind of file it is; it is the zero value as long as a followed file
// has no header. A pcapng file's byte order may change with its sections.
func (r *Reader) Format() Format { return r.format }

// Compression names the compression around the file: "gzip", "zstd", "lz4" or "".
func (r *Reader) Compression() string { return string(r.wrap) }

// Interfaces returns those found so far. The list only grows, and what was returned is
// never changed.
func (r *Reader) Interfaces() []Interface { return slices.Clip(r.faces) }

// Counters returns what was read until now.
func (r *Reader) Counters() Counters {
	c := r.counters
	c.TextDropped, c.StatisticsDropped = r.notes.textDropped, r.notes.statisticsDropped
	return c
}

// Statistics returns the interface statistics blocks found so far, oldest first.
func (r *Reader) Statistics() []Statistics { return r.notes.stats }

// Sections returns the pcapng section headers found so far, oldest first, at most
// 4 096.
func (r *Reader) Sections() []Section { return r.notes.sections }

// Preface returns what the pcapng sections found so far say that belongs to no packet; nil
// when that was not asked for with [ReaderOptions].
func (r *Reader) Preface() *Preface { return r.preface }

// Next returns the next Chunk: about [ChunkSize] bytes of whole records, less when the
// stream has no more at the moment, more when a single record is longer. At the end it
// returns io.EOF, or a [*DamageError] after all that was good, or what the stream
// reported. The Chunk is the caller's until [Reader.Release].
func (r *Reader) Next() (*Chunk, error) {
	for r.err == nil {
		if !r.started {
			if err := r.begin(); err != nil {
				r.err = r.missingHeader(err)
				break
			}
		}
		damage := r.scan()
		switch {
		case r.count > 0:
			return r.deliver(), nil
		case damage != "":
			r.err = &DamageError{Offset: r.cutOffset(), Packets: r.counters.Packets, What: damage}
		case r.done != nil:
			r.err = r.ending()
		default:
			r.fill()
		}
	}
	return nil, r.err
}

// cutOffset is where the first record that is not whole starts in the stream.
func (r *Reader) cutOffset() int64 { return r.pos + int64(r.cut-r.start) }

// missingHeader turns begin's error into what Next reports to one who follows a file that
// has no whole header.
func (r *Reader) missingHeader(err error) error {
	if !r.waiting(err) {
		return err
	}
	if r.end == 0 {
		return io.EOF
	}
	return &DamageError{Truncated: true, Have: int64(r.end), What: "the file header is not whole"}
}

// ending turns the end of the stream, done, into what Next reports.
func (r *Reader) ending() error {
	have := int64(r.end - r.cut)
	d := &DamageError{Offset: r.cutOffset(), Packets: r.counters.Packets}
	switch {
	case r.source.err != nil:
		return fmt.Errorf("read at byte %d of the capture: %w", r.pos+int64(r.end-r.start), r.source.err)
	case r.wrap != plain && errors.Is(r.done, io.ErrUnexpectedEOF):
		d.Truncated, d.What = true, "the "+string(r.wrap)+" stream around it is cut off"
	case r.done != io.EOF:
		d.What = streamFault(r.wrap, r.done)
		return d
	case have == 0:
		return io.EOF
	default:
		d.Truncated = true
	}
	if have > 0 {
		d.Need, d.Have = int64(r.need), have
	}
	return d
}

// Retry makes Next look again for bytes behind the end that it reported. It returns false
// when that is of no use: the file is damaged, the stream has failed, or it is compressed.
func (r *Reader) Retry() bool {
	var d *DamageError
	if r.wrap != plain || r.err != nil && r.err != io.EOF && !(errors.As(r.err, &d) && d.Truncated) {
		return false
	}
	r.err, r.done = nil, nil
	return true
}

// fill reads more into the buffer. It reads once, so that what a pipe has at the moment is
// handed on; only a decompressor's small portions are collected.
func (r *Reader) fill() {
	mem := r.cur.mem
	if r.end == len(mem) && r.count == 0 {
		r.pos, r.start = r.cutOffset(), r.cut // no packet in there: nobody needs it
	}
	if r.end == len(mem) && r.start > 0 {
		copy(mem, mem[r.start:r.end])
		r.end, r.cut, r.start = r.end-r.start, r.cut-r.start, 0
	}
	if r.end == len(mem) {
		// One record fills the buffer, and all of it has really been read.
		r.cur.mem = make([]byte, 2*len(mem))
		copy(r.cur.mem, mem)
		mem = r.cur.mem
	}
	for empty := 0; r.end < len(mem); {
		n, err := r.src.Read(mem[r.end:])
		r.end += n
		r.counters.Bytes += int64(n)
		if err != nil {
			r.done = err
			return
		}
		if n > 0 {
			if r.wrap == plain {
				return
			}
			empty = 0
		} else if empty++; empty == emptyReads {
			r.done, r.source.err = io.ErrNoProgress, io.ErrNoProgress
			return
		}
	}
}

// deliver makes a Chunk of the whole records and starts the next buffer with the rest.
func (r *Reader) deliver() *Chunk {
	mem, c, next := r.cur.mem, r.cur, r.free.get()
	whole, rest := mem[r.start:r.cut], mem[r.cut:r.end]
	pos := r.cutOffset()
	if len(rest) > len(whole) && len(whole) <= len(next.mem) {
		// The shorter part is copied, or many small sections in one buffer would copy it
		// again and again.
		c = next
		whole = c.mem[:copy(c.mem, whole)]
		r.start = r.cut
	} else {
		if len(rest) > len(next.mem) {
			next.mem = make([]byte, len(rest))
		}
		r.end = copy(next.mem, rest)
		r.start, r.cut = 0, 0
		r.cur = next
	}
	*c = Chunk{
		Offset: r.pos, First: r.counters.Packets + 1, Packets: r.count, Format: r.format,
		Base: r.base, Interfaces: r.Interfaces(), Bytes: slices.Clip(whole), mem: c.mem,
	}
	r.counters.Packets += uint64(r.count)
	r.count, r.pos = 0, pos
	return c
}
