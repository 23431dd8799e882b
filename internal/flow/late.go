package flow

import "math"

// The time that flows age by is the capture's: that of the latest packet which came before,
// whatever flow it belonged to. A packet that brings an older stamp was heard then, not when
// its stamp says. Nearly all packets bring the time itself; of the flows whose latest packet
// did not, when it was heard is kept beside the table.
const (
	lateAfter = 1e9  // ns behind the capture's time that make a packet late
	setBack   = 1000 // late packets in a row that make a clock that was set back
	lateShare = 8    // records for each late flow that is kept
	lateBytes = 64   // of memory that one takes at most
)

// heardAt is what a record does not say of a flow whose latest packet was late, or was
// older than the one before.
type heardAt struct {
	clock  int64 // the capture's time when it came, ns
	latest int64 // the highest stamp of the flow's packets, ns
}

// clock is the capture's time.
type clock struct {
	now    int64 // highest stamp heard, ns
	floor  int64 // packets before it are late
	late   int   // of them in a row
	newest int64 // highest stamp of these
}

// newClock returns a clock that has heard nothing.
func newClock() clock { return clock{now: math.MinInt64, floor: math.MinInt64} }

func (c *clock) set(at int64) {
	c.now, c.floor, c.late = at, at-lateAfter, 0
	if c.floor > at { // in the year 1677
		c.floor = at
	}
}

// hear moves the clock on to a packet's time. After many late packets in a row it is set back,
// and says so.
func (c *clock) hear(at int64) (back bool) {
	switch {
	case at >= c.now:
		c.set(at)
	case at >= c.floor:
		c.late = 0
	default:
		if c.late++; c.late == 1 || at > c.newest {
			c.newest = at
		}
		if c.late == setBack {
			c.set(c.newest)
			return true
		}
	}
	return false
}

// stamp notes a packet's time in its record.
func (t *Table) stamp(r *record, i uint32, at int64) {
	if at < r.last || at < t.clock.floor || r.bits&bitLate != 0 {
		t.stampLate(r, i, at)
	}
	r.last = at
}

func (t *Table) stampLate(r *record, i uint32, at int64) {
	latest := max(r.last, at)
	if r.bits&bitLate != 0 {
		latest = max(t.late[i].latest, at)
	}
	t.wake(r, i)
	switch {
	case at == latest && at >= t.clock.floor:
		t.forgetLate(r, i)
		return
	case r.bits&bitLate == 0 && len(t.late) >= int(t.limit/lateShare):
		t.c.LateLost++
		return
	case t.late == nil:
		t.late = map[uint32]heardAt{}
	}
	t.late[i] = heardAt{clock: t.clock.now, latest: latest}
	r.bits |= bitLate
}

// forgetLate drops what is kept beside the table of a record.
func (t *Table) forgetLate(r *record, i uint32) {
	if r.bits&bitLate != 0 {
		delete(t.late, i)
		r.bits &^= bitLate
	}
}

// heardLast returns when the latest packet of a conversation was heard, ns.
func (t *Table) heardLast(r *record, i uint32) int64 {
	if r.bits&bitLate != 0 {
		return t.late[i].clock
	}
	return r.last
}

// latest returns the highest stamp of a conversation's packets, ns.
func (t *Table) latest(r *record, i uint32) int64 {
	if r.bits&bitLate != 0 {
		return t.late[i].latest
	}
	return r.last
}

// setClockBack makes what was heard in a future that has been taken back count from now on.
func (t *Table) setClockBack() {
	for i, h := range t.late {
		h.clock = min(h.clock, t.clock.now)
		t.late[i] = h
	}
}
