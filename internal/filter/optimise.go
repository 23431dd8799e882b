package filter

// This file decides which tests are left and in which order. It does what tcpdump's optimiser does to the graph, in
// the same order, because the order can be seen: a packet that is too short for a load is no match, so whether "a or
// b" matches a truncated packet depends on which of both is asked first. The ideas are those of the BPF+ paper
// (Begel, McCanne, Graham 1999) and of the BSD Packet Filter paper (McCanne, Jacobson 1993):
//
//   - an edge whose target's answer is known from a dominating edge goes on to the target's target;
//   - a test of the same value as the one before is pulled up next to it, so that the value is loaded once.
//
// Programs that tcpdump does not optimise (802.11 headers of variable length, tunnels) keep their order and all of
// their loads; there, only the first step is done, which drops nothing but repeated loads.

// maxIdleRounds ends reordering that only moves tests around, and budget ends it on huge graphs. What is left is a
// correct program.
const (
	maxIdleRounds = 100
	workBudget    = 600_000_000 // steps of about a nanosecond
)

// largeGraph is the number of tests above which dominators are not computed anew for each pull-up, which takes the
// square of it: that a test has one way into it is asked instead, which is nearly the same and cheap. (tcpdump takes
// seconds for lists of hundreds of addresses.)
const largeGraph = 400

// hopelessGraph is the number of tests above which nothing is tried: the program will be too large.
const hopelessGraph = 10_000

// optimiser is the state of one run.
type optimiser struct {
	gr     *graph
	nodes  []int32 // reachable inner nodes, numbered by their place here
	id     []int32 // place of a node in nodes
	level  []int32
	levels [][]int32 // places by level; the order inside of a level is the one described at find
	dom    []uint64  // bit sets of places that dominate a place
	nw     int       // words of such a set
	edom   []uint64  // bit sets of edges that dominate an edge: edge i is the true way of place i, n+i the false one
	ew     int
	class  [][]uint64 // per class of tests with the same operator and value: its edges
	classs []int32    // class of a place
	preds  [][]int32  // places with a way to a place, the last found first
	into   []int32    // in a large graph, how many ways lead to a place; nil in others
	work   int
	change bool
	moved  bool // something other than a pull-up
}

// optimise rewrites the graph.
func (gr *graph) optimise() {
	o := &optimiser{gr: gr}
	if !gr.g.elide {
		gr.decide(2)
	}
	if len(gr.n) > hopelessGraph {
		return
	}
	for idle, round := 0, 1; idle < maxIdleRounds && o.work < workBudget; idle, round = idle+1, round+1 {
		if isLeaf(gr.root) {
			return
		}
		o.change, o.moved = false, false
		o.find()
		o.findEdgeDominators()
		if gr.decide(round) {
			o.change, o.moved = true, true
		}
		o.jumps()
		if gr.g.elide {
			o.findPreds()
			if o.into == nil {
				o.findDominators()
			}
			o.pullUps()
		}
		if !o.change {
			return
		}
		if o.moved {
			idle = -1
		}
	}
}

// find numbers the reachable nodes and sorts them by level: the longest way to a leaf. Inside of a level a node comes
// before those that a depth-first walk, true way first, left before it.
func (o *optimiser) find() {
	n := len(o.gr.n)
	if len(o.id) < n {
		o.id = make([]int32, n)
		o.level = make([]int32, n)
	}
	for i := range o.id {
		o.id[i] = -1
	}
	o.nodes = o.nodes[:0]
	for i := range o.levels {
		o.levels[i] = o.levels[i][:0]
	}
	o.walk(o.gr.root)
	for _, l := range o.levels {
		for i, j := 0, len(l)-1; i < j; i, j = i+1, j-1 {
			l[i], l[j] = l[j], l[i]
		}
	}
}

func (o *optimiser) walk(i int32) int32 {
	if isLeaf(i) {
		return 0
	}
	if o.id[i] >= 0 {
		return o.level[o.id[i]]
	}
	p := int32(len(o.nodes))
	o.id[i] = p
	o.nodes = append(o.nodes, i)
	n := &o.gr.n[i]
	l := max(o.walk(n.t), o.walk(n.f)) + 1
	o.level[p] = l
	for int(l) >= len(o.levels) {
		o.levels = append(o.levels, nil)
	}
	o.levels[l] = append(o.levels[l], p)
	return l
}

// down calls f for every place, the highest level first.
func (o *optimiser) down(f func(p int32)) {
	for l := len(o.levels) - 1; l > 0; l-- {
		for _, p := range o.levels[l] {
			f(p)
		}
	}
}

// onesSets returns count bit sets of w words, all ones.
func onesSets(buf []uint64, count, w int) []uint64 {
	if cap(buf) < count*w {
		buf = make([]uint64, count*w)
	}
	buf = buf[:count*w]
	for i := range buf {
		buf[i] = ^uint64(0)
	}
	return buf
}

// findDominators computes, for every place, the places on all ways to it. The levels may be older than the graph
// after a pull-up; the sets are then what tcpdump computes in the same situation.
func (o *optimiser) findDominators() {
	n := len(o.nodes)
	o.nw = (n + 63) / 64
	o.dom = onesSets(o.dom, n, o.nw)
	o.work += 3 * n * o.nw
	clear(o.set(o.dom, o.id[o.gr.root], o.nw))
	o.down(func(p int32) {
		s := o.set(o.dom, p, o.nw)
		s[p/64] |= 1 << (p % 64)
		nd := &o.gr.n[o.nodes[p]]
		for _, t := range [...]int32{nd.t, nd.f} {
			if !isLeaf(t) {
				and(o.set(o.dom, o.id[t], o.nw), s)
			}
		}
	})
}

func (o *optimiser) set(buf []uint64, i int32, w int) []uint64 { return buf[int(i)*w : int(i)*w+w] }

func and(dst, src []uint64) {
	for i := range dst {
		dst[i] &= src[i]
	}
}

// dominates reports whether place p is on all ways to place q.
func (o *optimiser) dominates(p, q int32) bool { return o.dom[int(q)*o.nw+int(p/64)]&(1<<(p%64)) != 0 }

// findPreds collects the ways into every place.
func (o *optimiser) findPreds() {
	n := len(o.nodes)
	for len(o.preds) < n {
		o.preds = append(o.preds, nil)
	}
	for i := range n {
		o.preds[i] = o.preds[i][:0]
	}
	defer o.countWays(n)
	o.down(func(p int32) {
		nd := &o.gr.n[o.nodes[p]]
		for _, t := range [...]int32{nd.t, nd.f} {
			if !isLeaf(t) {
				o.preds[o.id[t]] = append(o.preds[o.id[t]], p)
			}
		}
	})
}

// countWays counts the ways into every place of a large graph.
func (o *optimiser) countWays(n int) {
	o.into = nil
	if n <= largeGraph {
		return
	}
	o.into = make([]int32, n)
	seen := make([]bool, n)
	stack := []int32{o.id[o.gr.root]}
	seen[stack[0]] = true
	for len(stack) > 0 {
		nd := &o.gr.n[o.nodes[stack[len(stack)-1]]]
		stack = stack[:len(stack)-1]
		for _, t := range [...]int32{nd.t, nd.f} {
			if isLeaf(t) {
				continue
			}
			p := o.id[t]
			o.into[p]++
			if !seen[p] {
				seen[p] = true
				stack = append(stack, p)
			}
		}
	}
}
