package archive

import (
	"fmt"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// Ledger says where every packet is. Received = Delivered + Dropped + Skipped;
// Delivered = Written + Lost; for each follower Written = Applied + Behind + Expired.
type Ledger struct {
	Received     uint64          `json:"received"`          // passed the filter in the kernel
	Dropped      uint64          `json:"dropped_by_kernel"` // the ring was full
	Skipped      uint64          `json:"skipped"`           // second copies on lo, packets of the unwanted direction
	Delivered    uint64          `json:"delivered"`         // taken out of the ring
	Truncated    uint64          `json:"truncated"`         // delivered, but cut because the ring's block was too small
	Written      uint64          `json:"written"`           // in the segments
	WrittenBytes uint64          `json:"written_bytes"`
	Lost         uint64          `json:"lost"`                   // delivered, but not written: the disk was full or failed
	Suspended    time.Duration   `json:"suspended_ns,omitempty"` // for so long no packets were taken, as the reader had stopped the capture
	Followers    []FollowerEntry `json:"followers"`
}

// FollowerEntry is one follower's side of the ledger.
type FollowerEntry struct {
	Name    string            `json:"name"`
	Applied uint64            `json:"applied"`
	Behind  uint64            `json:"behind"`
	Expired uint64            `json:"expired"`         // removed by retention before they were applied
	Parts   map[string]uint64 `json:"parts,omitempty"` // what applied is made of; the sum is Applied
	// Limits are what had to go for the sake of a cap, by its name in docs/limits.md.
	Limits map[string]uint64 `json:"limits,omitempty"`
	// Flows are the flows that were begun, and what became of them: idle, closed, forced,
	// reused, drained at the end, still open. The sum of these is begun.
	Flows map[string]uint64 `json:"flows,omitempty"`
}

// Balance returns nil when every packet is in exactly one place, and otherwise an error
// that says which account does not add up.
func (l *Ledger) Balance() error {
	var wrong []string
	check := func(what string, left, right uint64) {
		if left != right {
			wrong = append(wrong, fmt.Sprintf("%s: %d ≠ %d", what, left, right))
		}
	}
	check("received = delivered + dropped + skipped", l.Received, l.Delivered+l.Dropped+l.Skipped)
	check("delivered = written + lost", l.Delivered, l.Written+l.Lost)
	for _, f := range l.Followers {
		check(f.Name+": written = applied + behind + expired", l.Written, f.Applied+f.Behind+f.Expired)
		if len(f.Parts) > 0 {
			var sum uint64
			for _, n := range f.Parts {
				sum += n
			}
			check(f.Name+": parts", f.Applied, sum)
		}
		var ends uint64
		for what, n := range f.Flows {
			if what != "begun" {
				ends += n
			}
		}
		check(f.Name+": flows", f.Flows["begun"], ends)
	}
	if len(wrong) > 0 {
		return fmt.Errorf("the ledger does not balance: %s", strings.Join(wrong, "; "))
	}
	return nil
}

// Ledger returns the archive's side of the ledger. Received, Dropped, Skipped and the
// followers are the caller's to fill in: see SetSource.
func (a *Archive) Ledger() Ledger {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.ledger
}

// LostBefore returns how many packets were lost before they reached a file, by what its
// statistics blocks say: of each interface the last one holds.
func LostBefore(stats []segment.Statistics) (n uint64) {
	last := map[uint32]segment.Statistics{}
	for _, s := range stats {
		last[s.Interface] = s
	}
	for _, s := range last {
		n += s.Dropped + s.OSDropped
	}
	return n
}

// SetSource records the source's counters in the ledger.
func (a *Archive) SetSource(received, dropped, skipped, delivered, truncated uint64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.ledger.Received, a.ledger.Dropped, a.ledger.Skipped = received, dropped, skipped
	a.ledger.Delivered, a.ledger.Truncated = delivered, truncated
}
