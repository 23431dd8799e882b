package segment

import (
	"bytes"
	"io"
	"slices"
	"sync"
)

// Shared lets several goroutines read one uncompressed file side by side, each with a
// [Share] of its own. The file is read in blocks of the same length, by whoever is free;
// only to find where its first record begins a block waits for the one before, which takes
// a hundredth of the time that reading it does. The chunks and errors are those of
// [Reader.Next], but for where the chunks begin and end.
type Shared struct {
	reader *Reader
	file   io.ReaderAt
	begin  int64 // where the first block is in the file, bytes
	block  int64 // length of a block, bytes

	mu      sync.Mutex
	turn    sync.Cond // done has changed
	claimed int64     // blocks that somebody reads or has read
	done    int64     // blocks that are cut into records
	tail    []byte    // what is left of the last one: the beginning of a record; owned
}

// Share is one goroutine's part in a [Shared].
type Share struct {
	of     *Shared
	mem    []byte // the block, with room for the tail of the one before in front; owned
	chunks []Chunk
}

// tailRoom is the room in front of a block: for records of any usual length.
const tailRoom = 64 << 10

// Share makes a Shared of a Reader that was made for the beginning of file, and from which
// nothing has been read; nil when it is compressed. The Reader's Next must not be called
// any more, and its other methods only when no Share is reading.
// Blocks have the length of [NearBuffer].
func (r *Reader) Share(file io.ReaderAt) *Shared { return r.share(file, NearBuffer) }

func (r *Reader) share(file io.ReaderAt, block int64) *Shared {
	s := &Shared{reader: r, file: file, begin: r.pos, block: block}
	s.turn.L = &s.mu
	r.done = nil
	r.counters.Bytes = r.pos
	return s
}

// New returns a Share.
func (s *Shared) New() *Share { return &Share{of: s, mem: make([]byte, tailRoom+s.block)} }

// Next reads a block and returns the chunks that it holds, of which there may be none, and
// its number, from 0. The chunks are valid until this Share's next call. Every block has
// one number; the last chunks come with the error that Reader.Next would have returned behind
// them: io.EOF, for example.
func (h *Share) Next(inTurn func([]Chunk)) (chunks []Chunk, number int64, err error) {
	s := h.of
	s.mu.Lock()
	number = s.claimed
	s.claimed++
	s.mu.Unlock()
	n, failed := s.file.ReadAt(h.mem[tailRoom:], s.begin+number*s.block)
	s.mu.Lock()
	for s.done < number {
		s.turn.Wait()
	}
	// Only the one whose turn it is comes here: the lock need not be held.
	s.mu.Unlock()
	err = h.cut(n, failed)
	if inTurn != nil {
		inTurn(h.chunks)
	}
	s.mu.Lock()
	s.done++
	s.turn.Broadcast()
	s.mu.Unlock()
	return h.chunks, number, err
}

// cut cuts the block of n bytes that was read.
func (h *Share) cut(n int, failed error) error {
	s, r := h.of, h.of.reader
	h.chunks = h.chunks[:0]
	if r.err != nil {
		return r.err // the stream was over before
	}
	mem, start := h.mem[:tailRoom+n], tailRoom-len(s.tail)
	long := start < 0
	if long { // a record of many blocks: it is collected, and all of it has really been read
		s.tail = append(s.tail, mem[tailRoom:]...)
		mem, start = s.tail, 0
	} else {
		copy(mem[start:], s.tail)
	}
	r.cur.mem, r.start, r.cut, r.end = mem, start, start, len(mem)
	r.counters.Bytes += int64(n)
	r.done = failed
	if failed != nil && failed != io.EOF {
		r.source.err = failed
	}
	for {
		damage := r.scan()
		switch {
		case r.count > 0:
			h.chunks = append(h.chunks, Chunk{
				Offset: r.pos, First: r.counters.Packets + 1, Packets: r.count, Format: r.format,
				Base: r.base, Interfaces: r.Interfaces(), Bytes: slices.Clip(mem[r.start:r.cut]),
			})
			r.counters.Packets += uint64(r.count)
			r.pos, r.start, r.count = r.cutOffset(), r.cut, 0
		case damage != "":
			r.err = &DamageError{Offset: r.cutOffset(), Packets: r.counters.Packets, What: damage}
			return r.err
		case r.done != nil:
			r.err = r.ending()
			return r.err
		default:
			r.pos = r.cutOffset()
			switch {
			case !long:
				s.tail = append(s.tail[:0], mem[r.cut:]...)
			case r.cut > 0: // chunks may lie before it
				s.tail = bytes.Clone(mem[r.cut:])
			}
			return nil
		}
	}
}
