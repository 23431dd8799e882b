package query

import (
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// oddOptions are TCP options as nobody should send them, and some as one should.
var oddOptions = []string{
	"020405b4", "020405b402040200", "020005b4", "020105b4", "020305b4", "020505b401010101", "02ff05b4", // MSS
	"03030701", "03030f00", "03020101", "03040101", "04020402", "04030000", // window scale, SACK permitted
	"05020101", "050a00000400000005000101", "050b00000000000000000001", "05040000", // SACK
	"0512000001f40000025800000190000003840101", "051200001388000015e00000177000001b580101",
	"080a00000001000000020101", "080900000001000000020100", "08020101", // timestamps
	"1e040000", "22020101", "2206616263640101", "fe040102", "fd020101", "63040102", "1c048005",
	"13126d6d6d6d6d6d6d6d6d6d6d6d6d6d6d6d0101",
	"00020405", "01010001", "02000000", "01010102", "00000101", "0000020405b40000", "00010000", "0000000303070101",
}

// oddSegments returns frames with those options and with random ones, cut at many lengths:
// what was captured of each, and its length on the wire.
func oddSegments() (frames [][]byte, wire []int) {
	r := rand.New(rand.NewPCG(8, 793))
	port := uint16(2000)
	add := func(options []byte, flags byte, cut int) {
		s := packettest.TCP([]byte("ab"), options...)
		binary.BigEndian.PutUint16(s, port) // each is a connection of its own
		port++
		s[13] = flags
		f := packettest.Ethernet(0x0800, packettest.IPv4(6, s))
		frames, wire = append(frames, f[:min(len(f), cut)]), append(wire, len(f))
	}
	for _, text := range oddOptions {
		o := packettest.Hex(text)
		for _, flags := range []byte{0x02, 0x12, 0x10} {
			add(o, flags, 1<<16)
		}
		for cut := 50; cut < 54+len(o); cut++ {
			add(o, 0x02, cut)
		}
	}
	for range 600 {
		o := make([]byte, 4*(1+r.IntN(10)))
		for i := range o {
			if o[i] = byte(r.IntN(11)); r.IntN(8) == 0 {
				o[i] = byte(r.Uint32())
			}
		}
		add(o, []byte{0x02, 0x12, 0x10, 0x18, 0x14}[r.IntN(5)], 54+r.IntN(80))
	}
	return frames, wire
}

// writeFrames writes a capture of Ethernet frames.
func writeFrames(t *testing.T, frames [][]byte, wire []int) string {
	t.Helper()
	cuts := make([]cut, len(frames))
	for i, data := range frames {
		at := time.Unix(1_700_000_000, int64(i)*1e6)
		cuts[i] = cut{ci: gopacket.CaptureInfo{Timestamp: at, CaptureLength: len(data), Length: wire[i]}, data: data}
	}
	return writeCuts(t, uint16(layers.LinkTypeEthernet), cuts)
}

// endsTshark tells whether the options hold a SACK option that is no number of whole
// blocks: tshark 4.0 reads beyond it then, and shows no more of the segment. We go on.
func endsTshark(frame []byte) bool {
	if len(frame) < 54 {
		return false
	}
	var o tcpOption
	b, left := frame[54:], int(frame[46]>>4)*4-20
	b = b[:min(len(b), left)]
	for ok := true; ok; {
		if b, left, ok = cutOption(&o, b, left); ok && o.kind == optionSACK && (o.size < 10 || o.size%8 != 2) {
			return true
		}
	}
	return false
}

// TestOddOptions compares the fields of strange TCP options with tshark's.
func TestOddOptions(t *testing.T) {
	needTool(t, "tshark")
	frames, wire := oddSegments()
	left, kept := 0, frames[:0]
	for i, f := range frames {
		if endsTshark(f) {
			left++
			continue
		}
		wire[len(kept)] = wire[i]
		kept = append(kept, f)
	}
	var names []string
	for _, f := range optionFields {
		if !f.notes {
			names = append(names, f.Name)
		}
	}
	c := compareFile(t, writeFrames(t, kept, wire), names, AllOccurrences)
	t.Logf("%d segments, %d left out", c.packets, left)
	if c.different != 0 || c.packets != len(kept) || c.packets < 1000 {
		t.Errorf("%d of %d packets differ", c.different, c.packets)
	}
}

// TestMessagesAgainstTshark compares messages of neighbour discovery and of IGMP, cut at
// every length.
func TestMessagesAgainstTshark(t *testing.T) {
	needTool(t, "tshark")
	var frames [][]byte
	var wire []int
	add := func(whole []byte) {
		for n := 34; n <= len(whole); n++ {
			frames, wire = append(frames, whole[:n]), append(wire, len(whole))
		}
	}
	const router = "00000000 fe80 0000 0000 0000 0000 0000 0000 0002"
	for _, text := range []string{
		"8700 0000" + router + "0101 020000000001", "8800 abcd a0000000" + router[8:] + "0201 020000000002",
		"8800 0000 40000000" + router[8:], "8500 0000 00000000 0101 020000000001",
		"8600 0000 40 88 0708 00000005 00000007 0304 40 80 00278d00 00093a80 00000000 2001 0db8 0000 0000 0000 0000 0000 0000 0501 0000 000005c8 c801 616263646566",
		"8700 0000" + router + "0100 000000000000", "8700 0000" + router + "0102" + "0202020202020202020202020202", "8700 0000" + router + "0105 020202020202",
		"0200 0000 00000500",
	} {
		add(packettest.Ethernet(0x86dd, packettest.IPv6(58, packettest.Hex(text))))
	}
	for _, text := range []string{
		"1100 0cfb e0010203", "1164 0c97 e0010203", "1164 0018 e0010203 027d 0001 0a000001", "1200 0bfb e0010203", "1600 07fb e0010203", "1700 0000 e0010203",
		"2200 03e4 0000 0002 01 00 0001 e0010203 0a000001 04 00 0000 e0090909", "1194 edd2 00000000 0099 0000", "3001 0000 e0010203",
	} {
		add(packettest.Ethernet(0x0800, packettest.IPv4(2, packettest.Hex(text))))
	}
	names := []string{"igmp.type", "icmpv6.type", "icmpv6.checksum.status"}
	for _, f := range append(slices.Clone(neighbourFields), groupFields...) {
		names = append(names, f.Name)
	}
	if c := compareFile(t, writeFrames(t, frames, wire), names, AllOccurrences); c.different != 0 || c.packets != len(frames) {
		t.Errorf("%d of %d packets differ", c.different, c.packets)
	}
}
