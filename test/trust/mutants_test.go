package trust_test

import (
	"bytes"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/klauspost/compress/gzip"
)

var (
	mutants = flag.Int("mutants", 20_000, "damaged captures to try")
	seed    = flag.Uint64("seed", 7, "of everything random")
)

// Limits of the promise: time for one capture, and memory for all.
const (
	hang     = 20 * time.Second
	maxRSS   = 512 << 20
	windowed = 48 << 10 // bytes of a capture that a mutant is made of
)

// base is a capture, or a part of one, that mutants are made of.
type base struct {
	name string
	data []byte
	good result
}

// captureBases reads the captures; a long one gives several parts, each with the file's
// beginning.
func captureBases(t *testing.T, dir string) []base {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	must(t, err)
	var bases []base
	p := newPipeline()
	for _, f := range files {
		if ext := filepath.Ext(f); ext == ".md" || ext == ".tsv" {
			continue
		}
		data, err := os.ReadFile(f)
		must(t, err)
		if strings.HasSuffix(f, ".gz") {
			z, err := gzip.NewReader(bytes.NewReader(data))
			must(t, err)
			var plain bytes.Buffer
			_, err = plain.ReadFrom(z)
			must(t, err)
			data = plain.Bytes()
		}
		whole, fault := p.run(bytes.NewReader(data), false)
		if fault != nil {
			t.Fatalf("%s: %v", f, fault)
		}
		for i, part := range parts(data, whole) {
			b := base{name: fmt.Sprintf("%s/%d", filepath.Base(f), i), data: part}
			if b.good, fault = p.run(bytes.NewReader(part), true); fault != nil {
				t.Fatalf("%s: %v", b.name, fault)
			}
			bases = append(bases, b)
		}
	}
	return bases
}

// parts cuts a long capture into its beginning and, of formats whose records mean the
// same everywhere, parts from the middle.
func parts(data []byte, whole result) [][]byte {
	if len(data) <= windowed || len(whole.packets) < 3 {
		return [][]byte{data}
	}
	head := whole.packets[0].start
	end := func(from int) int64 {
		for i := from + 1; i < len(whole.packets); i++ {
			if whole.packets[i].start-whole.packets[from].start > windowed {
				return whole.packets[i].start
			}
		}
		return int64(len(data))
	}
	list := [][]byte{data[:end(0)]}
	if bytes.HasPrefix(data, []byte{0x0a, 0x0d, 0x0d, 0x0a}) {
		return list
	}
	for _, share := range []int{3, 2} {
		from := len(whole.packets) / share
		list = append(list, append(bytes.Clone(data[:head]), data[whole.packets[from].start:end(from)]...))
	}
	return list
}

// mutate damages a copy of data and returns it with the offset before which nothing has
// changed.
func mutate(rng *rand.Rand, data []byte) ([]byte, int, string) {
	m := bytes.Clone(data)
	first := len(m)
	var what []string
	touch := func(at int) int { first = min(first, at); return at }
	anywhere := func() int {
		if rng.IntN(4) == 0 {
			return rng.IntN(min(len(m), 128)) // headers
		}
		return rng.IntN(len(m))
	}
	for range 1 + rng.IntN(4) {
		if len(m) < 8 {
			break
		}
		switch kind := rng.IntN(7); kind {
		case 0, 1: // bit flips, close together
			at := anywhere()
			for range 1 + rng.IntN(8) {
				i := min(at+rng.IntN(16), len(m)-1)
				m[touch(i)] ^= 1 << rng.IntN(8)
			}
			what = append(what, fmt.Sprintf("flips at %d", at))
		case 2: // an extreme byte
			at := anywhere()
			m[touch(at)] = []byte{0, 0xff, 0x7f, 0x80, 1, 0xc0}[rng.IntN(6)]
			what = append(what, fmt.Sprintf("byte at %d", at))
		case 3: // an extreme number
			at := min(anywhere(), len(m)-4)
			copy(m[touch(at):], [][]byte{{0xff, 0xff, 0xff, 0xff}, {0, 0, 0, 0x80}, {0xff, 0xff, 0xff, 0x7f}, {0, 0, 0, 0}, {0xff, 0xff, 0, 0}, {0, 0, 0, 1}}[rng.IntN(6)])
			what = append(what, fmt.Sprintf("number at %d", at))
		case 4: // cut off
			at := 1 + anywhere()
			m = m[:touch(min(at, len(m)))]
			what = append(what, fmt.Sprintf("cut at %d", at))
		case 5: // a piece is missing
			at := anywhere()
			n := min(1+rng.IntN(64), len(m)-at)
			m = append(m[:touch(at)], m[at+n:]...)
			what = append(what, fmt.Sprintf("%d bytes missing at %d", n, at))
		case 6: // a piece is there twice
			at := anywhere()
			n := min(1+rng.IntN(64), len(m)-at)
			m = append(m[:touch(at+n):at+n], m[at:]...)
			what = append(what, fmt.Sprintf("%d bytes twice at %d", n, at))
		}
	}
	return m, first, strings.Join(what, ", ")
}

// goodBefore returns how many packets end before an offset: their number in the undamaged
// capture.
func goodBefore(b *base, offset int) int {
	n := 0
	for i := range b.good.packets {
		end := int64(len(b.data))
		if i+1 < len(b.good.packets) {
			end = b.good.packets[i+1].start
		}
		if end > int64(offset) {
			break
		}
		n++
	}
	return n
}

// delivered checks that what comes before the damage came out as if there were none.
func delivered(b *base, got result, first int) error {
	n := goodBefore(b, first)
	if len(got.packets) < n {
		return fmt.Errorf("%d packets before the damage, only %d delivered (%v)", n, len(got.packets), got.err)
	}
	for i := range n {
		if got.packets[i] != b.good.packets[i] {
			return fmt.Errorf("packet %d before the damage is %+v, was %+v", i+1, got.packets[i], b.good.packets[i])
		}
	}
	return nil
}

func TestMutants(t *testing.T) {
	forgetPeak(t)
	bases := captureBases(t, beside(t, "captures"))
	count := *mutants
	if testing.Short() {
		count /= 10
	}
	t.Logf("seed %d, %d mutants of %d captures and parts", *seed, count, len(bases))
	var (
		next     atomic.Int64
		packets  atomic.Int64
		kept     atomic.Int64
		refused  atomic.Int64
		slowest  atomic.Int64
		failures atomic.Int64
		wg       sync.WaitGroup
	)
	fail := func(format string, args ...any) {
		if failures.Add(1) <= 20 {
			t.Errorf(format, args...)
		}
	}
	for range 2 {
		wg.Go(func() {
			p := newPipeline()
			for {
				i := int(next.Add(1)) - 1
				if i >= count {
					return
				}
				b := &bases[i%len(bases)]
				rng := rand.New(rand.NewPCG(*seed, uint64(i)))
				m, first, what := mutate(rng, b.data)
				id := fmt.Sprintf("%s, seed %d, mutant %d (%s)", b.name, *seed, i, what)
				watchdog := time.AfterFunc(hang, func() { panic("hangs: " + id) })
				begin := time.Now()
				got, fault := p.run(bytes.NewReader(m), i%4 == 0)
				watchdog.Stop()
				if took := int64(time.Since(begin)); took > slowest.Load() {
					slowest.Store(took)
				}
				if fault != nil {
					fail("%s: %v", id, fault)
				} else if err := delivered(b, got, first); err != nil {
					fail("%s: %v", id, err)
				}
				packets.Add(int64(len(got.packets)))
				kept.Add(int64(goodBefore(b, first)))
				if got.err != nil {
					refused.Add(1)
				}
			}
		})
	}
	wg.Wait()
	rss := peakRSS(t)
	t.Logf("%d packets came out, %d of them from before the damage; %d mutants ended with an error; slowest %s, RSS %d MB",
		packets.Load(), kept.Load(), refused.Load(), time.Duration(slowest.Load()).Round(time.Millisecond), rss>>20)
	if rss > maxRSS {
		t.Errorf("resident %d MB, more than %d", rss>>20, int64(maxRSS)>>20)
	}
	if failures.Load() > 0 {
		t.Errorf("%d mutants failed", failures.Load())
	}
}

// Every file that was made to hurt, whole and in process.
func TestHostileFilesInProcess(t *testing.T) {
	dir := beside(t, "hostile")
	files, err := filepath.Glob(filepath.Join(dir, "*.*"))
	must(t, err)
	for _, f := range files {
		if strings.HasSuffix(f, ".md") {
			continue
		}
		t.Run(filepath.Base(f), func(t *testing.T) {
			data, err := os.ReadFile(f)
			must(t, err)
			watchdog := time.AfterFunc(3*hang, func() { panic("hangs: " + f) })
			defer watchdog.Stop()
			begin := time.Now()
			got, fault := newPipeline().run(bytes.NewReader(data), !strings.HasSuffix(f, ".gz"))
			if fault != nil {
				t.Error(fault)
			}
			t.Logf("%d packets, end: %v, %s", len(got.packets), got.err, time.Since(begin).Round(time.Millisecond))
			// Cut anywhere: the packets before are the same.
			if len(data) > 100_000 {
				return
			}
			whole := base{name: f, data: data, good: got}
			p := newPipeline()
			whole.good, _ = p.run(bytes.NewReader(data), false)
			step := max(1, len(data)/500)
			for at := 1; at < len(data); at += step {
				cut, fault := p.run(bytes.NewReader(data[:at]), false)
				if fault != nil {
					t.Fatalf("cut at %d: %v", at, fault)
				}
				if got.err == nil {
					if err := delivered(&whole, cut, at); err != nil {
						t.Fatalf("cut at %d: %v", at, err)
					}
				}
			}
		})
	}
	runtime.GC()
}
