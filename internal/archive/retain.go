package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Retention says how much is kept. A zero field is no limit.
type Retention struct {
	Bytes int64         // of all captures of the data directory, with what is derived
	Age   time.Duration // of a segment's newest packet
}

// Retired says what [Archive.Retain] removed.
type Retired struct {
	Segments int
	Packets  uint64
	Bytes    int64
}

// kept is a segment that may go, with its files.
type kept struct {
	dir   string
	info  SegmentInfo
	files []string
	bytes int64
	own   bool // of the capture that is being written
}

// Retain removes the oldest sealed segments, each with everything derived from it, of this
// capture and of older ones in the data directory, until what is left is within the
// limits. The segment that is being written always stays. Followers that had not
// finished a segment count its packets as expired. It may be called from any goroutine, by
// one at a time, and takes as long as the disk does; the list of segments changes with the
// next [Archive.Tick].
func (a *Archive) Retain(r Retention) (Retired, error) {
	var out Retired
	list, total, err := a.keepable()
	if err != nil {
		return out, err
	}
	oldest := a.cfg.Now().Add(-r.Age).UnixNano()
	thinned := map[string]bool{} // older captures that lost segments
	defer func() {
		for dir := range thinned {
			settle(dir)
		}
	}()
	for _, k := range list {
		aged := r.Age > 0 && k.info.LastTime < oldest
		if !aged && (r.Bytes <= 0 || total <= r.Bytes) {
			continue // a later one may have older packets: an import
		}
		if err := k.remove(); err != nil {
			return out, err
		}
		total -= k.bytes
		out.Segments++
		out.Packets += k.info.Packets
		out.Bytes += k.bytes
		if k.own {
			a.mu.Lock()
			a.retired = max(a.retired, k.info.Number)
			a.mu.Unlock()
		} else {
			thinned[k.dir] = true
		}
	}
	return out, nil
}

// applyRetired takes segments that were removed off the list. It runs in the order of
// the appends.
func (a *Archive) applyRetired() {
	a.mu.Lock()
	defer a.mu.Unlock()
	s := a.meta.Segments
	for len(s) > 1 && s[0].Sealed && s[0].Number <= a.retired {
		s = s[1:]
	}
	a.meta.Segments = s
}

// keepable lists the sealed segments of the data directory, oldest first, and adds up the
// bytes of everything in it.
func (a *Archive) keepable() ([]kept, int64, error) {
	dirs, err := List(a.cfg.DataDir)
	if err != nil {
		return nil, 0, err
	}
	var list []kept
	var total int64
	for _, dir := range dirs {
		var segs []SegmentInfo
		own := filepath.Base(dir) == filepath.Base(a.dir)
		if own {
			a.mu.Lock()
			for _, s := range a.meta.Segments {
				if s.Number > a.retired {
					segs = append(segs, s)
				}
			}
			a.mu.Unlock()
		} else {
			segs, err = storedSegments(dir)
			if err != nil {
				continue // not ours, or damaged: it is not touched
			}
		}
		sizes, sum, err := filesOf(dir)
		if err != nil {
			return nil, 0, err
		}
		total += sum
		for _, name := range leftovers(sizes, segs) {
			if err := os.Remove(filepath.Join(dir, name)); err == nil {
				total -= sizes[name]
			}
			delete(sizes, name)
		}
		for _, s := range segs {
			if !s.Sealed {
				continue
			}
			k := kept{dir: dir, info: s, own: own}
			stem := strings.TrimSuffix(FileName(s.Number), ".pcapng") + "."
			for name, size := range sizes {
				if strings.HasPrefix(name, stem) {
					k.files = append(k.files, name)
					k.bytes += size
				}
			}
			if k.bytes > 0 {
				list = append(list, k)
			}
		}
	}
	return list, total, nil
}

// leftovers are files that were derived from segments which are gone: somebody made an
// index while retention took its segment away. Segments go from the beginning on.
func leftovers(sizes map[string]int64, segs []SegmentInfo) (names []string) {
	if len(segs) == 0 {
		return nil
	}
	for name := range sizes {
		stem, rest, _ := strings.Cut(name, ".")
		n, err := strconv.ParseUint(stem, 10, 32)
		if err == nil && rest != "pcapng" && uint32(n) < segs[0].Number && strings.HasPrefix(FileName(uint32(n)), stem+".") {
			names = append(names, name)
		}
	}
	return names
}

func storedSegments(dir string) ([]SegmentInfo, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, err
	}
	defer func() { _ = root.Close() }()
	m, err := readMeta(root)
	if err != nil {
		return nil, err
	}
	return m.Segments, nil
}

func filesOf(dir string) (sizes map[string]int64, sum int64, err error) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, 0, fmt.Errorf("archive: %w", err)
	}
	sizes = map[string]int64{}
	for _, e := range entries {
		info, err := e.Info()
		if err != nil || !info.Mode().IsRegular() {
			continue
		}
		sizes[e.Name()] = info.Size()
		sum += info.Size()
	}
	return sizes, sum, nil
}

// remove takes away what is derived first: a crash between leaves a segment without
// index, which is none the worse.
func (k *kept) remove() error {
	root, err := os.OpenRoot(k.dir)
	if err != nil {
		return fmt.Errorf("archive: %w", err)
	}
	defer func() { _ = root.Close() }()
	segment := FileName(k.info.Number)
	files := slices.DeleteFunc(slices.Clone(k.files), func(name string) bool { return name == segment })
	for _, name := range append(files, segment) {
		if err := root.Remove(name); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("archive: remove %s: %w", filepath.Join(k.dir, name), err)
		}
	}
	return nil
}

// settle leaves an old capture that has lost segments without findings about them, or takes
// its folder away when nothing is left. The capture that is being written prunes its
// findings itself.
func settle(dir string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }()
	m, err := readMeta(root)
	if err != nil {
		return
	}
	for _, s := range m.Segments {
		if _, err := root.Stat(FileName(s.Number)); err == nil {
			_, _ = PruneFindings(root, s.FirstTime) // when that fails they stay, and go with the folder
			return
		}
	}
	removeEmpty(dir)
}

// removeEmpty takes away the folder of an old capture that has no segment left.
func removeEmpty(dir string) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return
	}
	defer func() { _ = root.Close() }()
	if numbers, err := segmentNumbers(root); err != nil || len(numbers) > 0 {
		return
	}
	_ = root.Remove(RecordCursor)
	_ = root.Remove(FindingsName)
	_ = root.Remove(MetaName)
	_ = os.Remove(dir) // stays when it holds something of another kind
}
