package packet

import (
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// FuzzDecode decodes anything as anything.
func FuzzDecode(f *testing.F) {
	for _, s := range packettest.Samples() {
		if len(s.Data) < 200 {
			f.Add(s.Link, uint16(0), s.Data)
		}
	}
	f.Fuzz(func(t *testing.T, link, more uint16, data []byte) {
		p, s := decodeBoth(data, len(data)+int(more), LinkType(link))
		if err := check(p, s); err != nil {
			t.Fatal(err)
		}
	})
}

// FuzzFragments decodes a packet twice over with one decoder, cut into fragments of every
// kind by a list of places.
func FuzzFragments(f *testing.F) {
	f.Add([]byte("0123456789abcdefghijklmnop"), []byte{0, 1, 1, 2, 0x82, 9})
	f.Fuzz(func(t *testing.T, data, cuts []byte) {
		d := NewDecoder()
		for i := 0; i+1 < len(cuts) && i < 64; i += 2 {
			off := int(cuts[i]&0x7f) * 8
			n := min(int(cuts[i+1]), len(data))
			frame := packettest.Ethernet(0x0800, packettest.IPv4(17, data[:n]))
			where := uint16(off / 8)
			if cuts[i]&0x80 != 0 {
				where |= 0x2000
			}
			frame[20], frame[21] = byte(where>>8), byte(where)
			p := Packet{Data: frame, WireLen: uint32(len(frame)), Link: LinkEthernet, Time: int64(i) << 30}
			d.Decode(&p)
			for j := range p.Layers[:p.N] {
				p.Payload(&p.Layers[j])
				p.Header(&p.Layers[j])
			}
			c := d.Counters().Fragments
			if c.Waiting > c.Fragments || c.Datagrams > c.Waiting {
				t.Fatalf("counters %+v", c)
			}
		}
	})
}
