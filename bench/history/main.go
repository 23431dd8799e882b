// Bench of the index and of questions: makes an archive of headers-only packets, indexes
// it, asks, and prints a table. With -tshark the same questions go to tshark, over a
// sample, and its times are scaled to the size of the archive; with -postgres to a
// PostgreSQL server of its own, over all packets, in plain SQL. Ratios are of the same run.
//
//	go run ./bench/history -packets 10000000 -postgres -tshark
//	go run ./bench/history -table 1000000,10000000,100000000     how times grow
package main

import (
	"context"
	"encoding/binary"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"strconv"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

func main() {
	var o options
	flag.IntVar(&o.packets, "packets", 1_000_000, "packets in the archive")
	flag.StringVar(&o.dir, "dir", "", "where to make it; default: a temporary folder, removed afterwards")
	flag.BoolVar(&o.tshark, "tshark", false, "ask tshark too, over a sample")
	flag.BoolVar(&o.postgres, "postgres", false, "ask PostgreSQL too (Debian: postgresql)")
	flag.BoolVar(&o.connections, "connections", false, "measure reindex with the connections too")
	table := flag.String("table", "", "sizes, with commas between: a table of how the times grow")
	flag.Parse()
	debug.SetGCPercent(50)
	var err error
	if *table != "" {
		err = growth(o, *table)
	} else {
		_, err = run(o)
	}
	if err != nil {
		log.Fatal(err)
	}
}

type options struct {
	packets                       int
	dir                           string
	tshark, postgres, connections bool
}

const needle = "203.0.113.77"

// run makes one archive and asks; it returns the answers' times.
func run(o options) ([]answer, error) {
	dir := o.dir
	if dir == "" {
		tmp, err := os.MkdirTemp("", "tarrafa-bench-*")
		if err != nil {
			return nil, err
		}
		defer func() { _ = os.RemoveAll(tmp) }()
		dir = tmp
	}
	start := time.Now()
	capture, err := build(dir, o.packets)
	if err != nil {
		return nil, err
	}
	fmt.Printf("%d packets written in %s\n", o.packets, time.Since(start).Round(time.Millisecond))
	s, err := archive.Open(capture)
	if err != nil {
		return nil, err
	}
	defer func() { _ = s.Close() }()
	if err := measureIndex(s, o.packets, o.connections); err != nil {
		return nil, err
	}
	c, err := history.Open(capture, history.Options{})
	if err != nil {
		return nil, err
	}
	defer func() { _ = c.Close() }()
	debug.FreeOSMemory()
	answers, err := ask(c, o.packets)
	if err != nil {
		return nil, err
	}
	fmt.Printf("RSS %d MB\n", rss()>>20)
	if o.postgres {
		if err := askPostgres(s, answers); err != nil {
			return nil, err
		}
	}
	if o.tshark {
		return answers, askTshark(capture, o.packets, answers)
	}
	return answers, nil
}

// growth prints each question's time by the size of the archive, and how much longer it
// takes for how many more packets.
func growth(o options, list string) error {
	var sizes []int
	var columns [][]answer
	for text := range strings.SplitSeq(list, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(text))
		if err != nil {
			return fmt.Errorf("-table: %w", err)
		}
		o.packets = n
		answers, err := run(o)
		if err != nil {
			return err
		}
		sizes, columns = append(sizes, n), append(columns, answers)
	}
	fmt.Printf("\n%-44s", "question, again")
	for _, n := range sizes {
		fmt.Printf(" %14d", n)
	}
	fmt.Printf("  growth, of packets ×%.0f\n", float64(sizes[len(sizes)-1])/float64(sizes[0]))
	for i := range columns[0] {
		fmt.Printf("%-44s", columns[0][i].name)
		for _, c := range columns {
			fmt.Printf(" %14s", c[i].again.Round(10*time.Microsecond))
		}
		fmt.Printf("  ×%.1f\n", columns[len(columns)-1][i].again.Seconds()/columns[0][i].again.Seconds())
	}
	return nil
}

// answer is how long one question took.
type answer struct {
	name         string
	first, again time.Duration
}

func filter(text string) query.Scope {
	f, err := query.Parse(text)
	if err != nil {
		log.Fatal(err)
	}
	return query.Scope{Filter: f}
}

// ask prints how long each question takes, the second of two times with another filter
// each, so that files are in memory and results are not.
func ask(c *history.Capture, packets int) ([]answer, error) {
	var answers []answer
	ctx := context.Background()
	fmt.Printf("%-44s %12s %12s\n", "question", "first", "again")
	row := func(name string, questions ...func() error) error {
		var took []time.Duration
		for _, q := range questions {
			start := time.Now()
			if err := q(); err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			took = append(took, time.Since(start))
		}
		fmt.Printf("%-44s %12s %12s\n", name, took[0].Round(10*time.Microsecond), took[1].Round(10*time.Microsecond))
		answers = append(answers, answer{name, took[0], took[1]})
		return nil
	}
	twice := func(name string, q func(round int) error) error {
		return row(name, func() error { return q(0) }, func() error { return q(1) })
	}
	for _, t := range []struct {
		name string
		q    func(round int) error
	}{
		{totals, func(int) error { _, err := c.Totals(ctx, query.Scope{}); return err }},
		{series, func(int) error { _, err := c.Series(ctx, query.Scope{}, time.Second); return err }},
		{topSource, func(int) error { _, err := c.Top(ctx, query.Scope{}, "src", 5); return err }},
		{topPort, func(int) error { _, err := c.Top(ctx, query.Scope{}, "tcp.dstport", 5); return err }},
		{firstHundred, func(r int) error {
			_, err := c.Packets(ctx, filter(fmt.Sprintf("ip.addr == 10.0.0.%d && tcp.port == 443", 3+r)), 0, 100)
			return err
		}},
		{twoColumns, func(r int) error {
			_, err := c.Count(ctx, filter(fmt.Sprintf("tcp.port == 443 && frame.len > %d", 1000+r)))
			return err
		}},
		{oneAddress, func(r int) error {
			n, err := c.Count(ctx, filter(fmt.Sprintf("ip.addr == %s && frame.len > %d", needle, r)))
			if err == nil && n != 3 {
				err = fmt.Errorf("%d found, want 3", n)
			}
			return err
		}},
		{"page of 100 in the middle", func(r int) error {
			_, err := c.Packets(ctx, query.Scope{}, uint64(packets/2+r*1000), 100)
			return err
		}},
		{"page of 100 at the end", func(int) error {
			_, err := c.Packets(ctx, query.Scope{}, uint64(packets-100), 100)
			return err
		}},
	} {
		if err := twice(t.name, t.q); err != nil {
			return nil, err
		}
	}
	return answers, nil
}

// The questions that others are asked too.
const (
	totals       = "totals"
	series       = "series, 1 s"
	topSource    = "top 5 of src"
	topPort      = "top 5 of tcp.dstport, no counts"
	firstHundred = "address and port, first 100"
	twoColumns   = "count, filter on two columns"
	oneAddress   = "needle: one address, count"
)

// compare prints a peer's time beside ours.
func compare(answers []answer, name string, theirs time.Duration) {
	for _, a := range answers {
		if a.name == name {
			fmt.Printf("%-44s %12s %12s %9.0f×\n", name, a.again.Round(10*time.Microsecond), theirs.Round(10*time.Microsecond), theirs.Seconds()/a.again.Seconds())
		}
	}
}

// askTshark asks over the first packets of the archive.
func askTshark(capture string, packets int, answers []answer) error {
	sample := filepath.Join(capture, "sample.pcap")
	const n = 200_000
	if out, err := exec.Command("editcap", "-r", filepath.Join(capture, archive.FileName(1)), sample, fmt.Sprintf("1-%d", n)).CombinedOutput(); err != nil {
		return fmt.Errorf("editcap: %w: %s", err, out)
	}
	defer func() { _ = os.Remove(sample) }()
	fmt.Printf("%-44s %12s %12s %10s\n", fmt.Sprintf("tshark, scaled from %d packets", n), "ours", "tshark", "ratio")
	for _, q := range [][]string{
		{totals, "-q", "-z", "io,phs"}, {series, "-q", "-z", "io,stat,1"}, {topSource, "-q", "-z", "endpoints,ip"},
		{twoColumns, "-Y", "tcp.port == 443 && frame.len > 1000", "-T", "fields", "-e", "frame.number"},
		{firstHundred, "-Y", "ip.addr == 10.0.0.4 && tcp.port == 443", "-T", "fields", "-e", "frame.number"},
		{oneAddress, "-Y", "ip.addr == " + needle, "-T", "fields", "-e", "frame.number"},
	} {
		start := time.Now()
		if err := exec.Command("tshark", append([]string{"-n", "-r", sample}, q[1:]...)...).Run(); err != nil {
			return fmt.Errorf("tshark: %w", err)
		}
		compare(answers, q[0], time.Since(start)*time.Duration(packets)/n)
	}
	return nil
}

func indexSize(dir string) (sum int64) {
	names, _ := filepath.Glob(filepath.Join(dir, "*.parquet"))
	for _, name := range names {
		if info, err := os.Stat(name); err == nil {
			sum += info.Size()
		}
	}
	return sum
}

func rss() int64 {
	b, _ := os.ReadFile("/proc/self/status")
	for line := range strings.Lines(string(b)) {
		var kb int64
		if _, err := fmt.Sscanf(line, "VmRSS: %d kB", &kb); err == nil {
			return kb << 10
		}
	}
	return 0
}

// build writes the archive: 54 bytes of each packet, some thousand addresses of which few
// are frequent, ten thousand packets a second.
func build(dir string, packets int) (string, error) {
	a, _, err := archive.Create(archive.Config{
		DataDir: dir, Program: "bench",
		Interfaces: []segment.Interface{{Name: "bench0", Link: packet.LinkEthernet, SnapLen: 54, Resolution: segment.Nanoseconds}},
	})
	if err != nil {
		return "", err
	}
	r := rand.New(rand.NewPCG(7, 9))
	zipf := rand.NewZipf(r, 1.2, 4, 4095)
	b := segment.NewBuilder(nil)
	b.Reset(a.Buffer())
	var h [54]byte
	h[12], h[14], h[22], h[46], h[47] = 8, 0x45, 64, 0x50, 0x10
	now := int64(1_750_000_000_000_000_000)
	for i := range packets {
		now += int64(r.IntN(200_000))
		src, dst := uint32(0x0a000000+zipf.Uint64()), uint32(0xc0a80000+zipf.Uint64())
		if packets > 3 && i%(packets/3) == packets/6 {
			src = 0xcb00714d // the needle
		}
		size := []uint32{54, 54, 66, 590, 1514, 1514}[r.IntN(6)]
		binary.BigEndian.PutUint16(h[16:], uint16(size-14))
		binary.BigEndian.PutUint32(h[26:], src)
		binary.BigEndian.PutUint32(h[30:], dst)
		binary.BigEndian.PutUint16(h[34:], uint16(32768+r.IntN(28000)))
		binary.BigEndian.PutUint16(h[36:], []uint16{443, 443, 80, 22, 5432}[r.IntN(5)])
		binary.BigEndian.PutUint32(h[38:], r.Uint32())
		binary.BigEndian.PutUint32(h[42:], r.Uint32())
		h[23] = 6
		for {
			if p := b.Packet(0, now, 54, size, packet.Direction(1+i%2)); p != nil {
				copy(p, h[:])
				break
			}
			a.Append(b)
			if err := a.Trouble(); err != nil {
				return "", err
			}
			b.Reset(a.Buffer())
		}
	}
	a.Append(b)
	if err := a.Close(); err != nil {
		return "", err
	}
	return a.Dir(), a.Release(a.Ledger())
}
