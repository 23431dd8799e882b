package archive

import (
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// openSegment starts the next segment: section header and interfaces. The header's
// comment says which capture and which packet number the segment starts with, so that
// it can be understood without capture.json.
func (a *Archive) openSegment() error {
	number, first := uint32(1), uint64(1)
	a.mu.Lock()
	if len(a.meta.Segments) > 0 {
		s := a.meta.last()
		number, first = s.Number+1, s.First+s.Packets
	}
	a.mu.Unlock()

	name := FileName(number)
	section := segment.Section{Application: a.cfg.Program, Comments: []string{sectionComment(a.meta.ID, number, first)}}
	preface := a.cfg.Preface
	if preface != nil {
		section.Hardware, section.OS = preface.Section.Hardware, preface.Section.OS
		section.Comments = append(section.Comments, preface.Section.Comments...)
	}
	pre := segment.AppendSectionHeader(nil, section)
	for i := range a.cfg.Interfaces {
		pre = segment.AppendInterface(pre, a.cfg.Interfaces[i])
	}
	if preface != nil && (number == 1 || int64(preface.Size()) <= a.cfg.SegmentBytes/prefaceShare) {
		pre = preface.AppendBlocks(pre)
	}
	f, err := a.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL|os.O_APPEND, 0o600)
	if err != nil {
		return fmt.Errorf("archive: start segment: %w", err)
	}
	if _, err := f.Write(pre); err != nil {
		return errors.Join(fmt.Errorf("archive: start segment %s in %s: %w", name, a.dir, err), f.Close(), a.root.Remove(name))
	}
	a.file = f
	a.mu.Lock()
	a.meta.Segments = append(a.meta.Segments, SegmentInfo{Number: number, First: first})
	a.opened = a.cfg.Now()
	a.mu.Unlock()
	a.publishAlone(pre)
	return nil
}

// publishAlone publishes blocks without packets, in memory of their own.
func (a *Archive) publishAlone(blocks []byte) {
	buf := &buffer{data: blocks, pool: &a.recent.pool, single: true}
	buf.hold()
	a.publish(buf, blocks, 0, 0)
	buf.release()
}

// prefaceShare is the part of a segment that names and secrets may take for every segment
// to hold them, so that each can be read by itself; else the first does.
const prefaceShare = 16

const commentPrefix = "tarrafa capture "

// foreign leaves the comments out that this program wrote of its own segments.
func foreign(comments []string) []string {
	return slices.DeleteFunc(slices.Clone(comments), func(s string) bool {
		_, _, _, own := parseSectionComment(s)
		return own
	})
}

// Preface makes of what segments of this program say what the files said that they were made
// of. It changes p and returns it.
func Preface(p *segment.Preface) *segment.Preface {
	p.Section.Comments = foreign(p.Section.Comments)
	return p
}

// Preface returns what the files said, besides their packets, that a stored capture was made
// of.
func (s *Stored) Preface() (*segment.Preface, error) {
	if len(s.Meta.Segments) == 0 {
		return &segment.Preface{}, nil
	}
	f, err := s.root.Open(FileName(s.Meta.Segments[0].Number))
	if err != nil {
		return nil, fmt.Errorf("archive: %w", err)
	}
	defer func() { _ = f.Close() }()
	p, err := segment.ReadPreface(f)
	if err != nil {
		return nil, fmt.Errorf("archive: read %s: %w", f.Name(), err)
	}
	return Preface(p), nil
}

func sectionComment(id string, number uint32, first uint64) string {
	return fmt.Sprintf("%s%s segment %d first packet %d", commentPrefix, id, number, first)
}

// parseSectionComment reads back what sectionComment wrote.
func parseSectionComment(s string) (id string, number uint32, first uint64, ok bool) {
	rest, found := strings.CutPrefix(s, commentPrefix)
	if !found {
		return "", 0, 0, false
	}
	f := strings.Fields(rest)
	if len(f) != 6 || f[1] != "segment" || f[3] != "first" || f[4] != "packet" {
		return "", 0, 0, false
	}
	n, err1 := strconv.ParseUint(f[2], 10, 32)
	p, err2 := strconv.ParseUint(f[5], 10, 64)
	return f[0], uint32(n), p, err1 == nil && err2 == nil && n > 0 && p > 0
}

func (a *Archive) full(now time.Time) bool {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.meta.last()
	return s.Packets > 0 && (s.Bytes >= a.cfg.SegmentBytes || now.Sub(a.opened) >= a.cfg.SegmentAge)
}

// Tick lets time pass on a link without packets: a segment that is old enough is sealed.
func (a *Archive) Tick() {
	a.recent.pool.trim()
	a.inOrder(func() {
		a.applyRetired()
		if a.file != nil && a.full(a.cfg.Now()) {
			a.roll()
		}
	})
}

// Checkpoint notes the source's counters in the open segment when they have changed, so
// that after a crash the segments still tell what the kernel dropped.
func (a *Archive) Checkpoint() {
	a.inOrder(func() {
		a.mu.Lock()
		sum := a.ledger.Received + a.ledger.Dropped
		a.mu.Unlock()
		if a.file == nil || sum == a.noted {
			return
		}
		a.noted = sum
		a.noteCounters("checkpoint")
	})
}

// roll seals the open segment and starts the next. When the next cannot be started the
// following Append tries again.
func (a *Archive) roll() {
	a.seal()
	err := a.openSegment()
	if err == nil {
		meta := a.meta.clone()
		err = meta.write(a.root)
	}
	if err != nil {
		a.setTrouble(err)
	}
}

// seal ends the open segment with the source's counters, hands it to the disk and closes
// it. The data reaches the platter in the background: waiting for it here would hold up
// the ring.
func (a *Archive) seal() {
	a.noteCounters("sealed")
	f := a.file
	a.file = nil
	a.mu.Lock()
	a.meta.last().Sealed = true
	a.mu.Unlock()
	done := make(chan error, 1)
	go func() { done <- errors.Join(f.Sync(), f.Close()) }()
	a.syncing = append(a.syncing, done)
}

// waitSync waits for the sealed segments to be on disk.
func (a *Archive) waitSync() error {
	var err error
	for _, c := range a.syncing {
		err = errors.Join(err, <-c)
	}
	a.syncing = nil
	return err
}

// noteCounters writes the source's counters as interface statistics of interface 0.
func (a *Archive) noteCounters(why string) {
	a.mu.Lock()
	l := a.ledger
	a.mu.Unlock()
	now := a.cfg.Now().UnixNano()
	a.writeNote(segment.Statistics{
		Time: now, Start: a.meta.Started.UnixNano(), End: now,
		Fields:   segment.HasReceived | segment.HasOSDropped | segment.HasDelivered,
		Received: l.Received, OSDropped: l.Dropped, Delivered: l.Delivered,
		Comments: []string{fmt.Sprintf("tarrafa %s: written %d lost %d skipped %d", why, l.Written, l.Lost, l.Skipped)},
	})
}

// noteGap says in the segment how many packets are missing at this place.
func (a *Archive) noteGap(now time.Time) {
	a.mu.Lock()
	lost, from := a.lost, a.lostFrom
	a.mu.Unlock()
	if lost == 0 {
		return
	}
	if a.writeNote(segment.Statistics{
		Time: now.UnixNano(), Start: from, End: now.UnixNano(),
		Comments: []string{fmt.Sprintf("tarrafa gap: %d packets could not be written", lost)},
	}) {
		a.mu.Lock()
		a.lost, a.lostFrom = 0, 0
		a.mu.Unlock()
	}
}

// NoteEvent records in the segment what happened to an interface.
func (a *Archive) NoteEvent(iface int, at time.Time, text string) {
	a.inOrder(func() {
		a.writeNote(segment.Statistics{
			Interface: uint32(iface), Time: at.UnixNano(), Comments: []string{"tarrafa event: " + text},
		})
	})
}

// writeNote appends a statistics block; it tells whether it is in the segment.
func (a *Archive) writeNote(s segment.Statistics) bool {
	if a.file == nil {
		return false
	}
	blocks := segment.AppendStatistics(nil, s)
	if err := a.write(blocks); err != nil {
		return false
	}
	a.publishAlone(blocks)
	return true
}
