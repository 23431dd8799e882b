package stats

// Merge adds what another Counters has counted. The other one keeps its counts, but may
// not be in use meanwhile. While both sides are exact the result is what one Counters would
// have counted over all packets; with a sketch on one side that side's guarantees hold
// for the sum.
func (c *Counters) Merge(o *Counters) {
	c.total.add(o.total)
	c.ipv6.add(o.ipv6)
	c.nonIP.add(o.nonIP)
	for i := range c.protocols {
		c.protocols[i].add(o.protocols[i])
	}
	for i := range c.outcomes {
		c.outcomes[i] += o.outcomes[i]
	}
	for i := range c.directions {
		c.directions[i].add(o.directions[i])
	}
	for i := range c.sizes {
		c.sizes[i].add(o.sizes[i])
	}
	for i := range o.interfaces {
		if o.interfaces[i].Packets > 0 {
			c.atInterface(uint16(i)).add(o.interfaces[i])
		}
	}
	c.interfacesX.add(o.interfacesX)
	for i := range o.etherTypes[:o.etherN] {
		c.atEtherType(o.etherTypes[i].Type).add(o.etherTypes[i].Count)
	}
	c.etherX.add(o.etherX)
	c.first, c.last = min(c.first, o.first), max(c.last, o.last)
	c.untimed += o.untimed
	c.timeline.merge(&o.timeline)
	c.src.merge(&o.src)
	c.dst.merge(&o.dst)
}
