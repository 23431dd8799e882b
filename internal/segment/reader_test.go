package segment

import (
	"bytes"
	"encoding/binary"
	"io"
	"reflect"
	"sync"
	"testing"
	"testing/iotest"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// small is the length of a buffer that the test files do not fit into.
const small = 512

func TestRecords(t *testing.T) {
	const s = int64(1e9)
	base := 1_700_000_000 * s
	ng := []Record{
		{Time: base + 123_456_000, WireLen: 60, Interface: 0, Data: frame(60, 1)},
		{Time: base + s + 123_456_789, WireLen: 1000, Interface: 1, Data: frame(61, 2), Direction: packet.DirectionSent},
		{Time: base + 2*s, WireLen: 63, Interface: 0, Data: frame(63, 3), Direction: packet.DirectionReceived},
		{Time: 0, WireLen: 200, Interface: 0, Data: frame(96, 4)},
		{Time: base + 3*s + s/2, WireLen: 0, Interface: 2, Data: []byte{}},
	}
	var pcap, nanos, modified, snoop []Record
	for i, n := range []int{60, 0, 1514} {
		r := Record{Time: base + int64(i)*s + 123_456_000, WireLen: uint32(n + i), Data: frame(n, byte(i))}
		pcap = append(pcap, r)
		r.Time = base + int64(i)*s + 123_456
		nanos = append(nanos, r)
		r = pcap[i]
		r.Direction = []packet.Direction{packet.DirectionSent, packet.DirectionReceived, packet.DirectionUnknown}[i]
		modified = append(modified, r)
	}
	for i, n := range []int{60, 61, 1514} {
		pad := -n & 3
		snoop = append(snoop, Record{Time: base + int64(i)*s + 123_456_000, WireLen: uint32(n + i), Data: frame(n+pad, byte(i))[:n]})
	}
	var both []Record
	both = append(both, ng...)
	for _, r := range ng {
		r.Interface += 3
		both = append(both, r)
	}
	want := map[string][]Record{
		"pcapng": ng, "pcapng big-endian": ng, "pcapng sections": both,
		"pcap": pcap, "pcap big-endian": pcap, "pcap nanos": nanos, "pcap nanos big-endian": nanos,
		"pcap modified": modified, "snoop": snoop,
	}
	for name, file := range files() {
		if want[name] == nil {
			continue // those of ours: see the tests of the writers
		}
		for _, how := range []compression{plain, gzipStream, zstdStream, lz4Stream} {
			t.Run(name+" "+string(how), func(t *testing.T) {
				r, err := NewReader(bytes.NewReader(compressed(t, how, file)), ReaderOptions{})
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if r.Compression() != string(how) {
					t.Errorf("compression %q", r.Compression())
				}
				var got []Record
				for {
					c, err := r.Next()
					if err == io.EOF {
						break
					}
					if err != nil {
						t.Fatal(err)
					}
					var rec Record
					it := c.Records()
					for it.Next(&rec) {
						k := rec
						k.Data = append([]byte{}, rec.Data...)
						k.Offset, k.DataOff = 0, 0
						got = append(got, k)
					}
					r.Release(c)
				}
				if !reflect.DeepEqual(got, want[name]) {
					t.Errorf("got  %v\nwant %v", got, want[name])
				}
			})
		}
	}
}

func TestInterfacesAndNotes(t *testing.T) {
	r, err := NewReader(bytes.NewReader(foreignPcapng(true)), ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := []Interface{
		{Name: "eth0", Link: 1, SnapLen: 96, Resolution: Resolution{UnitsPerSecond: 1e6}},
		{Link: 113, Resolution: Nanoseconds},
		{Link: 101, Resolution: Resolution{UnitsPerSecond: 1 << 20}},
	}
	if !reflect.DeepEqual(c.Interfaces, want) {
		t.Errorf("interfaces %+v", c.Interfaces)
	}
	if _, err := r.Next(); err != io.EOF {
		t.Fatal(err)
	}
	stats := []Statistics{{Interface: 1, Time: 1_700_000_009e9, Fields: HasReceived | HasDropped, Received: 12, Dropped: 2}}
	if !reflect.DeepEqual(r.Statistics(), stats) {
		t.Errorf("statistics %+v", r.Statistics())
	}
	if k := r.Counters(); k.Packets != 5 || k.Sections != 1 || k.OtherBlocks != 1 || k.Bytes != int64(len(foreignPcapng(true))) {
		t.Errorf("counters %+v", k)
	}

	var rec Record
	it := c.Records()
	it.Next(&rec)
	if o := c.RecordOptions(&rec); !reflect.DeepEqual(o, PacketOptions{}) {
		t.Errorf("options of the first packet: %+v", o)
	}
	it.Next(&rec)
	if o, want := c.RecordOptions(&rec), (PacketOptions{
		Flags: 2, HasFlags: true, Comments: []string{"first", "second ☂"}, Hashes: [][]byte{{2, 1, 2, 3, 4}},
	}); !reflect.DeepEqual(o, want) {
		t.Errorf("options of the second packet: %+v", o)
	}
	it.Next(&rec)
	if o, want := c.RecordOptions(&rec), (PacketOptions{Flags: 1, HasFlags: true, DropCount: 3}); !reflect.DeepEqual(o, want) {
		t.Errorf("options of the third packet: %+v", o)
	}
	it.Next(&rec)
	if o := c.RecordOptions(&rec); !reflect.DeepEqual(o, PacketOptions{}) {
		t.Errorf("options of a simple packet: %+v", o)
	}
}

func TestLinkTypeWithoutFrameCheckSequenceBits(t *testing.T) {
	_, r, err := readAll(t, bytes.NewReader(foreignPcap(binary.BigEndian, pcapMagic)), ReaderOptions{})
	if err != io.EOF {
		t.Fatal(err)
	}
	if in := r.Interfaces()[0]; in.Link != packet.LinkEthernet || in.SnapLen != 65535 {
		t.Errorf("%+v", in)
	}
}

// TestSlowStreams gets the same packets whatever the portions are in which a file comes.
func TestSlowStreams(t *testing.T) {
	for name, file := range files() {
		want, _, _ := readAll(t, bytes.NewReader(file), ReaderOptions{})
		for kind, slow := range map[string]func(io.Reader) io.Reader{
			"bytes": iotest.OneByteReader, "halves": iotest.HalfReader, "data with error": iotest.DataErrReader,
		} {
			for _, how := range []compression{plain, gzipStream, zstdStream, lz4Stream} {
				for _, buffer := range []int{64, small, ChunkSize} {
					got, _, err := readAll(t, slow(bytes.NewReader(compressed(t, how, file))), ReaderOptions{Buffer: buffer})
					if err != io.EOF || !reflect.DeepEqual(got, want) {
						t.Errorf("%s in %s %s: %d packets of %d, %v", name, kind, how, len(got), len(want), err)
					}
				}
			}
		}
	}
}

// TestPipeline reads in one goroutine and works in others, and finds every byte unchanged.
func TestPipeline(t *testing.T) {
	f := &foreignFile{order: binary.LittleEndian, b: foreignPcap(binary.LittleEndian, pcapMagic)[:24]}
	const packets = 20_000
	for i := range packets {
		f.u32(uint32(i))
		f.u32(0)
		f.u32(1000)
		f.u32(1000)
		f.b = append(f.b, frame(1000, byte(i))...)
	}
	r, err := NewReader(bytes.NewReader(f.b), ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	work := make(chan *Chunk, 2)
	var wg sync.WaitGroup
	var mu sync.Mutex
	total := 0
	for range 3 {
		wg.Go(func() {
			for c := range work {
				var rec Record
				n := 0
				it := c.Records()
				for ; it.Next(&rec); n++ {
					if !bytes.Equal(rec.Data, frame(1000, byte(rec.Time/1e9))) {
						t.Error("bytes changed")
						break
					}
				}
				r.Release(c)
				mu.Lock()
				total += n
				mu.Unlock()
			}
		})
	}
	for {
		c, err := r.Next()
		if err != nil {
			break
		}
		work <- c
	}
	close(work)
	wg.Wait()
	if total != packets {
		t.Errorf("%d packets", total)
	}
}
