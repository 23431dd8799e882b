package history

import (
	"container/list"
	"strconv"
	"sync"
)

// cacheBytes bounds what is kept of the filters' results: four filters over a hundred
// million packets, at a bit a packet.
const cacheBytes = 64 << 20

// results are the selections of one filter and time range, by unit.
type results struct {
	key   string
	mu    sync.Mutex
	byKey map[*unit]*selection
	bytes int
}

// cache keeps the results of the filters that were asked last.
type cache struct {
	mu    sync.Mutex
	order *list.List // of *results, newest first
	byKey map[string]*list.Element
}

func (c *cache) init() {
	c.order, c.byKey = list.New(), map[string]*list.Element{}
}

func cacheKey(a *asked) string {
	return strconv.FormatInt(a.scope.From, 36) + " " + strconv.FormatInt(a.scope.To, 36) + " " + a.scope.Filter.String()
}

// of returns the results for a scope; nil when they are not worth keeping.
func (c *cache) of(a *asked) *results {
	if a.scope.Filter == nil {
		return nil
	}
	key := cacheKey(a)
	c.mu.Lock()
	defer c.mu.Unlock()
	if e, ok := c.byKey[key]; ok {
		c.order.MoveToFront(e)
		return e.Value.(*results)
	}
	r := &results{key: key, byKey: map[*unit]*selection{}}
	c.byKey[key] = c.order.PushFront(r)
	c.trim()
	return r
}

// trim forgets the results that were asked for longest ago. The newest stay.
func (c *cache) trim() {
	sum := 0
	for e := c.order.Front(); e != nil; {
		r := e.Value.(*results)
		next := e.Next()
		r.mu.Lock()
		sum += r.bytes
		r.mu.Unlock()
		if sum > cacheBytes && e != c.order.Front() || c.order.Len() > 64 && next == nil {
			c.order.Remove(e)
			delete(c.byKey, r.key)
		}
		e = next
	}
}

func (r *results) get(u *unit) *selection {
	if r == nil {
		return nil
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.byKey[u]
}

func (r *results) put(u *unit, s *selection) {
	if r == nil {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if _, ok := r.byKey[u]; !ok && r.bytes+s.bytes() <= cacheBytes {
		r.byKey[u] = s
		r.bytes += s.bytes()
	}
}

// keep forgets the selections of units that are no more.
func (r *results) keep(alive map[*unit]bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	for u, s := range r.byKey {
		if !alive[u] {
			delete(r.byKey, u)
			r.bytes -= s.bytes()
		}
	}
}

// forget gives up what was kept for units that are no more.
func (c *cache) forget(units []*unit) {
	alive := make(map[*unit]bool, len(units))
	for _, u := range units {
		alive[u] = true
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for e := c.order.Front(); e != nil; e = e.Next() {
		e.Value.(*results).keep(alive)
	}
}

// chosen returns the selection of a unit, from the cache or by looking.
func (w *worker) chosen(u *unit, a *asked, kept *results) (*selection, error) {
	if a.swept {
		if s := a.found[u]; s != nil {
			return s, nil
		}
		return &selection{}, nil // behind the page that is wanted
	}
	if s := kept.get(u); s != nil {
		return s, nil
	}
	s, err := w.choose(u, a)
	if err == nil {
		kept.put(u, s)
	}
	return s, err
}
