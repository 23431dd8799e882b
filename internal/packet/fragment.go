package packet

// FragmentCounters tell what became of fragments.
type FragmentCounters struct {
	Fragments uint64 // seen
}

type reassembler struct{ seen uint64 }

func (r *reassembler) counters() FragmentCounters { return FragmentCounters{Fragments: r.seen} }
