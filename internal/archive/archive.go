// Package archive keeps a capture: a folder of pcapng segments that only grow at the end,
// and capture.json beside them. The segments are the truth; everything else follows them
// with a [segment.Cursor] and can be rebuilt.
//
// One goroutine appends. Followers read, each at its own pace: from memory while they
// keep up, from the segments when they are behind, and cannot tell the difference.
package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// Defaults of a [Config].
const (
	DefaultSegmentBytes = 256 << 20
	DefaultSegmentAge   = 12 * time.Hour
	DefaultMemoryBytes  = 12 << 20
)

// retryAfter is how long the archive waits after a failed write before it tries again:
// a full disk must not be hammered while the ring needs emptying.
const retryAfter = 200 * time.Millisecond

// Config says what is captured and how it is kept.
type Config struct {
	DataDir      string // holds a folder for each capture; made when missing
	Interfaces   []segment.Interface
	Filter       string
	Program      string           // name and version, written into each segment
	Preface      *segment.Preface // of the files that the packets are from; nil: there are none
	SegmentBytes int64            // a segment is sealed when it has grown past this; 0: DefaultSegmentBytes
	SegmentAge   time.Duration    // or is older than this; 0: DefaultSegmentAge
	MemoryBytes  int              // newest bytes kept in memory for followers; 0: DefaultMemoryBytes
	Sinks        []string         // names of the sinks that will follow, for the next start
	Now          func() time.Time
}

// Archive is a capture that is being written. Buffer, Append, Tick, NoteEvent and Close belong to
// one goroutine; everything else may be called from any.
type Archive struct {
	cfg  Config
	root *os.Root // the capture's folder: no name leaves it
	dir  string
	lock *lock

	file    *os.File
	buf     *buffer
	failed  time.Time // of the last failed write, zero when writing works
	warned  error
	noted   uint64       // what Checkpoint wrote last
	syncing []chan error // sealed segments on their way to the disk

	queue *queue // nil: Append writes at once

	mu       sync.Mutex
	meta     Meta
	recent   recent
	grown    chan struct{} // closed and replaced at each append
	closed   bool
	ledger   Ledger
	lost     uint64 // packets lost since the last successful write, for the gap's note
	lostFrom int64
	trouble  error
	opened   time.Time // the open segment's start
	retired  uint32    // segments up to this one were removed by Retain
}

// Create makes a new capture folder below cfg.DataDir, takes the data directory's lock
// and starts the first segment. Captures that a crash left open are recovered first and
// reported.
func Create(cfg Config) (*Archive, []Recovery, error) {
	if cfg.SegmentBytes <= 0 {
		cfg.SegmentBytes = DefaultSegmentBytes
	}
	if cfg.SegmentAge <= 0 {
		cfg.SegmentAge = DefaultSegmentAge
	}
	if cfg.MemoryBytes <= 0 {
		cfg.MemoryBytes = DefaultMemoryBytes
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if err := os.MkdirAll(cfg.DataDir, 0o700); err != nil {
		return nil, nil, fmt.Errorf("archive: make data directory: %w", err)
	}
	l, err := lockDir(cfg.DataDir)
	if err != nil {
		return nil, nil, err
	}
	recovered, err := RecoverAll(cfg.DataDir)
	if err != nil {
		l.unlock()
		return nil, nil, err
	}
	a := &Archive{cfg: cfg, lock: l, grown: make(chan struct{})}
	a.recent.limit = cfg.MemoryBytes
	if err := a.start(); err != nil {
		l.unlock()
		return nil, recovered, err
	}
	return a, recovered, nil
}

func (a *Archive) start() error {
	now := a.cfg.Now().UTC()
	var err error
	if a.dir, err = makeCaptureDir(a.cfg.DataDir, now, a.cfg.Interfaces); err != nil {
		return err
	}
	if a.root, err = os.OpenRoot(a.dir); err != nil {
		return fmt.Errorf("archive: open capture folder: %w", err)
	}
	a.meta = newMeta(filepath.Base(a.dir), now, a.cfg)
	if err := a.openSegment(); err != nil {
		return errors.Join(err, a.root.Close())
	}
	return a.meta.write(a.root)
}

// Dir returns the capture's folder.
func (a *Archive) Dir() string { return a.dir }

// ID names the capture for ever: the folder's name with a random part.
func (a *Archive) ID() string { return a.meta.ID }

// Root opens the capture's folder for a follower that keeps files there. The caller closes
// it.
func (a *Archive) Root() (*os.Root, error) { return os.OpenRoot(a.dir) }

// Buffer returns the free room for the next chunk's blocks: give its capacity to
// [segment.Builder.Reset], fill it, and hand the builder to Append. It is at least a
// quarter of a chunk, so that a quiet link does not spend a megabyte on each packet.
func (a *Archive) Buffer() []byte {
	if a.buf == nil || cap(a.buf.data)-a.buf.used < minRoom {
		if a.buf != nil {
			a.buf.release()
		}
		a.buf = a.recent.pool.get()
	}
	return a.buf.data[a.buf.used:a.buf.used:cap(a.buf.data)]
}

// Append writes the blocks that b built in the buffer of the last [Archive.Buffer] call,
// and shows them to the followers. When they cannot be written (disk full) they are
// counted as lost, and the error is in [Archive.Trouble]; the next Append tries again.
//
// After [Archive.Start] it hands the blocks to the writing goroutine instead, and waits
// only when queueBytes of memory are on their way to the disk.
func (a *Archive) Append(b *segment.Builder) {
	if len(b.Bytes()) == 0 {
		return
	}
	run := blocksRun{buf: a.buf, blocks: b.Bytes(), packets: b.Packets(), last: b.Last()}
	a.buf.used += len(run.blocks)
	if a.queue != nil {
		a.buf.hold()
		a.queue.put(run)
		return
	}
	a.append(run)
}

// blocksRun is what one Append brings.
type blocksRun struct {
	buf     *buffer
	blocks  []byte
	packets uint32
	last    int64
	do      func() // in place of blocks: something else that must happen in this order
}

func (a *Archive) append(r blocksRun) {
	now := a.cfg.Now()
	if !a.failed.IsZero() && now.Sub(a.failed) < retryAfter {
		a.lose(r.packets, r.last)
		return
	}
	if err := a.write(r.blocks); err != nil {
		a.failed = now
		a.setTrouble(err)
		a.lose(r.packets, r.last)
		return
	}
	a.publish(r.buf, r.blocks, r.packets, r.last)
	if !a.failed.IsZero() {
		a.failed = time.Time{}
		a.setTrouble(nil)
		a.noteGap(now)
	}
	if a.full(now) {
		a.roll()
	}
}

// write appends to the open segment, whole or not at all.
func (a *Archive) write(blocks []byte) error {
	if a.file == nil {
		if err := a.openSegment(); err != nil {
			return err
		}
	}
	end := a.meta.last().Bytes
	n, err := a.file.Write(blocks)
	if err == nil {
		return nil
	}
	if n > 0 {
		// A torn block would hide everything behind it.
		if cut := a.file.Truncate(end); cut != nil {
			return errors.Join(err, cut)
		}
	}
	return fmt.Errorf("archive: write segment %d of %s: %w", a.meta.last().Number, a.dir, err)
}

// publish shows what was written to the followers. blocks lies in buf.
func (a *Archive) publish(buf *buffer, blocks []byte, packets uint32, last int64) {
	a.mu.Lock()
	seg := a.meta.last()
	c := segment.Chunk{
		Segment: seg.Number, Offset: seg.Bytes, First: seg.First + seg.Packets, Packets: packets,
		Interfaces: a.cfg.Interfaces, Bytes: slices.Clip(blocks),
	}
	seg.Bytes += int64(len(blocks))
	seg.Packets += uint64(packets)
	if packets > 0 {
		if seg.FirstTime == 0 {
			seg.FirstTime = firstTime(&c)
		}
		seg.LastTime = max(seg.LastTime, last)
	}
	a.ledger.Written += uint64(packets)
	a.ledger.WrittenBytes += uint64(len(blocks))
	a.recent.push(buf, c)
	close(a.grown)
	a.grown = make(chan struct{})
	a.mu.Unlock()
}

func (a *Archive) lose(packets uint32, last int64) {
	a.mu.Lock()
	a.ledger.Lost += uint64(packets)
	a.lost += uint64(packets)
	if a.lostFrom == 0 {
		a.lostFrom = last
	}
	a.mu.Unlock()
}

// Trouble returns why the archive cannot write at the moment; nil when it can.
func (a *Archive) Trouble() error {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.trouble
}

func (a *Archive) setTrouble(err error) {
	if (err == nil) == (a.warned == nil) {
		return
	}
	a.warned = err
	a.mu.Lock()
	a.trouble = err
	a.mu.Unlock()
}

// End is the place behind the newest packet.
func (a *Archive) End() segment.Cursor {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.end()
}

func (a *Archive) end() segment.Cursor {
	s := a.meta.last()
	return segment.Cursor{Segment: s.Number, Offset: s.Bytes, Packet: s.First + s.Packets}
}

// inOrder runs f where the segments are written: at once, or behind what is queued.
func (a *Archive) inOrder(f func()) {
	if a.queue != nil {
		a.queue.put(blocksRun{do: f})
		return
	}
	f()
}

// Close seals the last segment and writes the final ledger into capture.json. Followers
// then reach [io.EOF]; FinishLedger may be called until they have.
func (a *Archive) Close() error {
	if a.queue != nil {
		a.queue.finish()
		a.queue = nil
	}
	if a.file != nil {
		a.seal()
	}
	err := a.waitSync()
	a.mu.Lock()
	a.closed = true
	a.meta.State = StateClosed
	a.meta.Ended = a.cfg.Now().UTC()
	ledger := a.ledger
	a.meta.Ledger = &ledger
	close(a.grown)
	a.grown = make(chan struct{})
	meta := a.meta.clone()
	a.mu.Unlock()
	if a.buf != nil {
		a.buf.release()
		a.buf = nil
	}
	return errors.Join(err, meta.write(a.root))
}

// Release gives up the lock and the folder, after the followers are done. final is the
// ledger with all followers; it replaces the one that Close wrote.
func (a *Archive) Release(final Ledger) error {
	a.mu.Lock()
	a.meta.Ledger = &final
	meta := a.meta.clone()
	a.mu.Unlock()
	err := meta.write(a.root)
	a.lock.unlock()
	return errors.Join(err, a.root.Close())
}
