package flow

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// scene is a sequence of packets that a test writes down: rows and the chunk that they
// point into.
type scene struct {
	rows  []packet.Summary
	chunk []byte
	now   int64
}

// sceneStart is when scenes begin.
const sceneStart = int64(1_700_000_000) * 1e9

// segment is one packet of a scene.
type segment struct {
	after    time.Duration // since the packet before
	src, dst string        // address:port
	flags    string        // S A F R P U in any order; "" with proto 17
	proto    uint8         // 0: TCP
	seq, ack uint32
	window   uint16
	data     []byte
	length   int // of the payload when data is nil: zeros
	options  []byte
	cut      int // bytes of the payload that were not captured
}

func tcpFlags(s string) uint16 {
	var f uint16
	for _, c := range s {
		i := strings.IndexRune("FSRPAU", c)
		if i < 0 {
			panic("flag " + string(c))
		}
		f |= 1 << i
	}
	return f
}

func endpoint(s string) (packet.Addr, uint16) {
	host, port, ok := strings.Cut(s, ":")
	p, err := strconv.Atoi(port)
	if !ok || err != nil {
		panic(s)
	}
	var b [4]byte
	for i, part := range strings.Split(host, ".") {
		n, err := strconv.Atoi(part)
		if err != nil {
			panic(s)
		}
		b[i] = byte(n)
	}
	return packet.AddrFrom4(b), uint16(p)
}

// add appends a packet and returns its number.
func (sc *scene) add(g segment) uint64 {
	if sc.now == 0 {
		sc.now = sceneStart
	}
	sc.now += int64(g.after)
	if g.data == nil {
		g.data = make([]byte, g.length)
	}
	if g.proto == 0 {
		g.proto = protoTCP
	}
	s := packet.Summary{
		Number: uint64(len(sc.rows) + 1), Time: sc.now, VLAN: packet.NoVLAN, Depth: 1,
		DataOff: uint32(len(sc.chunk)), Seq: g.seq, Ack: g.ack, Window: g.window,
		TCPFlags: tcpFlags(g.flags), PayloadLen: uint32(len(g.data)),
	}
	s.Inner = packet.Tuple{Version: 4, Proto: g.proto, Flags: packet.TupleHasPorts}
	s.Inner.Src, s.Inner.SrcPort = endpoint(g.src)
	s.Inner.Dst, s.Inner.DstPort = endpoint(g.dst)
	s.Outer = s.Inner
	for len(g.options)%4 != 0 {
		g.options = append(g.options, 1)
	}
	head := make([]byte, 14+20)
	copy(head[26:], s.Inner.Src[12:])
	copy(head[30:], s.Inner.Dst[12:])
	head[12], head[14], head[23] = 8, 0x45, g.proto
	head = binary.BigEndian.AppendUint16(head, s.Inner.SrcPort)
	head = binary.BigEndian.AppendUint16(head, s.Inner.DstPort)
	if g.proto == protoTCP {
		head = binary.BigEndian.AppendUint32(head, g.seq)
		head = binary.BigEndian.AppendUint32(head, g.ack)
		head = binary.BigEndian.AppendUint16(head, uint16(5+len(g.options)/4)<<12|s.TCPFlags)
		head = binary.BigEndian.AppendUint16(head, g.window)
		head = append(head, 0, 0, 0, 0)
		head = append(head, g.options...)
	} else { // length and checksum of a datagram
		head = append(head, 0, 0, 0, 0)
	}
	binary.BigEndian.PutUint16(head[16:], uint16(len(head)-14+len(g.data)))
	if g.proto == protoUDP {
		binary.BigEndian.PutUint16(head[38:], uint16(8+len(g.data)))
	}
	s.PayloadOff = uint32(len(head))
	s.WireLen = uint32(len(head) + len(g.data))
	s.CapLen = s.WireLen - uint32(g.cut)
	if g.cut > 0 {
		s.Flags |= packet.Truncated
	}
	sc.chunk = append(sc.chunk, head...)
	sc.chunk = append(sc.chunk, g.data[:len(g.data)-g.cut]...)
	sc.rows = append(sc.rows, s)
	return s.Number
}

// apply runs the whole scene through a table.
func (sc *scene) apply(t *Table) []Note {
	notes := make([]Note, len(sc.rows))
	t.Apply(sc.rows, sc.chunk, notes)
	return notes
}

// parse reads a scene from text. A line is
//
//	after side flags seq ack length [win=N] [ws=N] [mss=N]
//
// where side is c or s, with a digit for further connections; flags is "-" for none, "udp"
// for a datagram; seq and ack count from the side's initial number, 1000000 for clients
// and 5000000 for servers unless a line "isn side number" says otherwise. Lines that
// start with # are comments.
func parseScene(text string) (*scene, error) {
	sc := &scene{}
	isn := map[string]uint32{}
	base := func(side string) uint32 {
		if n, ok := isn[side]; ok {
			return n
		}
		if side[0] == 'c' {
			return 1_000_000
		}
		return 5_000_000
	}
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		f := strings.Fields(lines.Text())
		if len(f) == 0 || f[0][0] == '#' {
			continue
		}
		if f[0] == "isn" {
			n, err := strconv.ParseUint(f[2], 10, 32)
			if err != nil {
				return nil, err
			}
			isn[f[1]] = uint32(n)
			continue
		}
		if len(f) < 6 {
			return nil, fmt.Errorf("line %q", lines.Text())
		}
		after, err := time.ParseDuration(f[0])
		if err != nil {
			return nil, err
		}
		var n [3]int64
		for i := range n {
			if n[i], err = strconv.ParseInt(f[3+i], 10, 64); err != nil {
				return nil, err
			}
		}
		index := f[1][1:]
		other := "s" + index
		client, server := "10.0.0.1:4000"+index, "10.0.0.2:80"
		g := segment{after: after, src: client, dst: server, window: 1000, length: int(n[2])}
		if f[1][0] == 's' {
			other = "c" + index
			g.src, g.dst = server, client
		}
		switch f[2] {
		case "udp":
			g.proto = protoUDP
		case "-":
		default:
			g.flags = f[2]
		}
		if g.proto == 0 {
			g.seq = base(f[1]) + uint32(n[0])
			if n[1] != 0 || strings.Contains(g.flags, "A") {
				g.ack = base(other) + uint32(n[1])
			}
		}
		for _, o := range f[6:] {
			name, value, _ := strings.Cut(o, "=")
			v, err := strconv.Atoi(value)
			if err != nil {
				return nil, err
			}
			switch name {
			case "win":
				g.window = uint16(v)
			case "ws":
				g.options = append(g.options, 3, 3, byte(v))
			case "mss":
				g.options = append(g.options, 2, 4, byte(v>>8), byte(v))
			default:
				return nil, fmt.Errorf("option %q", o)
			}
		}
		sc.add(g)
	}
	return sc, lines.Err()
}

// tell writes down what the table says about a scene.
func (sc *scene) tell() string {
	var b strings.Builder
	var flows []Flow
	table := NewTable(Options{Ended: func(f *Flow) { flows = append(flows, *f) }})
	for i, n := range sc.apply(table) {
		fmt.Fprintf(&b, "%d: flow %d stream %d seq %d ack %d win %d", i+1, n.Flow, int32(n.Stream), n.RelSeq, n.RelAck, n.Window)
		for _, v := range []struct {
			name  string
			value int64
		}{
			{"irtt", n.InitialRTT}, {"rtt", n.AckRTT}, {"acks", int64(n.AcksFrame)},
			{"dup", int64(n.DupAckNum)}, {"of", int64(n.DupAckFrame)}, {"flight", int64(n.InFlight)},
		} {
			if v.value != 0 {
				fmt.Fprintf(&b, " %s=%d", v.name, v.value)
			}
		}
		if n.Flags != 0 {
			fmt.Fprintf(&b, " [%s]", n.Flags)
		}
		b.WriteByte('\n')
	}
	table.Drain()
	for _, f := range flows {
		fmt.Fprintf(&b, "flow %d %s:%d > %s:%d %v %q %s packets %d/%d payload %d/%d irtt %d\n", f.ID,
			f.Tuple.Src.Netip(f.Tuple.Version), f.Tuple.SrcPort, f.Tuple.Dst.Netip(f.Tuple.Version), f.Tuple.DstPort,
			f.State, f.History, f.End, f.Client.Packets, f.Server.Packets, f.Client.Payload, f.Server.Payload, f.InitialRTT)
	}
	return b.String()
}

// TestScenes compares what the table says about the scenes in testdata with the golden
// files beside them.
func TestScenes(t *testing.T) {
	files, err := filepath.Glob("testdata/scenes/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scenes", err)
	}
	for _, f := range files {
		t.Run(strings.TrimSuffix(filepath.Base(f), ".txt"), func(t *testing.T) {
			text, err := os.ReadFile(f)
			if err != nil {
				t.Fatal(err)
			}
			sc, err := parseScene(string(text))
			if err != nil {
				t.Fatal(err)
			}
			got := sc.tell()
			golden := strings.TrimSuffix(f, ".txt") + ".golden"
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}
