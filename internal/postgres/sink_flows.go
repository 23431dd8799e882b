package postgres

import (
	"maps"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/track"
)

// Ended takes over a flow that has ended: it is stored with the next batch, in the same
// transaction, or by Flush. It is called by the goroutine that calls Apply, for every flow
// that ends from the capture's first packet on: when the cursor was beyond that at the
// start, those that are in the database already are left out.
func (s *Sink) Ended(c *track.Conversation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opt.Flows && s.failed == nil {
		f := flowOf(c, s.unicode)
		s.staged.flows.add(&f, s.encoder.capture)
	}
}

// Found takes over a finding that is new or has changed, as Ended does flows.
func (s *Sink) Found(f *flow.Finding) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.opt.Flows && s.failed == nil {
		if s.staged.findings == nil {
			s.staged.findings = map[uint64]finding{}
		}
		s.staged.findings[f.ID] = findingOf(f, s.unicode)
	}
}

// staged are flows and findings that wait for the batch in which they were found.
type staged struct {
	flows    flowRows
	findings map[uint64]finding
}

func (s *staged) empty() bool { return len(s.flows.list) == 0 && len(s.findings) == 0 }

// takeStaged puts what is staged into the flight that is being filled.
func (s *Sink) takeStaged() {
	s.fill.flows.take(&s.staged.flows)
	if s.fill.findings == nil {
		s.fill.findings = map[uint64]finding{}
	}
	maps.Copy(s.fill.findings, s.staged.findings)
	clear(s.staged.findings)
}
