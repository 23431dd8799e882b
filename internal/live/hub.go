package live

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/track"
)

const (
	defaultRows     = 1 << 16
	defaultInterval = 20 * time.Millisecond
	defaultTop      = 10
	heartbeat       = time.Second // a snapshot comes at least so often: rates fall to zero
	rateWindow      = time.Second
	maxEvents       = 64
	blockRows       = 1024 // rows that are applied under one lock
)

// Config says what a [Hub] shows beside the packets. The functions are called by the
// goroutine in Run and in Finish, one after the other; they must return at once, and
// what they return must not change afterwards. Each may be nil.
type Config struct {
	Capture    Capture
	Ledger     func() *Ledger
	Interfaces func() []Interface
	Sinks      func() []Sink
	Analysis   func() *Analysis
	Suspended  func() time.Time // zero: packets are taken

	Rows     int           // newest packets held, 208 bytes each; 0: 65 536
	Top      int           // addresses of each side in a snapshot; 0: 10
	Interval time.Duration // at least so long between two snapshots; 0: 20 ms
}

// Hub counts what a follower applies, keeps the newest rows, and publishes snapshots.
//
// One mutex guards counters and rows. Apply holds it for blockRows packets at a time
// (some 50 µs) and a snapshot for its copy (about as long), so neither waits long for
// the other, and no watcher holds it while it draws or sends.
type Hub struct {
	cfg     Config
	started time.Time

	mu         sync.Mutex // counters, ring, events
	counters   *stats.Counters
	ring       ring
	events     []Event
	eventsLost uint64

	kick   chan struct{} // something has changed
	latest atomic.Pointer[publication]

	publishing sync.Mutex  // history, wholeAt, and the order of publications
	history    []*Snapshot // of about the last rateWindow, oldest first
	wholeAt    time.Time
}

// publication is a snapshot with the means to wait for the next one: each closes its own
// channel when it is replaced, so that waiting needs no list of watchers.
type publication struct {
	*Snapshot
	replaced chan struct{}
}

var _ track.Follower = (*Hub)(nil)

// New returns a hub whose capture starts now. It publishes an empty snapshot.
func New(cfg Config) *Hub {
	if cfg.Rows <= 0 {
		cfg.Rows = defaultRows
	}
	if cfg.Top <= 0 {
		cfg.Top = defaultTop
	}
	if cfg.Interval <= 0 {
		cfg.Interval = defaultInterval
	}
	h := &Hub{
		cfg: cfg, started: time.Now(),
		counters: stats.New(), ring: ring{rows: make([]Row, cfg.Rows)},
		kick: make(chan struct{}, 1),
	}
	h.publish(false)
	return h
}

// Apply counts a batch and keeps its newest rows. It implements [track.Follower], never
// fails and does not wait for any watcher.
func (h *Hub) Apply(_ context.Context, b *track.Batch) error {
	for rows := range slices.Chunk(b.Rows, blockRows) {
		h.mu.Lock()
		h.counters.Apply(rows)
		h.ring.add(b, rows)
		h.mu.Unlock()
	}
	h.changed()
	return nil
}

// Event records something that happened. The newest 64 are held.
func (h *Hub) Event(level Level, text string) {
	h.mu.Lock()
	if len(h.events) == maxEvents {
		h.events = h.events[1:]
		h.eventsLost++
	}
	h.events = append(h.events, Event{Time: time.Now(), Level: level, Text: text})
	h.mu.Unlock()
	h.changed()
}

func (h *Hub) changed() {
	select {
	case h.kick <- struct{}{}:
	default:
	}
}

// Run publishes snapshots until ctx ends: at once when something has changed and the
// last one is older than Config.Interval, else when it is; and every second at the latest.
func (h *Hub) Run(ctx context.Context) {
	timer := time.NewTimer(heartbeat)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		case <-h.kick:
			if wait := h.cfg.Interval - time.Since(h.Snapshot().Taken); wait > 0 {
				timer.Reset(wait)
				select {
				case <-ctx.Done():
					return
				case <-timer.C:
				}
			}
			select {
			case <-h.kick: // what came meanwhile is in the snapshot
			default:
			}
		}
		h.publish(false)
		timer.Reset(heartbeat)
	}
}

// Finish publishes the final snapshot and returns it. Call it after the last Apply.
// What Run publishes afterwards stays final.
func (h *Hub) Finish() *Snapshot { return h.publish(true) }

// Snapshot returns the newest snapshot. It is never nil.
func (h *Hub) Snapshot() *Snapshot { return h.latest.Load().Snapshot }

// Wait returns the newest snapshot as soon as it is newer than seen, and its number.
// When ctx ends first, it returns the newest one all the same: its number is seen.
func (h *Hub) Wait(ctx context.Context, seen uint64) (*Snapshot, uint64) {
	for {
		p := h.latest.Load()
		if p.Seq > seen {
			return p.Snapshot, p.Seq
		}
		select {
		case <-p.replaced:
		case <-ctx.Done():
			return p.Snapshot, p.Seq
		}
	}
}

// Rows copies rows into dst, from the place from on: rows are numbered from 0 in the
// order of their arrival at the hub. first is the place of dst[0], later than from when
// older rows are no longer held; n is how many were copied.
func (h *Hub) Rows(from uint64, dst []Row) (first uint64, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ring.copy(from, dst)
}

// Newest copies the newest rows into dst, oldest first: as many as fit and are held. At
// high rates a window asked for by place may be gone before the call; this one never is.
func (h *Hub) Newest(dst []Row) (first uint64, n int) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ring.copy(h.ring.next-min(h.ring.next, uint64(len(dst))), dst)
}

// Bounds returns the place of the oldest row held and of the next one to come.
func (h *Hub) Bounds() (oldest, next uint64) {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.ring.oldest(), h.ring.next
}

// Statistics returns the statistics of now with the n most frequent addresses of each side.
func (h *Hub) Statistics(n int) *stats.Snapshot {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.counters.Snapshot(n)
}

func (h *Hub) publish(final bool) *Snapshot {
	h.publishing.Lock()
	defer h.publishing.Unlock()
	s := &Snapshot{Seq: 1, Started: h.started, Capture: h.cfg.Capture, Final: final}
	last := h.latest.Load()
	if last != nil {
		s.Seq = last.Seq + 1
		s.Whole = last.Whole
		s.Final = final || last.Final
	}
	if h.cfg.Ledger != nil {
		s.Ledger = h.cfg.Ledger()
	}
	if h.cfg.Interfaces != nil {
		s.Interfaces = h.cfg.Interfaces()
	}
	if h.cfg.Sinks != nil {
		s.Sinks = h.cfg.Sinks()
	}
	if h.cfg.Suspended != nil {
		s.Suspended = h.cfg.Suspended()
	}
	if h.cfg.Analysis != nil {
		s.Analysis = h.cfg.Analysis()
	}

	h.mu.Lock()
	s.Taken = time.Now()
	s.Stats = h.counters.Snapshot(h.cfg.Top)
	if final || s.Taken.Sub(h.wholeAt) >= time.Second {
		s.Whole = h.counters.Whole()
		h.wholeAt = s.Taken
	}
	s.Events = slices.Clone(h.events)
	s.EventsLost = h.eventsLost
	s.Rows = h.ring.next
	h.mu.Unlock()

	h.rates(s)
	h.latest.Store(&publication{s, make(chan struct{})})
	if last != nil {
		close(last.replaced)
	}
	return s
}

// rates compares a snapshot with one of about a second before, or with the first one
// while the capture is younger than that. The first packets of a capture are spread over
// half a second, so that a single one does not show as a thousand a second.
func (h *Hub) rates(s *Snapshot) {
	for len(h.history) > 1 && s.Taken.Sub(h.history[1].Taken) >= rateWindow-rateWindow/40 {
		h.history = slices.Delete(h.history, 0, 1)
	}
	if len(h.history) > 0 {
		before := h.history[0]
		elapsed := max(s.Taken.Sub(before.Taken), rateWindow/2)
		delta := s.Stats.Since(before.Stats)
		s.Rate = delta.Per(elapsed)
		s.NonIP = delta.NonIP.Per(elapsed)
		for _, p := range delta.Protocols {
			s.Protocols = append(s.Protocols, ProtocolRate{p.Number, p.Per(elapsed)})
		}
		if now, then := s.Dropped(), before.Dropped(); now > then {
			s.DropRate = float64(now-then) / elapsed.Seconds()
		}
	}
	h.history = append(h.history, s)
}
