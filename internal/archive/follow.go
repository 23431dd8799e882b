package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"sync/atomic"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// Tail hands out an archive's chunks in order, from a cursor on. It is used by one
// goroutine. From memory or from disk: the caller cannot tell.
type Tail struct {
	a       *Archive
	at      segment.Cursor
	disk    diskReader
	held    *buffer
	known   uint64 // packets before this number are no loss
	expired atomic.Uint64
}

// Follow returns a Tail that starts at from; the zero Cursor means the beginning. What
// retention has already removed is counted in [Tail.Expired].
func (a *Archive) Follow(from segment.Cursor) *Tail {
	return &Tail{a: a, at: from, disk: diskReader{root: a.root}}
}

// Cursor is the place behind the chunk that was handed out last.
func (t *Tail) Cursor() segment.Cursor { return t.at }

// Seek goes on from another place. The chunk that was handed out last must have been
// released.
func (t *Tail) Seek(to segment.Cursor) { t.at = to }

// Known says that the follower has what it needs of the packets before number packet, and
// sees them again for another reason: that they are gone is no loss.
func (t *Tail) Known(packet uint64) { t.known = packet }

// gone returns how many of the packets from number from to number to (without to) are a
// loss when they are not there.
func gone(from, to, known uint64) uint64 {
	from = max(from, known)
	return to - min(from, to)
}

// Expired returns how many packets were gone before they could be handed out.
func (t *Tail) Expired() uint64 { return t.expired.Load() }

// Next returns the next chunk, waiting for one if need be. The chunk is valid until
// Release. It returns io.EOF when the archive is closed and everything was handed out,
// and ctx's error when it is told to stop.
func (t *Tail) Next(ctx context.Context) (*segment.Chunk, error) {
	for {
		c, wait, err := t.next()
		if c != nil || err != nil {
			return c, err
		}
		select {
		case <-wait:
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// Release gives the last chunk back.
func (t *Tail) Release(*segment.Chunk) {
	if t.held != nil {
		t.held.release()
		t.held = nil
	}
}

func (t *Tail) next() (*segment.Chunk, <-chan struct{}, error) {
	t.a.mu.Lock()
	seg, limit, wait, err := t.place()
	if seg == nil || err != nil {
		t.a.mu.Unlock()
		return nil, wait, err
	}
	if c, b, ok := t.a.recent.find(t.at); ok {
		t.a.mu.Unlock()
		t.held = b
		return t.hand(&c), nil, nil
	}
	// Not beyond what memory holds, nor beyond what was written.
	info := *seg
	t.a.mu.Unlock()
	c, err := t.disk.read(t.at, min(limit, info.Bytes))
	if errors.Is(err, fs.ErrNotExist) {
		t.expired.Add(skip(&t.at, &info, t.known))
		return t.next()
	}
	if err != nil {
		return nil, nil, err
	}
	c.Interfaces = t.a.cfg.Interfaces
	return t.hand(c), nil, nil
}

// skip moves a cursor behind a segment that somebody has deleted, and returns how many
// packets it will never see.
func skip(at *segment.Cursor, s *SegmentInfo, known uint64) (packets uint64) {
	packets = gone(at.Packet, s.First+s.Packets, known)
	*at = segment.Cursor{Segment: s.Number, Offset: s.Bytes, Packet: s.First + s.Packets}
	return packets
}

func (t *Tail) hand(c *segment.Chunk) *segment.Chunk {
	t.at.Offset += int64(len(c.Bytes))
	t.at.Packet += uint64(c.Packets)
	return c
}

// place moves the cursor over the ends of segments. It returns the segment in which there
// is something to read and the offset up to which it may be read, or the channel to wait on.
func (t *Tail) place() (*SegmentInfo, int64, <-chan struct{}, error) {
	segs := t.a.meta.Segments
	if t.at.Packet == 0 {
		t.at.Packet = 1
	}
	for i := range segs {
		s := &segs[i]
		if s.Number < t.at.Segment {
			continue
		}
		if s.Number > t.at.Segment {
			t.expired.Add(gone(t.at.Packet, s.First, t.known))
			t.at = segment.Cursor{Segment: s.Number, Offset: 0, Packet: s.First}
		}
		if t.at.Offset < s.Bytes {
			return s, s.Bytes, nil, nil
		}
		if !s.Sealed {
			break
		}
	}
	if t.a.closed {
		return nil, 0, nil, io.EOF
	}
	return nil, 0, t.a.grown, nil
}

// diskReader reads whole blocks of segments into a buffer of its own.
type diskReader struct {
	root   *os.Root
	file   *os.File
	number uint32
	buf    []byte
	chunk  segment.Chunk
}

// blockMax bounds a single block; larger ones are damage.
const blockMax = 64 << 20

// read returns a chunk of whole blocks that starts at at and ends before limit.
func (d *diskReader) read(at segment.Cursor, limit int64) (*segment.Chunk, error) {
	if d.file == nil || d.number != at.Segment {
		d.close()
		f, err := d.root.Open(FileName(at.Segment))
		if err != nil {
			return nil, fmt.Errorf("archive: %w", err)
		}
		d.file, d.number = f, at.Segment
	}
	if d.buf == nil {
		d.buf = make([]byte, segment.ChunkSize)
	}
	for {
		want := min(int64(len(d.buf)), limit-at.Offset)
		n, err := d.file.ReadAt(d.buf[:want], at.Offset)
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("archive: read %s at %d: %w", d.file.Name(), at.Offset, err)
		}
		end, packets, need := segment.WholeBlocks(d.buf[:n])
		if end > 0 {
			d.chunk = segment.Chunk{Segment: at.Segment, Offset: at.Offset, First: at.Packet, Packets: packets, Bytes: d.buf[:end:end]}
			return &d.chunk, nil
		}
		if need <= int64(len(d.buf)) || need > blockMax || at.Offset+need > limit {
			return nil, &segment.DamageError{
				Offset: at.Offset, Packets: at.Packet - 1, What: "no whole block here",
				Truncated: need >= 0, Need: max(need, 0), Have: limit - at.Offset,
			}
		}
		d.buf = make([]byte, need)
	}
}

func (d *diskReader) close() {
	if d.file != nil {
		_ = d.file.Close()
		d.file = nil
	}
}

// Close gives up the Tail's file.
func (t *Tail) Close() {
	t.Release(nil)
	t.disk.close()
}
