package index

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// SegmentInfo says what an index is about: it stands in the file, as JSON.
type SegmentInfo struct {
	Capture       string            `json:"capture"`
	Segment       uint32            `json:"segment"`
	First         uint64            `json:"first_packet"`
	Packets       uint64            `json:"packets"`
	SegmentBytes  int64             `json:"segment_bytes"` // of the segment file that the index covers: all
	WireBytes     uint64            `json:"wire_bytes"`
	CapturedBytes uint64            `json:"captured_bytes"`
	FirstTime     int64             `json:"first_time"` // the earliest, nanoseconds since 1970
	LastTime      int64             `json:"last_time"`
	Outcomes      map[string]uint64 `json:"outcomes"`
	Reassembled   uint64            `json:"reassembled"`   // packets that completed a fragmented datagram
	Seconds       bool              `json:"seconds"`       // the counts by second are complete
	Addresses     bool              `json:"addresses"`     // the counts by address are complete
	AnyAddress    bool              `json:"any_addresses"` // those of all headers too
	Names         bool              `json:"names"`         // so are the columns app and names
	// FlowMemory is the memory for flows with which the columns of the connections were
	// filled, bytes; 0: they are empty.
	FlowMemory int64 `json:"flow_memory,omitempty"`
	// FlowsFrom is the number of the first packet that the flow table had seen: from there
	// on flows and streams are counted.
	FlowsFrom uint64 `json:"flows_from,omitempty"`
}

// Config says whose segments are indexed.
type Config struct {
	Root    *os.Root // the capture's folder
	Capture string   // its ID
	Program string   // name and version, for the files
	// FlowMemory is the memory that the flow table has which the batches come from, bytes;
	// 0: the columns of the connections stay empty.
	FlowMemory int64
	FlowsFrom  uint64 // number of the first packet that it saw; 0: 1
	// Trouble is told why a segment has no index; nil: nobody is.
	Trouble func(segment uint32, err error)
}

// Writer is the follower that writes the index of each segment when the segment is
// finished. A segment whose index cannot be written goes without, is counted, and can be
// had later with tarrafa reindex. Memory is bounded: see [Writer.flush]. It is used by
// one goroutine.
type Writer struct {
	cfg       Config
	enc       *encoder
	stage     *stage
	addresses addresses
	names     nameWords
	nameAt    int // in the names of the batch in hand
	seconds   seconds
	outcomes  [packet.OutcomeCount]uint64
	info      SegmentInfo
	open      bool // a segment is being indexed
	bad       bool // the one in hand will have no index
	failed    int

	file  *os.File
	table *table

	decoder    *packet.Decoder
	packet     packet.Packet
	srcs, dsts []int32
	options    [blockRows]bool // rows of the block in hand that have IPv4 options
}

var _ track.Follower = (*Writer)(nil)

// NewWriter returns a Writer that has written nothing.
func NewWriter(cfg Config) (*Writer, error) {
	enc, err := newEncoder()
	if err != nil {
		return nil, err
	}
	return &Writer{cfg: cfg, enc: enc, stage: newStage(specs[:], GroupRows), decoder: packet.NewDecoder()}, nil
}

// Failed returns how many segments have no index because it could not be written.
func (w *Writer) Failed() int { return w.failed }

// Apply implements [track.Follower]. It never fails: an index can be made again.
func (w *Writer) Apply(_ context.Context, b *track.Batch) error {
	c := b.Chunk
	if !w.open || c.Segment != w.info.Segment {
		w.Seal()
		w.begin(c)
	}
	if !w.bad {
		if err := w.rows(b); err != nil {
			w.abandon(err)
		}
	}
	w.info.SegmentBytes = b.Next.Offset
	return nil
}

func (w *Writer) rows(b *track.Batch) error {
	notes := b.Notes
	if w.cfg.FlowMemory == 0 {
		notes = nil
	}
	w.nameAt = 0
	for from := 0; from < len(b.Rows); {
		to := min(from+blockRows, len(b.Rows), from+PageRows-w.stage.rows%PageRows)
		block := b.Rows[from:to]
		for i := range block {
			s := &block[i]
			data := b.Data(s)
			w.options[i] = s.Depth > 0 && !bare(s, data) && w.hasOptions(b.Chunk, s, data)
			if w.options[i] {
				w.info.AnyAddress = false
			}
		}
		var of []flow.Note
		if len(notes) > 0 {
			of = notes[from:to]
		}
		w.named(b, from, len(block), len(of) > 0 && len(b.Apps) > 0)
		w.block(block, b.Chunk.Bytes, of)
		for i := range block {
			if s := &block[i]; s.Depth > 1 {
				w.deep(b.Chunk, s, b.Data(s))
			}
		}
		from = to
		if w.stage.rows == GroupRows {
			if err := w.flush(); err != nil {
				return err
			}
		}
	}
	return nil
}

// begin starts the index of a segment.
func (w *Writer) begin(c *segment.Chunk) {
	w.open, w.bad = true, false
	w.info = SegmentInfo{Capture: w.cfg.Capture, Segment: c.Segment, First: c.First, Addresses: true, AnyAddress: true, FlowMemory: w.cfg.FlowMemory}
	if w.cfg.FlowMemory != 0 {
		w.info.FlowsFrom = max(w.cfg.FlowsFrom, 1)
		w.info.Names = true
	}
	w.stage.reset()
	w.seconds.reset()
	w.addresses.init()
	w.names.reset()
	clear(w.outcomes[:])
	if c.Offset != 0 {
		w.abandon(errors.New("only a part of the segment was seen"))
		return
	}
	if err := w.create(); err != nil {
		w.abandon(err)
	}
}

func (w *Writer) create() error {
	name := FileName(w.info.Segment) + tmpSuffix
	f, err := w.cfg.Root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("index: %w", err)
	}
	w.file = f
	w.table, err = newTable(f, "packets", specs[:], w.enc)
	return err
}

// flush writes the staged rows. Here alone the addresses start anew, as the staged rows
// hold their numbers: no more than [addressMax] and what one row group adds are in memory.
func (w *Writer) flush() error {
	err := w.table.group(w.stage, w.texts)
	w.names.reset()
	if err == nil && len(w.addresses.keys) > addressMax {
		w.addresses.init()
		w.info.Addresses = false
	}
	return err
}

func (w *Writer) texts(t text) words {
	switch t {
	case addressText:
		return &w.addresses
	case directionText:
		return directions
	case outcomeText:
		return outcomes
	case appText:
		return appWords
	case nameText:
		return &w.names
	}
	return nil
}

// abandon gives up the index of the segment in hand.
func (w *Writer) abandon(err error) {
	w.bad = true
	w.failed++
	if w.file != nil {
		_ = w.file.Close()
		_ = w.cfg.Root.Remove(FileName(w.info.Segment) + tmpSuffix)
		w.file = nil
	}
	if w.cfg.Trouble != nil {
		w.cfg.Trouble(w.info.Segment, err)
	}
}

// Seal finishes the index of the segment in hand, if there is one: at the end of what is
// followed. Apply calls it when the next segment begins.
func (w *Writer) Seal() {
	if !w.open {
		return
	}
	w.open = false
	if w.bad {
		return
	}
	if err := w.seal(); err != nil {
		w.abandon(err)
	}
}

// seal writes what is left and renames the files: the counts first, for whoever finds an
// index finds them too.
func (w *Writer) seal() error {
	if err := w.flush(); err != nil {
		return err
	}
	w.info.Outcomes = map[string]uint64{}
	for o, n := range w.outcomes {
		if n > 0 {
			w.info.Outcomes[packet.Outcome(o).String()] = n
		}
	}
	w.seconds.settle()
	w.info.Seconds = !w.seconds.over
	if err := w.rollups(); err != nil {
		return err
	}
	if err := w.table.finish(&w.info, w.cfg.Program); err != nil {
		return err
	}
	f := w.file
	w.file = nil
	name := FileName(w.info.Segment)
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		_ = w.cfg.Root.Remove(name + tmpSuffix)
		return fmt.Errorf("index: %w", err)
	}
	if err := w.cfg.Root.Rename(name+tmpSuffix, name); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	return nil
}

// Close gives up what is not finished: its temporary file is removed.
func (w *Writer) Close() {
	if w.file != nil {
		_ = w.file.Close()
		_ = w.cfg.Root.Remove(FileName(w.info.Segment) + tmpSuffix)
		w.file = nil
	}
	w.open = false
}

// Names of the files beside a segment.
const tmpSuffix = ".tmp"

func base(number uint32) string {
	name := archive.FileName(number)
	return name[:len(name)-len(".pcapng")]
}

// FileName returns the name of a segment's index in the capture's folder.
func FileName(number uint32) string { return base(number) + ".parquet" }

// SecondsName returns the name of the file with a segment's counts by second.
func SecondsName(number uint32) string { return base(number) + ".seconds.parquet" }

// AddressesName returns the name of the file with a segment's counts by address.
func AddressesName(number uint32) string { return base(number) + ".addresses.parquet" }
