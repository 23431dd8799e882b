package trafficlog

import (
	"net/netip"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// flow makes a packet from a to b of unknown direction.
func flow(a, b string) packet.Summary {
	from, to := netip.MustParseAddrPort(a), netip.MustParseAddrPort(b)
	s := tcp(1)
	s.Direction = packet.DirectionUnknown
	s.Outer.Src, s.Outer.Dst = from.Addr().As16(), to.Addr().As16()
	s.Outer.SrcPort, s.Outer.DstPort = from.Port(), to.Port()
	if from.Addr().Is6() {
		s.Outer.Version = 6
	}
	return s
}

func TestDirection(t *testing.T) {
	const client, server, other = "198.51.100.7:50000", "203.0.113.1:443", "203.0.113.2:443"
	received := flow(client, server)
	received.Direction = packet.DirectionReceived
	local := []netip.Prefix{netip.MustParsePrefix("203.0.113.0/24")}
	iface := []string{"fe80::1/64", "203.0.113.1/24", "nonsense"}
	for _, tt := range []struct {
		name    string
		packet  packet.Summary
		local   []netip.Prefix
		ifaces  []string
		earlier []packet.Summary // the first batch
		sent    bool
	}{
		{name: "the kernel knows", packet: received, local: []netip.Prefix{netip.MustParsePrefix("0.0.0.0/0")}},
		{name: "configured, source", packet: flow(server, client), local: local, sent: true},
		{name: "configured, destination", packet: flow(client, server), local: local},
		{name: "configured, neither", packet: flow("10.0.0.1:5000", "8.8.8.8:53"), local: local},
		{name: "the interface's own, source", packet: flow(server, client), ifaces: iface, sent: true},
		{name: "the interface's own, destination", packet: flow(client, server), ifaces: iface},
		{name: "a neighbour's", packet: flow(other, client), ifaces: iface},
		{
			name: "main host", packet: flow(server, client), sent: true,
			earlier: []packet.Summary{flow(client, server), flow("198.51.100.8:50000", server), flow(server, "198.51.100.9:1")},
		},
		{
			name: "no main host", packet: flow(server, client),
			earlier: []packet.Summary{flow(client, server), flow(server, client)},
		},
		{name: "private source", packet: flow("192.168.1.5:80", "203.0.113.1:50000"), sent: true},
		{name: "private destination", packet: flow("203.0.113.1:50000", "10.1.1.1:80")},
		{name: "carrier's NAT", packet: flow("100.64.0.1:80", "203.0.113.1:50000"), sent: true},
		{name: "unique local", packet: flow("[fd00::1]:80", "[2001:db8::1]:50000"), sent: true},
		{name: "client to server", packet: flow(client, server), sent: true},
		{name: "server to client", packet: flow(server, client)},
		{name: "both private, by port", packet: flow("192.168.1.5:50000", "192.168.1.1:80"), sent: true},
		{name: "same ports, there", packet: flow("10.0.0.1:500", "10.0.0.2:500"), sent: true},
		{name: "same ports, back", packet: flow("10.0.0.2:500", "10.0.0.1:500")},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := sides{configured: tt.local}
			chunk := &segment.Chunk{Interfaces: []segment.Interface{{Addresses: tt.ifaces}}}
			s.observe(tt.earlier, chunk)
			got := s.sent(&tt.packet, &transport{sport: tt.packet.Outer.SrcPort, dport: tt.packet.Outer.DstPort})
			if got != tt.sent {
				t.Errorf("sent: %v", got)
			}
		})
	}
}

// TestAddressesAreCapped has a file that brings more addresses than fit.
func TestAddressesAreCapped(t *testing.T) {
	var s sides
	chunk := &segment.Chunk{}
	for i := range 100 {
		var list []string
		for j := range 100 {
			list = append(list, netip.AddrFrom4([4]byte{10, 0, byte(i), byte(j)}).String())
		}
		chunk.Interfaces = append(chunk.Interfaces, segment.Interface{Addresses: list})
		s.observe(nil, chunk)
	}
	if len(s.known) != mostAddresses {
		t.Errorf("%d addresses are remembered", len(s.known))
	}
}
