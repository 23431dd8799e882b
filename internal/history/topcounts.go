package history

import (
	"errors"
	"io/fs"
	"maps"
	"strings"
	"sync"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/query"
)

// addressCounts are the counts by address of all indexed parts together, for one field.
type addressCounts struct {
	files  map[*index.File]bool // counted in
	none   map[*index.File]bool // have no such counts
	counts map[string]query.Amount
	over   bool
}

// addressCache keeps the counts by address of the fields that were asked for.
type addressCache struct {
	mu sync.Mutex
	by map[string]*addressCounts
}

// fromCounts adds to the tally what the files of counts by address say, and returns the
// units that they do not speak of.
func (c *Capture) fromCounts(v view, f *topField, t *tally) ([]*unit, error) {
	k := &c.addresses
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.by == nil {
		k.by = map[string]*addressCounts{}
	}
	a := k.by[f.name]
	alive := map[*index.File]bool{}
	for _, p := range v.parts {
		if p.file != nil {
			alive[p.file] = true
		}
	}
	if a != nil {
		for file := range a.files {
			if !alive[file] {
				a = nil // a segment is gone: count anew
				break
			}
		}
	}
	if a == nil {
		a = &addressCounts{files: map[*index.File]bool{}, none: map[*index.File]bool{}, counts: map[string]query.Amount{}}
		k.by[f.name] = a
	}
	w, err := c.worker()
	if err != nil {
		return nil, err
	}
	defer c.release(w)
	for _, p := range v.parts {
		if p.file == nil || a.files[p.file] || a.none[p.file] {
			continue
		}
		if err := w.addCounts(c, p, f, a); err != nil {
			delete(k.by, f.name) // half of it may be in
			return nil, &partError{p, err}
		}
	}
	if a.over {
		delete(k.by, f.name)
		return v.units, nil
	}
	t.counts = make(map[string]query.Amount, len(a.counts))
	maps.Copy(t.counts, a.counts)
	var rest []*unit
	for _, u := range v.units {
		if u.part.file == nil || !a.files[u.part.file] {
			rest = append(rest, u)
		}
	}
	return rest, nil
}

// addCounts adds one part's counts by address.
func (w *worker) addCounts(c *Capture, p *part, f *topField, a *addressCounts) error {
	info := &p.file.Info
	seg := archive.SegmentInfo{Number: info.Segment, First: info.First, Packets: info.Packets}
	pick := func(e *index.AddressCount) index.Traffic {
		if f.how.version != 0 && e.Address.Is4() != (f.how.version == 4) {
			return index.Traffic{}
		}
		switch {
		case f.name == TopSrc:
			return e.Src
		case f.name == TopDst:
			return e.Dst
		case strings.HasSuffix(f.name, ".src"):
			return e.AnySrc
		case strings.HasSuffix(f.name, ".dst"):
			return e.AnyDst
		default:
			return e.Any
		}
	}
	err := w.loader.Addresses(c.stored.Root(), info.Capture, &seg, f.field != nil, func(e *index.AddressCount) {
		n := pick(e)
		if n.Packets == 0 || a.over {
			return
		}
		value := e.Address.String()
		old, ok := a.counts[value]
		if !ok && len(a.counts) >= topMost {
			a.over = true
			return
		}
		a.counts[value] = query.Amount{Packets: old.Packets + n.Packets, Bytes: old.Bytes + n.Bytes}
	})
	if errors.Is(err, index.ErrNoCounts) || errors.Is(err, fs.ErrNotExist) {
		a.none[p.file] = true
		return nil
	}
	if err == nil {
		a.files[p.file] = true
	}
	return err
}
