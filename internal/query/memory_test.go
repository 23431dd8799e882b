package query

import (
	"encoding/binary"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// dnsRow makes r speak of a DNS message with that id, as the tracker would.
func dnsRow(r *Row, at int64, id uint16, response bool) {
	m := packettest.Hex("0000 0100 0001 0000 0000 0000 016d 00 0001 0001")
	binary.BigEndian.PutUint16(m, id)
	if response {
		m[2] |= 0x80
	}
	p := &packet.Packet{Time: at, Link: packet.LinkEthernet, Data: packettest.Ethernet(0x0800, packettest.IPv4(17, packettest.UDP(5000, 53, m)))}
	p.WireLen = uint32(len(p.Data))
	packet.NewDecoder().Decode(p)
	r.Next(p)
	r.Notes = append(r.Notes, Note{fieldUDPStream, Value{Num: 4}}, Note{fieldDNS, Value{Num: 1}})
	r.Learn()
}

// TestAwaiting holds that what awaits an answer is bounded, and that the oldest goes first.
func TestAwaiting(t *testing.T) {
	var r Row
	r.Remember(fieldDNSTime)
	for i := range mostAwaiting {
		r.memory.queries.put(awaited{stream: 9, id: uint16(i)}, 1)
	}
	dnsRow(&r, 1000, 1, false)
	if n := len(r.memory.queries.since); n != mostAwaiting || len(r.memory.queries.order) != mostAwaiting {
		t.Errorf("%d queries are remembered", n)
	}
	if _, ok := r.memory.queries.since[awaited{stream: 9, id: 0}]; ok {
		t.Error("the oldest query is still there")
	}
	dnsRow(&r, 3500, 1, true)
	if v, ok := note(&r, fieldDNSTime, 0); !ok || v.Num != 2500 {
		t.Errorf("dns.time %d, %t", v.Num, ok)
	}
	dnsRow(&r, 9000, 1, true)
	if v, ok := note(&r, fieldDNSTime, 0); ok {
		t.Errorf("a response that was sent again took %d", v.Num)
	}
}

// TestForgetful holds that nothing is remembered that was not asked for.
func TestForgetful(t *testing.T) {
	var r Row
	r.Remember(LookupField("tcp.port"), LookupField("dns.id"))
	dnsRow(&r, 1000, 1, false)
	dnsRow(&r, 2000, 1, true)
	if r.memory != nil || len(r.Notes) != 2 {
		t.Errorf("%+v, %v", r.memory, r.Notes)
	}
	for _, name := range []string{"dns.time", "tcp.completeness", "http.time"} {
		f, err := Parse(name)
		if err != nil || !f.Needs().History || !f.Needs().Notes || !LookupField(name).Decoded() {
			t.Errorf("%s: %v", name, err)
		}
	}
}
