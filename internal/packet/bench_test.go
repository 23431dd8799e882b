package packet

import "testing"

// kinds are packets of the kinds that differ in the way they are decoded.
func kinds() []struct {
	name string
	link LinkType
	data []byte
} {
	payload := make([]byte, 64)
	tcp := frame(tcpHeader(), payload)
	udp := frame(udpHeader(40000, 5000, len(payload)), payload)
	inner := frame(ip4(6, len(tcp)), tcp)
	vxlan := frame(udpHeader(40000, 4789, 8+14+len(inner)), []byte{8, 0, 0, 0, 0, 0, 1, 0}, eth(0x0800), inner)
	gtp := frame(udpHeader(2152, 2152, 8+len(inner)), []byte{0x30, 0xff, 0, byte(len(inner)), 0, 0, 0, 1}, inner)
	icmp := frame([]byte{3, 1, 0, 0, 0, 0, 0, 0}, inner)
	return []struct {
		name string
		link LinkType
		data []byte
	}{
		{"tcp4", LinkEthernet, frame(eth(0x0800), inner)},
		{"udp4", LinkEthernet, frame(eth(0x0800), ip4(17, len(udp)), udp)},
		{"tcp6", LinkEthernet, frame(eth(0x86dd), ip6(6, len(tcp)), tcp)},
		{"udp6", LinkEthernet, frame(eth(0x86dd), ip6(17, len(udp)), udp)},
		{"vlan", LinkEthernet, frame(eth(0x8100), []byte{0, 7, 8, 0}, inner)},
		{"cooked", LinkLinuxSLL2, frame([]byte{8, 0, 0, 0, 0, 0, 0, 1, 0, 1, 0, 6, 2, 0, 0, 0, 0, 1, 0, 0}, inner)},
		{"gre", LinkEthernet, frame(eth(0x0800), ip4(47, 4+len(inner)), []byte{0, 0, 8, 0}, inner)},
		{"vxlan", LinkEthernet, frame(eth(0x0800), ip4(17, len(vxlan)), vxlan)},
		{"gtp", LinkEthernet, frame(eth(0x0800), ip4(17, len(gtp)), gtp)},
		{"icmp", LinkEthernet, frame(eth(0x0800), ip4(1, len(icmp)), icmp)},
		{"arp", LinkEthernet, frame(eth(0x0806), []byte{0, 1, 8, 0, 6, 4, 0, 1}, make([]byte, 38))},
	}
}

func BenchmarkSummarize(b *testing.B) {
	for _, k := range kinds() {
		b.Run(k.name, func(b *testing.B) {
			d := NewDecoder()
			s := Summary{CapLen: uint32(len(k.data)), WireLen: uint32(len(k.data))}
			b.ReportAllocs()
			for b.Loop() {
				d.Summarize(k.data, &s, k.link)
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	for _, k := range kinds() {
		b.Run(k.name, func(b *testing.B) {
			d := NewDecoder()
			p := Packet{Data: k.data, WireLen: uint32(len(k.data)), Link: k.link}
			b.ReportAllocs()
			for b.Loop() {
				d.Decode(&p)
			}
		})
	}
}
