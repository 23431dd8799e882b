package filter

import (
	"fmt"
	"net/netip"
)

// primitive generates an id with its qualifiers.
func (g *gen) primitive(e *primitive) cond {
	q := e.q
	switch q.kind {
	case kGateway:
		g.failHint(Unsupported, "\"gateway\" is not supported", "ether host MAC and not host NAME")
	case kProtoChain:
		g.failHint(Unsupported, "\"protochain\" needs a loop, which neither the kernel nor this program runs", "ip6 proto N")
	}
	switch e.id.kind {
	case tkNum:
		return g.number(e.id.num, q)
	case tkIPv4:
		return g.dotted(e)
	case tkIPv6:
		return g.colons(e)
	case tkMAC:
		if q.proto != pLink || q.kind != kDefault && q.kind != kHost {
			g.failHint(BadUse, "a MAC address belongs to \"ether\"", "ether "+dirPrefix(q.dir)+"host "+e.id.text)
		}
		return g.etherHost(parseMAC(e.id.text), q.dir)
	case tkArc:
		return g.arcID(e.id.text, q)
	}
	return g.name(e.id.text, q)
}

func dirPrefix(d dir) string {
	if d == dDefault {
		return ""
	}
	return d.String() + " "
}

// number is an id that is a plain number: a port, a protocol, a network such as 10, or an address in one number.
func (g *gen) number(n uint32, q qual) cond {
	switch q.kind {
	case kDefault, kHost, kNet:
		switch q.proto {
		case pDECNET:
			return g.decnetHost(n, q.dir)
		case pLink:
			g.failHint(BadUse, "a number is no MAC address", "ether host 00:11:22:33:44:55")
		}
		a := addr4{addr: n, mask: 0xffffffff, net: q.kind == kNet}
		if a.net {
			a = justify(a)
		}
		return g.host4(a, q.proto, q.dir)
	case kPort, kPortRange:
		of := g.transportOf(q.proto, q.kind)
		if n > 65535 {
			g.fail(BadUse, fmt.Sprintf("port %d is above 65535", n))
		}
		return g.port(n, n, of, q.kind == kPortRange, q.dir)
	}
	return g.protoID(n, q)
}

// justify moves a short network number to the left: net 10 is 10.0.0.0/8.
func justify(a addr4) addr4 {
	for a.addr != 0 && a.addr&0xff000000 == 0 {
		a.addr <<= 8
		a.mask <<= 8
	}
	return a
}

// wantAddress refuses an address under a qualifier that takes none.
func (g *gen) wantAddress(q qual) {
	switch q.kind {
	case kPort, kPortRange, kProto:
		g.failHint(BadUse, fmt.Sprintf("an IP address is no %s", q.kind), "host …")
	}
}

// dotted is an id of two to four numbers with dots, with a prefix length or a netmask or none.
func (g *gen) dotted(e *primitive) cond {
	q := e.q
	g.wantAddress(q)
	if q.proto == pDECNET && e.bits < 0 && e.mask.kind != tkIPv4 {
		return g.decnetID(e.id.text, q)
	}
	addr, bits := g.quad(&e.id)
	a := addr4{addr: addr << (32 - bits), net: q.kind == kNet}
	switch {
	case e.bits < 0 && e.mask.kind != tkIPv4:
		if q.proto == pLink {
			g.badHost(pLink, a.word())
		}
		a.mask = ^uint32(0) << (32 - bits)
		return g.host4(a, q.proto, q.dir)
	case e.mask.kind == tkIPv4:
		m, mbits := g.quad(&e.mask)
		a.mask = m << (32 - mbits)
	case e.bits > 32:
		g.fail(BadUse, "an IPv4 prefix length is at most 32")
	default:
		a.mask = ^uint32(0) << (32 - e.bits)
	}
	if a.addr&^a.mask != 0 {
		g.failHint(BadUse, "the address has bits outside of its network",
			fmt.Sprintf("net %s/%d", netip.AddrFrom4(be4(a.addr&a.mask)), ones(a.mask)))
	}
	if q.kind != kNet {
		g.failHint(BadUse, "a prefix or netmask goes with \"net\"", "net "+g.text[e.id.pos:e.id.end]+" …")
	}
	return g.host4(a, q.proto, q.dir)
}

func be4(n uint32) [4]byte { return [4]byte{byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n)} }

func ones(m uint32) (n int) {
	for ; m&0x80000000 != 0; m <<= 1 {
		n++
	}
	return n
}

// quad reads one to four decimal numbers with dots; bits is 8 for each of them.
func (g *gen) quad(t *token) (addr uint32, bits uint) {
	n := uint32(0)
	digits := 0
	for i := 0; i <= len(t.text); i++ {
		if i < len(t.text) && t.text[i] != '.' {
			if !isDigit(t.text[i]) {
				g.fail(BadName, quoted(t.text)+" is no IPv4 address: write it in decimal")
			}
			n = n*10 + uint32(t.text[i]-'0')
			if digits++; n > 255 {
				g.fail(BadName, quoted(t.text)+" is no IPv4 address: a part is above 255")
			}
			continue
		}
		addr = addr<<8 | n
		bits += 8
		n, digits = 0, 0
	}
	return addr, bits
}

// colons is an IPv6 id.
func (g *gen) colons(e *primitive) cond {
	g.wantAddress(e.q)
	addr, err := netip.ParseAddr(e.id.text)
	if err != nil {
		g.fail(BadName, quoted(e.id.text)+" is no IPv6 address")
	}
	bits := e.bits
	if bits < 0 {
		bits = 128
	}
	if bits > 128 {
		g.fail(BadUse, "an IPv6 prefix length is at most 128")
	}
	a := addr6{addr: addr.As16(), net: e.q.kind == kNet}
	for i := range bits {
		a.mask[i/8] |= 0x80 >> (i % 8)
	}
	for i := range a.addr {
		if a.addr[i]&^a.mask[i] != 0 {
			g.failHint(BadUse, "the address has bits outside of its network",
				"net "+netip.PrefixFrom(addr, bits).Masked().String())
		}
	}
	if bits != 128 && e.q.kind != kNet {
		g.failHint(BadUse, "a prefix goes with \"net\"", fmt.Sprintf("net %s/%d", e.id.text, bits))
	}
	return g.host6(a, e.q.proto, e.q.dir)
}

// arcID is an ARCnet address.
func (g *gen) arcID(text string, q qual) cond {
	if g.family != famArcnet {
		g.fail(WrongLink, "only ARCnet has addresses such as "+text)
	}
	if q.proto != pLink || q.kind != kDefault && q.kind != kHost {
		g.fail(BadUse, "an ARCnet address belongs to \"ether\"")
	}
	n := byte(0)
	for i := 1; i < len(text); i++ {
		n = n<<4 | hexVal(text[i])
	}
	return g.arcHost(n, q.dir)
}

// decnetID is a DECnet address, AREA.NODE (6 and 10 bits).
func (g *gen) decnetID(text string, q qual) cond {
	area, node, part := uint32(0), uint32(0), 0
	for i := range len(text) {
		switch {
		case text[i] == '.':
			part++
		case part == 0:
			area = area*10 + uint32(text[i]-'0')
		case part == 1:
			node = node*10 + uint32(text[i]-'0')
		}
	}
	return g.decnetHost(area<<10&0xfc00|node&0x3ff, q.dir)
}
