package stats

// forkKeys is how many packets' destinations go to the other goroutine at a time: enough
// that waking it costs nothing to speak of.
const forkKeys = 8192

// fork is the goroutine that counts destinations.
type fork struct {
	full chan *destinations
	free chan *destinations
	now  *destinations // being filled
	done chan struct{}
}

// destinations are keys on their way to be counted.
type destinations struct {
	v4    []key4
	other []key
}

// Fork lets a goroutine of its own count the destinations, beside whoever calls Apply, until
// [Counters.Join]. Between the two only Apply may be called.
func (c *Counters) Fork() {
	if c.fork != nil {
		return
	}
	const ahead = 3
	f := &fork{full: make(chan *destinations, ahead), free: make(chan *destinations, ahead), done: make(chan struct{})}
	for range ahead {
		f.free <- &destinations{v4: make([]key4, 0, forkKeys), other: make([]key, 0, blockRows)}
	}
	f.now = <-f.free
	c.fork = f
	go func() {
		defer close(f.done)
		for d := range f.full {
			c.dst.add4(d.v4)
			c.dst.add(d.other)
			d.v4, d.other = d.v4[:0], d.other[:0]
			f.free <- d
		}
	}()
}

// Join ends what Fork has begun, when everything is counted.
func (c *Counters) Join() {
	f := c.fork
	if f == nil {
		return
	}
	f.full <- f.now
	close(f.full)
	<-f.done
	c.fork = nil
}

// add takes over the destinations of a block of packets.
func (f *fork) add(v4 []key4, other []key) {
	d := f.now
	d.v4, d.other = append(d.v4, v4...), append(d.other, other...)
	if len(d.v4)+len(d.other) > forkKeys-blockRows {
		f.full <- d
		f.now = <-f.free
	}
}
