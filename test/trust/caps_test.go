package trust_test

import (
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/stats"
)

// The floods are made in a process of their own each, so that its memory is theirs.
const floodVariable = "TARRAFA_TEST_FLOOD"

// flood is one way of filling tables.
type flood struct {
	packets int
	rss     int64  // stated cap, bytes, of all that takes part and the runtime
	rising  string // the counter that must tell
	run     func(n int) (exact uint64, counter uint64)
}

// base of every cap below: the runtime, the test itself, and room for the collector.
const runtimeRSS = 64 << 20

var floods = map[string]flood{
	// Both sides of the statistics (at most 56 MiB each while they grow), and the flow
	// table at its default. The collector may need half as much again (GOGC 50).
	"10 M sources": {10_000_000, (2*56<<20+flow.DefaultMemory)*3/2 + runtimeRSS, "forced", func(n int) (uint64, uint64) {
		counters, table := stats.New(), flow.NewTable(flow.Options{})
		rows, notes := make([]packet.Summary, 2048), make([]flow.Note, 2048)
		for i := 0; i < n; {
			k := min(len(rows), n-i)
			for j := range rows[:k] {
				s := &rows[j]
				*s = packet.Summary{Number: uint64(i + 1), Time: 1e18 + int64(i)*1000, CapLen: 60, WireLen: 60, VLAN: packet.NoVLAN, Depth: 1}
				s.Inner = packet.Tuple{
					Src: packet.AddrFrom4([4]byte{byte(i >> 24), byte(i >> 16), byte(i >> 8), byte(i)}), Dst: packet.AddrFrom4([4]byte{10, 0, 0, 1}),
					SrcPort: 1234, DstPort: 80, Version: 4, Proto: 6, Flags: packet.TupleHasPorts,
				}
				s.TCPFlags, s.Outer = 2, s.Inner
				i++
			}
			counters.Apply(rows[:k])
			table.Apply(rows[:k], nil, notes)
		}
		snap, c := counters.Snapshot(5), table.Counters()
		if snap.Packets != c.Packets+c.NoFlow || c.Memory > c.Cap || !snap.Sources.Approximate {
			return 0, 0
		}
		return snap.Packets, c.Forced
	}},
	"1 M half-open flows with holes": {3_000_000, (2*56<<20+flow.DefaultMemory+app.DefaultPartials*(64<<10))*3/2 + runtimeRSS, "evicted", func(n int) (uint64, uint64) {
		table, names := flow.NewTable(flow.Options{}), app.NewRecognizer(app.Options{})
		decoder := packet.NewDecoder()
		rows, notes := make([]packet.Summary, 1), make([]flow.Note, 1)
		states := map[int]app.FlowState{}
		frame := tcpFrame(1000)
		var done uint64
		for i := range n {
			conn, step := i/3, i%3
			binary.BigEndian.PutUint32(frame[26:], uint32(conn)) // source
			flags, seq, payload := byte(2), uint32(1000), 0
			if step > 0 {
				// A TLS record begins behind a hole of 100 bytes, or goes on behind another.
				flags, seq, payload = 0x18, uint32(1001+step*2000), 900
			}
			binary.BigEndian.PutUint32(frame[38:], seq)
			frame[47] = flags
			data := frame[:54+payload]
			binary.BigEndian.PutUint16(data[16:], uint16(len(data)-14))
			s := &rows[0]
			*s = packet.Summary{Number: uint64(i + 1), Time: 1e18 + int64(i)*1000, CapLen: uint32(len(data)), WireLen: uint32(len(data))}
			decoder.Summarize(data, s, packet.LinkEthernet)
			table.Apply(rows, data, notes)
			done++
			place := notes[0].Place()
			if place < 0 || payload == 0 {
				continue
			}
			st := states[place]
			names.Segment(&st, &app.Segment{Payload: data[54:], Seq: seq, SrcPort: 1234, DstPort: 443, Transport: 6, FromClient: true, Missing: 100})
			states[place] = st
		}
		c, a := table.Counters(), names.Counters()
		if c.Packets != done || c.Memory > c.Cap || names.Partials() > app.DefaultPartials {
			return 0, 0
		}
		return c.Packets, a.PartialsEvicted + a.PartialsGivenUp + c.Forced + c.Unacked
	}},
	// A capture's fragments wait in at most 16 MiB.
	"1 M first fragments": {1_000_000, 16<<20*3/2 + runtimeRSS, "evicted", func(n int) (uint64, uint64) {
		decoder := packet.NewDecoder()
		frame := tcpFrame(1000)[:54+500]
		frame[20] = 0x20 // more fragments
		binary.BigEndian.PutUint16(frame[16:], uint16(len(frame)-14))
		for i := range n {
			binary.BigEndian.PutUint32(frame[26:], uint32(i))
			binary.BigEndian.PutUint16(frame[18:], uint16(i))
			s := packet.Summary{Number: uint64(i + 1), Time: 1e18 + int64(i)*1000, CapLen: uint32(len(frame)), WireLen: uint32(len(frame))}
			decoder.Summarize(frame, &s, packet.LinkEthernet)
		}
		c := decoder.Counters()
		var total uint64
		for _, o := range c.Outcomes {
			total += o
		}
		f := c.Fragments
		if f.Fragments != f.Joined+f.Expired+f.Evicted+f.Refused+f.Waiting || f.Bytes > 16<<20 {
			return 0, 0
		}
		return total, f.Evicted
	}},
	// What many conversations hold back while bytes are missing shares one limit.
	"reassembly behind holes": {1_000_000, 32<<20*3/2 + 2*runtimeRSS, "forced", func(n int) (uint64, uint64) {
		const limit, conns = 16 << 20, 20_000
		held := &flow.Held{Limit: limit}
		var list []*flow.Reassembler
		for i := range conns {
			list = append(list, flow.NewReassembler(holeTuple(i), flow.StreamLimits{}, held, func(flow.Piece) {}))
		}
		payload := make([]byte, 1000)
		var done, forced uint64
		for i := range n {
			s := packet.Summary{Number: uint64(i + 1), Time: int64(i), Inner: holeTuple(i % conns), Seq: uint32(5000 + i/conns*2000), PayloadLen: 1000, TCPFlags: 0x10, CapLen: 1054}
			s.Outer = s.Inner
			list[i%conns].Add(&s, payload)
			if held.Used() > limit+len(payload) {
				return 0, 0
			}
		}
		for _, r := range list {
			c := r.Counters()
			done += c.Segments
			forced += c.Forced
		}
		return done, forced
	}},
}

func holeTuple(i int) packet.Tuple {
	return packet.Tuple{
		Src: packet.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), Dst: packet.AddrFrom4([4]byte{10, 255, 0, 1}),
		SrcPort: 1234, DstPort: 80, Version: 4, Proto: 6, Flags: packet.TupleHasPorts,
	}
}

// tcpFrame is an Ethernet frame with IPv4 and TCP, and the beginning of a TLS record as
// its payload.
func tcpFrame(payload int) []byte {
	f := make([]byte, 54+payload)
	f[12] = 8
	f[14], f[22], f[23] = 0x45, 64, 6
	copy(f[30:], []byte{10, 0, 0, 1})
	copy(f[34:], []byte{4, 210, 1, 187})
	f[46] = 0x50
	copy(f[54:], []byte{0x16, 3, 1, 0x40, 0, 1, 0, 0x3f, 0xfc, 3, 3})
	return f
}

// Floods that fill every table: the memory stays under the stated cap, the counter says
// what had to go, and not one packet goes uncounted.
func TestFloodsStayUnderTheirCaps(t *testing.T) {
	if name := os.Getenv(floodVariable); name != "" {
		f := floods[name]
		exact, counter := f.run(f.packets)
		fmt.Printf("flood %d %d %d\n", exact, counter, peakRSS(t))
		return
	}
	for name, f := range floods {
		t.Run(name, func(t *testing.T) {
			if testing.Short() {
				t.Skip("takes a while")
			}
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestFloodsStayUnderTheirCaps$")
			cmd.Env = append(os.Environ(), floodVariable+"="+name, "GOGC=50")
			out, err := cmd.CombinedOutput()
			var exact, counter uint64
			var rss int64
			_, line, _ := strings.Cut(string(out), "flood ")
			if _, serr := fmt.Sscanf(line, "%d %d %d", &exact, &counter, &rss); err != nil || serr != nil {
				t.Fatalf("%v %v\n%.2000s", err, serr, out)
			}
			t.Logf("%d packets, %s %d, RSS %d MB of %d", exact, f.rising, counter, rss>>20, f.rss>>20)
			if exact != uint64(f.packets) {
				t.Errorf("%d packets counted, or an account that does not add up; want %d", exact, f.packets)
			}
			if counter == 0 {
				t.Errorf("nothing says what was %s", f.rising)
			}
			if rss > f.rss {
				t.Errorf("resident %d MB, cap %d", rss>>20, f.rss>>20)
			}
		})
	}
}
