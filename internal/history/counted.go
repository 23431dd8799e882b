package history

import (
	"errors"
	"sync"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// secondsMost bounds the counts by second that are kept in memory, 40 bytes each.
const secondsMost = 1 << 20

// counted keeps the counts of indexed parts.
type counted struct {
	mu   sync.Mutex
	by   map[*index.File]*sums
	size int
}

// of returns an indexed part's counts; nil when it has none.
func (k *counted) of(c *Capture, p *part) (*sums, error) {
	k.mu.Lock()
	s, ok := k.by[p.file]
	k.mu.Unlock()
	if ok {
		return s, nil
	}
	w, err := c.worker()
	if err != nil {
		return nil, err
	}
	defer c.release(w)
	info := &p.file.Info
	seg := archive.SegmentInfo{Number: info.Segment, First: info.First, Packets: info.Packets}
	seconds, err := w.loader.Seconds(c.stored.Root(), info.Capture, &seg)
	if errors.Is(err, index.ErrNoCounts) || index.Rebuildable(err) {
		return nil, nil // they are counted from the columns
	}
	if err != nil {
		return nil, err
	}
	s = &sums{first: info.FirstTime, last: info.LastTime, packets: info.Packets, seconds: seconds}
	for name, n := range info.Outcomes {
		s.outcomes[outcomeOf(name)] += n
	}
	sum := uint64(0)
	for i := range seconds {
		sum += seconds[i].Packets
	}
	for o := range packet.OutcomeCount {
		sum -= s.outcomes[o]
	}
	if sum != 0 {
		return nil, nil
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.size+len(seconds) > secondsMost {
		clear(k.by)
		k.size = 0
	}
	if k.by == nil {
		k.by = map[*index.File]*sums{}
	}
	if len(seconds) <= secondsMost {
		k.by[p.file] = s
		k.size += len(seconds)
	}
	return s, nil
}
