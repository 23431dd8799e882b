package track

import (
	"sync/atomic"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// limits are the counters of a Tracker's caps that its own goroutine alone may read,
// published after each batch.
type limits struct{ evicted, refused, expired atomic.Uint64 }

func (l *limits) publish(f *packet.FragmentCounters) {
	l.evicted.Store(f.Evicted)
	l.refused.Store(f.Refused)
	l.expired.Store(f.Expired)
}

// Limits returns what had to go, was refused or not looked at for the sake of a cap, by a
// name of docs/limits.md; nil when no cap was reached. Any goroutine may call it.
func (t *Tracker) Limits() map[string]uint64 {
	out := FragmentLimits(&packet.FragmentCounters{
		Evicted: t.limits.evicted.Load(), Refused: t.limits.refused.Load(), Expired: t.limits.expired.Load(),
	})
	if t.analysis == nil {
		return out
	}
	add := func(name string, n uint64) { out = addLimit(out, name, n) }
	c := t.analysis.Counters()
	add("flows_forced", c.Flow.Forced)
	add("flows_forgotten", c.Flow.Forgotten)
	add("segments_unremembered", c.Flow.Unacked)
	add("tunnels_unremembered", c.Flow.Outers)
	add("messages_evicted", c.App.PartialsEvicted)
	add("messages_given_up", c.App.PartialsGivenUp)
	add("message_pieces_dropped", c.App.PiecesDropped)
	add("message_fields_dropped", c.App.FieldsDropped)
	add("messages_cut_short", c.App.CutShort)
	add("hellos_not_hashed", c.App.JA4Skipped)
	add("dns_names_evicted", c.Passive.Evicted)
	add("flow_names_lost", c.NamesLost)
	for _, n := range c.Watch.Withheld {
		add("findings_withheld", n)
	}
	for _, n := range c.Watch.Forgotten {
		add("findings_forgotten", n)
	}
	add("observations_evicted", c.Watch.Evicted)
	return out
}

// FragmentLimits are the Limits of a decoder that a Tracker has no part in.
func FragmentLimits(f *packet.FragmentCounters) map[string]uint64 {
	out := addLimit(nil, "fragments_evicted", f.Evicted)
	out = addLimit(out, "fragments_refused", f.Refused)
	return addLimit(out, "fragments_expired", f.Expired)
}

func addLimit(to map[string]uint64, name string, n uint64) map[string]uint64 {
	if n == 0 {
		return to
	}
	if to == nil {
		to = map[string]uint64{}
	}
	to[name] += n
	return to
}
