package archive

import "testing"

// TestPoolGivesBackAfterAFlood takes many buffers at once and then few.
func TestPoolGivesBackAfterAFlood(t *testing.T) {
	var p pool
	var flood []*buffer
	for range 40 {
		flood = append(flood, p.get())
	}
	for _, b := range flood {
		b.release()
	}
	p.trim() // all were in use since the last one: none goes
	if len(p.free) != 40 {
		t.Errorf("%d buffers kept, want all that were just needed", len(p.free))
	}
	for range 10 { // seconds in which three are needed at a time
		a, b, c := p.get(), p.get(), p.get()
		a.release()
		b.release()
		c.release()
		p.trim()
	}
	if len(p.free) != poolMin {
		t.Errorf("%d buffers kept when it is quiet, want %d", len(p.free), poolMin)
	}
}
