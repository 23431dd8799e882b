// Tracker measures what a packet costs in the tracker: decoding, the flow table with the
// TCP analysis, the applications' names, the findings. Times are those of the measuring
// thread's processor time, so that what else runs on the machine counts less.
//
//	go run ./bench/tracker FILE…                 packets of captures, held in memory
//	go run ./bench/tracker -flows 5000000        made-up packets of so many connections
//	go run ./bench/tracker -against FILE…        the same file with tshark and Debian's flow meters
//
// go run ./bench/corpus makes a file of mixed traffic.
package main

import (
	"encoding/binary"
	"errors"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/pprof"
	"slices"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

func main() {
	flows := flag.Int("flows", 0, "made-up packets of so many concurrent connections, instead of files")
	gaps := flag.Bool("gaps", false, "with -flows: only clients send, every segment lies behind a hole, nothing is acknowledged")
	packets := flag.Int("packets", 20_000_000, "made-up packets")
	limit := flag.Int64("bytes", 512<<20, "of each file, so many bytes")
	memory := flag.Int64("flow-memory", 0, "cap on flows, bytes; 0: 1 GiB, or what -flows needs")
	against := flag.Bool("against", false, "compare with tshark -z conv,tcp and with flow meters that are installed")
	flag.IntVar(&rounds, "rounds", 3, "measure files so many times; the fastest counts")
	only := flag.Int("only", 0, "measure only this level, from 1")
	flag.BoolVar(&cold, "cold", false, "take packets from far memory, as if nobody had read them a moment ago, and tables from the kernel")
	profile := flag.String("cpuprofile", "", "write a processor profile of what is measured to this file")
	flag.Parse()
	if *only > 0 && *only <= len(levels) {
		levels = levels[*only-1 : *only]
	}
	if *against {
		if err := compare(flag.Args()); err != nil {
			fmt.Fprintln(os.Stderr, "tracker:", err)
			os.Exit(1)
		}
		return
	}
	runtime.LockOSThread()
	if *flows > 0 {
		if *memory == 0 {
			*memory = int64(*flows) * 1100
		}
		fmt.Printf("%d connections at once, 60-byte segments in random order, cap %d MB\n", *flows, *memory>>20)
		synthetic(*flows, *packets, *memory, *gaps)
		return
	}
	if *memory == 0 {
		*memory = 1 << 30
	}
	for i, name := range flag.Args() {
		chunks, n, err := load(name, *limit)
		if err == nil && i == 0 && *profile != "" {
			err = startProfile(*profile)
			defer pprof.StopCPUProfile()
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "tracker:", err)
			os.Exit(1)
		}
		fmt.Printf("%s: %d packets\n", name, n)
		table(chunks, n, *memory)
	}
}

func startProfile(name string) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	return pprof.StartCPUProfile(f)
}

// levels are what is measured, each with what the one before does.
var levels = []struct {
	name string
	make func(memory int64) *stage
}{
	{"decode", func(int64) *stage { return &stage{tracker: track.New()} }},
	{"+ flows, TCP analysis", func(m int64) *stage {
		return &stage{tracker: track.New(), table: flow.NewTable(flow.Options{Memory: m}), notes: make([]flow.Note, 4096)}
	}},
	{"+ names", func(m int64) *stage { return analysing(m, nil) }},
	{"+ findings", func(m int64) *stage { return analysing(m, flow.NewWatch(flow.WatchOptions{})) }},
}

type stage struct {
	tracker  *track.Tracker
	table    *flow.Table
	notes    []flow.Note
	analysis *track.Analysis
}

func analysing(memory int64, w *flow.Watch) *stage {
	a := track.NewAnalysis(track.AnalysisOptions{Memory: memory, Watch: w, Ended: func(*track.Conversation) {}})
	return &stage{tracker: track.NewAnalysing(a), analysis: a}
}

func (s *stage) work(c *segment.Chunk) {
	s.tracker.Load(c)
	for b := s.tracker.Next(); b != nil; b = s.tracker.Next() {
		if s.table != nil {
			s.table.Apply(b.Rows, b.Chunk.Bytes, s.notes)
		}
	}
}

func (s *stage) counters() (c flow.Counters) {
	switch {
	case s.analysis != nil:
		return s.analysis.Counters().Flow
	case s.table != nil:
		return s.table.Counters()
	}
	return c
}

func load(name string, limit int64) (chunks []*segment.Chunk, packets int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, 0, err
	}
	defer f.Close()
	r, err := segment.NewReader(f, segment.ReaderOptions{Buffer: segment.NearBuffer})
	if err != nil {
		return nil, 0, err
	}
	defer r.Close()
	for size := int64(0); size < limit; {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, 0, err
		}
		kept := *c
		kept.Bytes = slices.Clone(c.Bytes)
		r.Release(c)
		chunks = append(chunks, &kept)
		size += int64(len(kept.Bytes))
		packets += int(kept.Packets)
	}
	return chunks, packets, nil
}

// threadTime is the processor time of this thread.
func threadTime() time.Duration {
	var u unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_THREAD_CPUTIME_ID, &u); err != nil {
		fmt.Fprintln(os.Stderr, "tracker:", err)
		os.Exit(1)
	}
	return time.Duration(u.Nano())
}

func header() {
	fmt.Printf("  %-24s %10s %10s %10s %10s %10s %8s\n", "", "ns/packet", "M/s", "flows", "forced", "flow MB", "RSS MB")
}

func line(name string, n int, took time.Duration, c flow.Counters) {
	ns := float64(took.Nanoseconds()) / float64(n)
	fmt.Printf("  %-24s %10.1f %10.2f %10d %10d %10d %8d\n", name, ns, 1e3/ns, c.Flows, c.Forced, c.Memory>>20, resident()>>20)
}

var (
	rounds int
	cold   bool
)

// table runs every level over the chunks a few times, more often when they are few, each
// time with new tables, and prints the fastest run. A chunk is copied to one buffer before
// the clock runs, so that it lies where read(2) has put it and the reader that cuts it up
// has left it in the program: in the processor's cache. Memory that the tables of the run
// before have left is used again, as in a program that has been running for a while: the
// kernel's work to hand it out is not part of the fastest run. With -cold both are.
func table(chunks []*segment.Chunk, n int, memory int64) {
	header()
	buffer := make([]byte, 0, 2*segment.ChunkSize)
	for _, l := range levels {
		best := time.Duration(1 << 62)
		var c flow.Counters
		for range max(rounds, 300_000/n) {
			s := l.make(memory)
			var took time.Duration
			for _, c := range chunks {
				if !cold {
					buffer = append(buffer[:0], c.Bytes...)
					near := *c
					near.Bytes = buffer
					c = &near
				}
				start := threadTime()
				s.work(c)
				took += threadTime() - start
			}
			best = min(best, took)
			c = s.counters()
			if s = nil; !cold {
				runtime.GC()
			}
		}
		line(l.name, n, best, c)
		runtime.GC()
	}
}

// synthetic measures with packets of random connections, after each has been seen once. In
// each connection client and server take turns: six bytes, their acknowledgement.
func synthetic(flows, packets int, memory int64, gaps bool) {
	header()
	turns := make([]uint16, flows)
	for _, l := range levels {
		s := l.make(memory)
		clear(turns)
		b := segment.NewBuilder(make([]byte, 0, segment.ChunkSize))
		r := rand.New(rand.NewPCG(1, 2))
		next, clock, number := 0, int64(1e18), uint64(1)
		var took time.Duration
		n := 0
		for next < flows+packets {
			b.Reset(make([]byte, 0, segment.ChunkSize))
			warm := next < flows
			for {
				p := b.Packet(0, clock, 60, 60, packet.DirectionReceived)
				if p == nil {
					break
				}
				conn := next
				if next >= flows {
					conn = r.IntN(flows)
				}
				clock += 200
				fill(p, uint32(conn), turns[conn])
				if gaps {
					binary.BigEndian.PutUint32(p[38:], uint32(next))
					binary.BigEndian.PutUint32(p[42:], uint32(next))
				} else {
					turns[conn]++
				}
				next++
			}
			c := &segment.Chunk{
				Segment: 1, First: number, Packets: b.Packets(), Bytes: b.Bytes(),
				Interfaces: []segment.Interface{{Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
			}
			number += uint64(c.Packets)
			start := threadTime()
			s.work(c)
			if !warm {
				took += threadTime() - start
				n += int(c.Packets)
			}
		}
		line(l.name, n, took, s.counters())
		s = nil
		runtime.GC()
	}
}

// fill writes a segment of a connection: in even turns the client sends 6 bytes, in odd
// ones the server acknowledges them.
func fill(p []byte, conn uint32, turn uint16) {
	const piece = 6
	clear(p)
	sent := 1000 + uint32(turn/2)*piece
	seq, ack := sent, uint32(5000)
	client, server, from, to := 10<<24|conn>>2, 198<<24|18<<16|conn&0xff, uint16(1024+conn&3), uint16(443)
	length := byte(40 + piece)
	if turn&1 != 0 {
		client, server, from, to = server, client, to, from
		seq, ack = 5000, sent+piece
		length -= piece
	}
	p[12], p[14] = 8, 0x45
	p[17] = length
	p[22], p[23] = 64, 6
	binary.BigEndian.PutUint32(p[26:], client)
	binary.BigEndian.PutUint32(p[30:], server)
	binary.BigEndian.PutUint16(p[34:], from)
	binary.BigEndian.PutUint16(p[36:], to)
	binary.BigEndian.PutUint32(p[38:], seq)
	binary.BigEndian.PutUint32(p[42:], ack)
	p[46], p[47] = 0x50, 0x10
	binary.BigEndian.PutUint16(p[48:], 500)
}

func resident() int64 {
	b, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		return 0
	}
	var total, pages int64
	if _, err := fmt.Sscan(string(b), &total, &pages); err != nil {
		return 0
	}
	return pages * int64(os.Getpagesize())
}
