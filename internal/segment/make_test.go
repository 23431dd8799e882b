package segment

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"testing"

	"github.com/klauspost/compress/zstd"
	"github.com/pierrec/lz4/v4"
	"github.com/tarrafa/tarrafa/internal/packet"
)

type order interface {
	binary.ByteOrder
	binary.AppendByteOrder
}

// foreignFile builds pcapng of either byte order, as other programs write it.
type foreignFile struct {
	order order
	b     []byte
}

func (f *foreignFile) u16(v uint16) { f.b = f.order.AppendUint16(f.b, v) }
func (f *foreignFile) u32(v uint32) { f.b = f.order.AppendUint32(f.b, v) }

func (f *foreignFile) block(kind uint32, body func()) {
	at := len(f.b)
	f.u32(kind)
	f.u32(0)
	body()
	for len(f.b)&3 != at&3 {
		f.b = append(f.b, 0)
	}
	n := uint32(len(f.b) - at + 4)
	f.order.PutUint32(f.b[at+4:], n)
	f.u32(n)
}

func (f *foreignFile) option(code uint16, value []byte) {
	f.u16(code)
	f.u16(uint16(len(value)))
	f.b = append(f.b, value...)
	for range -len(value) & 3 {
		f.b = append(f.b, 0)
	}
}

func (f *foreignFile) section() {
	f.block(blockSection, func() {
		f.u32(byteOrderMagic)
		f.u16(1)
		f.u16(0)
		f.u32(0xffffffff)
		f.u32(0xffffffff)
	})
}

func (f *foreignFile) face(link uint16, snapLen uint32, options func()) {
	f.block(blockInterface, func() {
		f.u16(link)
		f.u16(0)
		f.u32(snapLen)
		if options != nil {
			options()
		}
	})
}

func (f *foreignFile) enhanced(face uint32, units uint64, wire uint32, data []byte, options func()) {
	f.block(blockEnhancedPacket, func() {
		f.u32(face)
		f.packet(units, wire, data, options)
	})
}

func (f *foreignFile) obsolete(face, drops uint16, units uint64, wire uint32, data []byte, options func()) {
	f.block(blockPacketObsolete, func() {
		f.u16(face)
		f.u16(drops)
		f.packet(units, wire, data, options)
	})
}

func (f *foreignFile) packet(units uint64, wire uint32, data []byte, options func()) {
	f.u32(uint32(units >> 32))
	f.u32(uint32(units))
	f.u32(uint32(len(data)))
	f.u32(wire)
	f.b = append(f.b, data...)
	for range -len(data) & 3 {
		f.b = append(f.b, 0)
	}
	if options != nil {
		options()
	}
}

func (f *foreignFile) simple(wire uint32, data []byte) {
	f.block(blockSimplePacket, func() {
		f.u32(wire)
		f.b = append(f.b, data...)
	})
}

// frame returns n bytes that look like an Ethernet frame of an unused type.
func frame(n int, seed byte) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(i)*7 + seed
	}
	if n >= 14 {
		b[12], b[13] = 0x88, 0xb5 // local experimental
	}
	return b
}

// foreignPcapng is a file with everything that a foreign pcapng may have.
func foreignPcapng(big bool) []byte {
	f := &foreignFile{order: binary.LittleEndian}
	if big {
		f.order = binary.BigEndian
	}
	f.section()
	f.face(1, 96, func() {
		f.option(optionIfName, []byte("eth0"))
		f.option(optionEnd, nil)
	})
	f.face(113, 0, func() { f.option(optionIfTSResol, []byte{9}) })
	f.face(101, 0, func() { f.option(optionIfTSResol, []byte{0x80 | 20}) })
	f.enhanced(0, 1_700_000_000_123_456, 60, frame(60, 1), nil)
	f.enhanced(1, 1_700_000_001_123_456_789, 1000, frame(61, 2), func() {
		f.option(optionComment, []byte("first"))
		f.option(optionEPBFlags, f.order.AppendUint32(nil, 2))
		f.option(optionComment, []byte("second ☂"))
		f.option(optionEPBHash, []byte{2, 1, 2, 3, 4})
		f.option(optionEnd, nil)
	})
	f.block(4, func() { f.u32(0) }) // name resolution
	f.obsolete(0, 3, 1_700_000_002_000_000, 63, frame(63, 3), func() {
		f.option(optionEPBFlags, f.order.AppendUint32(nil, 1))
		f.option(optionEnd, nil)
	})
	f.simple(200, frame(96, 4))
	f.enhanced(2, 1_700_000_003<<20|1<<19, 0, nil, nil)
	f.block(blockStatistics, func() {
		f.u32(1)
		f.u32(uint32(1_700_000_009_000_000_000 >> 32))
		f.u32(uint32(1_700_000_009_000_000_000 & 0xffffffff))
		f.option(optionISBReceived, f.order.AppendUint64(nil, 12))
		f.option(optionISBDropped, f.order.AppendUint64(nil, 2))
		f.option(optionEnd, nil)
	})
	return f.b
}

// foreignPcap is a pcap file of three packets.
func foreignPcap(order order, magic uint32) []byte {
	f := &foreignFile{order: order}
	f.u32(magic)
	f.u16(2)
	f.u16(4)
	f.u32(0)
	f.u32(0)
	f.u32(65535)
	f.u32(1 | 0x24000000) // with a frame check sequence of four bytes
	for i, n := range []int{60, 0, 1514} {
		f.u32(1_700_000_000 + uint32(i))
		f.u32(123_456)
		f.u32(uint32(n))
		f.u32(uint32(n + i))
		if magic == pcapMagicModified {
			f.u32(7)
			f.u16(0x0800)
			f.b = append(f.b, []byte{4, 0, 9}[i], 0)
		}
		f.b = append(f.b, frame(n, byte(i))...)
	}
	return f.b
}

// foreignSnoop is a snoop file of three packets.
func foreignSnoop() []byte {
	f := &foreignFile{order: binary.BigEndian, b: []byte(snoopMagic)}
	f.u32(2)
	f.u32(4)
	for i, n := range []int{60, 61, 1514} {
		pad := -n & 3
		f.u32(uint32(n + i))
		f.u32(uint32(n))
		f.u32(uint32(snoopRecordHeader + n + pad))
		f.u32(0)
		f.u32(1_700_000_000 + uint32(i))
		f.u32(123_456)
		f.b = append(f.b, frame(n+pad, byte(i))...)
	}
	return f.b
}

// files returns one small file of each format that is read.
func files() map[string][]byte {
	return map[string][]byte{
		"pcapng":                foreignPcapng(false),
		"pcapng big-endian":     foreignPcapng(true),
		"pcapng sections":       append(foreignPcapng(true), foreignPcapng(false)...),
		"pcapng of ours":        written(Pcapng),
		"pcap":                  foreignPcap(binary.LittleEndian, pcapMagic),
		"pcap big-endian":       foreignPcap(binary.BigEndian, pcapMagic),
		"pcap nanos":            foreignPcap(binary.LittleEndian, pcapMagicNanos),
		"pcap nanos big-endian": foreignPcap(binary.BigEndian, pcapMagicNanos),
		"pcap modified":         foreignPcap(binary.LittleEndian, pcapMagicModified),
		"pcap of ours":          written(Pcap),
		"snoop":                 foreignSnoop(),
	}
}

// builtChunk is a chunk as a capture makes it.
func builtChunk() *Chunk {
	b := NewBuilder(make([]byte, 0, 16<<10))
	for i, n := range []int{60, 61, 1514, 0} {
		dir := packet.Direction(i % 3)
		copy(b.Packet(uint32(i%2), 1_700_000_000_000_000_001+int64(i)*1e9, uint32(n), uint32(n+i), dir), frame(n, byte(i)))
	}
	return &Chunk{
		First: 1, Packets: b.Packets(), Bytes: b.Bytes(), Interfaces: []Interface{
			{Name: "eth0", Description: "uplink", Filter: "tcp port 443", OS: "Linux 6.1", Hardware: "virtio", Link: packet.LinkEthernet, SnapLen: 2000, Resolution: Nanoseconds, Addresses: []string{"192.0.2.1/24", "2001:db8::1/64"}},
			{Name: "eth1", Link: packet.LinkEthernet, SnapLen: 2000, Resolution: Nanoseconds}, // libpcap wants equal lengths
		},
	}
}

// written is a file as this program writes it.
func written(kind Kind) []byte {
	c := builtChunk()
	var out bytes.Buffer
	w := NewFileWriter(&out, FileOptions{Kind: kind, Interfaces: c.Interfaces, Section: Section{
		Hardware: "x86-64", OS: "Linux", Application: "tarrafa", Comments: []string{"a comment", "another: ☂"},
	}})
	if err := w.WriteBuilt(c); err != nil {
		panic(err)
	}
	if err := w.WriteStatistics(Statistics{
		Interface: 1, Time: 1_700_000_009_000_000_009, Start: 1_700_000_000_000_000_000, End: 1_700_000_008_000_000_000,
		Fields:   HasReceived | HasDropped | HasOSDropped | HasDelivered,
		Received: 7, Dropped: 1, OSDropped: 2, Delivered: 4, Comments: []string{"gap: eth1 was down"},
	}); err != nil {
		panic(err)
	}
	var rec Record
	it := c.Records()
	it.Next(&rec)
	if err := w.WritePacket(c, &rec, PacketOptions{
		Flags: 1, HasFlags: true, Comments: []string{"look at this"}, Hashes: [][]byte{{2, 1, 2, 3, 4}}, DropCount: 5, PacketID: 6,
	}); err != nil {
		panic(err)
	}
	if err := w.Flush(); err != nil {
		panic(err)
	}
	return out.Bytes()
}

// compressed wraps a file.
func compressed(t testing.TB, how compression, b []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	var err error
	switch how {
	case gzipStream:
		w := gzip.NewWriter(&out)
		_, err = w.Write(b)
		w.Close()
	case zstdStream:
		w, e := zstd.NewWriter(&out)
		if e != nil {
			t.Fatal(e)
		}
		_, err = w.Write(b)
		w.Close()
	case lz4Stream:
		w := lz4.NewWriter(&out)
		_, err = w.Write(b)
		w.Close()
	default:
		return b
	}
	if err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}
