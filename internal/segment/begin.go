package segment

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"io"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
)

const (
	// maxWindow is the memory that a zstd stream may ask for. It suffices for all levels
	// up to 20; only --ultra and --long take more.
	maxWindow = 32 << 20
	// compressedRead is how much compressed data is read at once.
	compressedRead = 128 << 10
)

// source remembers whether a failure came from the stream itself, for a decompressor may
// report it in its own words.
type source struct {
	r   io.Reader
	err error
}

// Read implements io.Reader.
func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// begin reads until it knows the format and has passed a pcap or snoop file header.
func (r *Reader) begin() error {
	for {
		b := r.cur.mem[:r.end]
		if c := sniffCompression(b); c != plain {
			if r.wrap != plain {
				return &FormatError{What: "a " + string(c) + " stream inside a " + string(r.wrap) + " stream", Mend: "unpack it once"}
			}
			if err := r.unwrap(c); err != nil {
				return err
			}
			continue
		}
		f, need, ok := headerOf(b)
		switch {
		case ok && len(b) >= need:
			return r.accept(f, b)
		case !ok && len(b) >= 4:
			return r.inside(foreign(b, false))
		case r.done == io.EOF:
			return r.inside(foreign(b, true))
		case r.done != nil:
			return r.ending()
		}
		r.fill()
	}
}

// inside adds the compression to the name of what was found.
func (r *Reader) inside(e *FormatError) error {
	if r.wrap != plain {
		e.What += ", inside a " + string(r.wrap) + " stream"
	}
	return e
}

// waiting says whether err only means that the header of an uncompressed file is not
// there yet.
func (r *Reader) waiting(err error) bool {
	var f *FormatError
	return errors.As(err, &f) && r.wrap == plain && r.done == io.EOF &&
		(r.end == 0 || isCaptureStart(r.cur.mem[:r.end]))
}

// headerOf names the format that b begins with and how many bytes its header takes. ok is
// false when b is none of them, or too short to say.
func headerOf(b []byte) (f Format, need int, ok bool) {
	if len(b) < 4 {
		return Format{}, 4, false
	}
	if f, ok := pcapFormat(b); ok {
		return f, pcapHeader, true
	}
	if binary.BigEndian.Uint32(b) == blockSection {
		return Format{Kind: Pcapng}, minBlock, len(b) < minBlock || sectionOrder(b[8:]) != orderUnknown
	}
	n := min(len(b), len(snoopMagic))
	return Format{Kind: Snoop}, snoopHeader, string(b[:n]) == snoopMagic[:n]
}

// accept takes over the format, and the header of a pcap or snoop file in b.
func (r *Reader) accept(f Format, b []byte) error {
	var in Interface
	var err error
	header := 0
	switch f.Kind {
	case Pcap:
		header = pcapHeader
		in, err = pcapInterface(b, f)
	case Snoop:
		header = snoopHeader
		in, err = snoopInterface(b)
	}
	if err != nil {
		return err
	}
	if header > 0 {
		r.faces = append(r.faces, in)
	}
	r.format, r.started = f, true
	r.start, r.cut, r.pos = header, header, int64(header)
	return nil
}

// unwrap puts a decompressor between the stream and the buffer.
func (r *Reader) unwrap(c compression) error {
	var rest io.Reader = r.source
	if r.done != nil {
		rest = &ended{r.done}
	}
	head := bytes.Clone(r.cur.mem[:r.end])
	in := bufio.NewReaderSize(io.MultiReader(bytes.NewReader(head), rest), compressedRead)
	r.wrap, r.end, r.counters.Bytes, r.done = c, 0, 0, nil
	switch c {
	case gzipStream:
		z, err := gzip.NewReader(in)
		if err != nil {
			if err == io.EOF {
				err = io.ErrUnexpectedEOF
			}
			r.done = err
			return r.ending()
		}
		r.src = z
	case zstdStream:
		z, err := zstd.NewReader(in, zstd.WithDecoderMaxWindow(maxWindow), zstd.WithDecoderMaxMemory(maxWindow),
			zstd.WithDecoderLowmem(true), zstd.WithDecoderConcurrency(1))
		if err != nil {
			r.done = err
			return r.ending()
		}
		r.src, r.closer = z, z.Close
	case lz4Stream:
		r.src = &lz4Frames{in: in, z: lz4.NewReader(in)}
	}
	return nil
}

// lz4Frames reads one lz4 frame after the other; the package stops behind the first.
type lz4Frames struct {
	in *bufio.Reader
	z  *lz4.Reader
}

// Read implements io.Reader.
func (l *lz4Frames) Read(p []byte) (int, error) {
	for {
		n, err := l.z.Read(p)
		if err != io.EOF {
			return n, err
		}
		if _, end := l.in.Peek(1); end != nil {
			return n, err
		}
		l.z.Reset(l.in)
		if n > 0 {
			return n, nil
		}
	}
}

// ended is a stream that is over.
type ended struct{ err error }

// Read implements io.Reader.
func (e *ended) Read([]byte) (int, error) { return 0, e.err }

// streamFault says what is wrong with a compressed stream.
func streamFault(c compression, err error) string {
	if errors.Is(err, zstd.ErrWindowSizeExceeded) || errors.Is(err, zstd.ErrDecoderSizeExceeded) {
		return "the zstd stream around it asks for more than 32 MiB of memory; unpack it first: zstd -dc --long=31 FILE | tarrafa read -"
	}
	return "the " + string(c) + " stream around it is damaged: " + err.Error()
}
