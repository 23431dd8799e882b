package filter

import (
	"fmt"
	"strings"
)

// words puts a tree into a sentence.
func (e *explainer) words(x expr) string {
	switch x := x.(type) {
	case *binary:
		word := ", and "
		if x.or {
			word = ", or "
		}
		return e.part(x.l, x.or, true) + word + e.part(x.r, x.or, false)
	case *negation:
		return "not " + e.part(x.x, false, false)
	case *group:
		return e.words(x.x)
	case *primitive:
		return e.primitive(x)
	case *abbreviation:
		return protoPhrase(x.proto)
	case *relation:
		return arithPhrase(x.l) + " " + relationPhrase(x.text) + " " + arithPhrase(x.r)
	}
	return e.special(x.(*special))
}

// part is one side of "and" or "or"; brackets keep apart what joins things itself.
func (e *explainer) part(x expr, or, left bool) string {
	s := e.words(x)
	for {
		g, ok := x.(*group)
		if !ok {
			break
		}
		x = g.x
	}
	if b, ok := x.(*binary); ok && (!left || b.or != or) {
		return "[" + s + "]"
	}
	return s
}

// protoPhrase is a protocol's packets.
func protoPhrase(p proto) string {
	switch p {
	case pIP:
		return "IPv4 packets"
	case pIPv6:
		return "IPv6 packets"
	case pTCP, pUDP, pSCTP, pPIM, pAH, pESP:
		return strings.ToUpper(p.String()) + " over IPv4 or IPv6"
	case pICMP, pIGMP, pIGRP, pVRRP, pCARP:
		return strings.ToUpper(p.String()) + " over IPv4"
	case pICMPv6:
		return "ICMPv6"
	case pISISL1, pISISL2, pISISIIH, pISISLSP, pISISSNP, pISISCSNP, pISISPSNP:
		return "IS-IS " + strings.ToUpper(p.String()) + " packets"
	}
	return strings.ToUpper(p.String()) + " packets"
}

// dirPhrase is which end an address or port stands for.
func dirPhrase(d dir) string {
	switch d {
	case dSrc:
		return "source"
	case dDst:
		return "destination"
	case dAnd:
		return "source and destination"
	case dDefault, dOr:
		return "source or destination"
	}
	return map[dir]string{dAddr1: "first 802.11", dAddr2: "second 802.11", dAddr3: "third 802.11", dAddr4: "fourth 802.11",
		dRA: "802.11 receiver", dTA: "802.11 transmitter"}[d]
}

// primitive is an id with its qualifiers.
func (e *explainer) primitive(x *primitive) string {
	id := readsID(x)
	ends := dirPhrase(x.q.dir)
	switch x.q.kind {
	case kPort, kPortRange:
		transport := "TCP, UDP or SCTP"
		if x.q.proto != pDefault {
			transport = strings.ToUpper(x.q.proto.String())
		}
		word := "port"
		if x.q.kind == kPortRange {
			word = "port in"
		}
		return fmt.Sprintf("%s with %s %s %s", transport, ends, word, id)
	case kProto:
		return map[proto]string{pDefault: "IPv4 or IPv6", pIP: "IPv4", pIPv6: "IPv6", pLink: "frames", pISO: "OSI packets",
			pISIS: "IS-IS packets"}[x.q.proto] + " of protocol " + strings.TrimPrefix(id, "\\")
	}
	what := "address"
	if x.q.kind == kNet {
		what = "network"
		if x.id.kind == tkNum || x.id.kind == tkIPv4 && x.bits < 0 && x.mask.kind != tkIPv4 && strings.Count(x.id.text, ".") < 3 {
			id += " (" + prefixOf(x) + ")"
		}
	}
	if x.id.kind == tkMAC || x.q.proto == pLink {
		return fmt.Sprintf("frames with %s MAC address %s", ends, strings.TrimPrefix(id, "\\"))
	}
	return fmt.Sprintf("%s with %s %s %s", hostHeaders(x, e.target), ends, what, strings.TrimPrefix(id, "\\"))
}

// prefixOf is the network that a short number stands for.
func prefixOf(x *primitive) string {
	parts := strings.Split(x.id.text, ".")
	if x.id.kind == tkNum {
		a := justify(addr4{addr: x.id.num, mask: 0xffffffff})
		b := be4(a.addr)
		return fmt.Sprintf("%d.%d.%d.%d/%d", b[0], b[1], b[2], b[3], ones(a.mask))
	}
	n := len(parts)
	for len(parts) < 4 {
		parts = append(parts, "0")
	}
	return fmt.Sprintf("%s/%d", strings.Join(parts, "."), 8*n)
}

// hostHeaders is where an address is looked for.
func hostHeaders(x *primitive, t Target) string {
	switch {
	case x.id.kind == tkIPv6 || x.q.proto == pIPv6:
		return "IPv6"
	case x.q.proto == pIP:
		return "IPv4"
	case x.q.proto != pDefault:
		return strings.ToUpper(x.q.proto.String())
	case x.id.kind == tkID:
		return "IPv4, IPv6, ARP or RARP"
	}
	switch layouts[canonicalLink(t.LinkType)].family {
	case famRaw, famIPv4, famIPv6:
		return "IPv4"
	}
	return "IPv4, ARP or RARP"
}

// relationPhrase is a comparison in words.
func relationPhrase(sign string) string {
	return map[string]string{"=": "is", "==": "is", "!=": "is not", "<": "is below", ">": "is above", "<=": "is at most",
		">=": "is at least"}[sign]
}

// arithPhrase is an arithmetic expression in words: accesses are named, the rest is as it is written.
func arithPhrase(a *arith) string {
	switch a.op {
	case aLen:
		return "the packet's length"
	case aLoad:
		size := map[uint32]string{1: "byte", 2: "two bytes", 4: "four bytes"}[a.size]
		where := strings.ToUpper(a.proto.String()) + " header"
		if a.proto == pLink {
			where = "frame"
		}
		if a.l.op == aNum {
			if n := fieldName(a); n != "" {
				return "the " + n
			}
			return fmt.Sprintf("the %s at %d of the %s", size, a.l.num, where)
		}
		return fmt.Sprintf("the %s at (%s) of the %s", size, readsArith(a.l), where)
	case aNeg:
		return "- " + arithPhrase(a.l)
	case aNum:
		return readsArith(a)
	}
	l, r := arithPhrase(a.l), arithPhrase(a.r)
	if a.l.op > aNeg {
		l = "(" + l + ")"
	}
	if a.r.op > aNeg {
		r = "(" + r + ")"
	}
	return l + " " + arithSigns[a.op] + " " + r
}

// fieldName is the name of a header field that people look at by its offset.
func fieldName(a *arith) string {
	type at struct {
		p    proto
		k    uint32
		size uint32
	}
	return map[at]string{
		{pTCP, 13, 1}: "TCP flags", {pTCP, 0, 2}: "TCP source port", {pTCP, 2, 2}: "TCP destination port",
		{pTCP, 4, 4}: "TCP sequence number", {pTCP, 14, 2}: "TCP window", {pUDP, 4, 2}: "UDP length",
		{pICMP, 0, 1}: "ICMP type", {pICMP, 1, 1}: "ICMP code", {pICMPv6, 0, 1}: "ICMPv6 type", {pICMPv6, 1, 1}: "ICMPv6 code",
		{pIP, 2, 2}: "IPv4 length", {pIP, 6, 2}: "IPv4 fragment field", {pIP, 8, 1}: "IPv4 TTL", {pIP, 9, 1}: "IPv4 protocol",
		{pIPv6, 6, 1}: "IPv6 next header", {pIPv6, 7, 1}: "IPv6 hop limit", {pARP, 6, 2}: "ARP operation",
		{pLink, 12, 2}: "Ethernet type",
	}[at{a.proto, a.l.num, a.size}]
}

// special is a primitive with a syntax of its own.
func (e *explainer) special(x *special) string {
	number := func(with, without string) string {
		if x.has {
			return fmt.Sprintf(with, x.num)
		}
		return without
	}
	switch x.word {
	case tkBroadcast, tkMulticast:
		layer := map[proto]string{pIP: "IPv4 ", pIPv6: "IPv6 "}[x.proto]
		if layer == "" {
			layer = "link-layer "
		}
		return layer + wordText(x.word) + "s"
	case tkLess:
		return fmt.Sprintf("packets of at most %d bytes", x.num)
	case tkGreater:
		return fmt.Sprintf("packets of at least %d bytes", x.num)
	case tkByte:
		return fmt.Sprintf("frames whose byte %d %s %d", x.num, relationPhrase(string(x.op)), x.num2)
	case tkInbound:
		return "packets received by this host"
	case tkOutbound:
		return "packets sent by this host"
	case tkIfindex:
		return fmt.Sprintf("packets of interface %d", x.num)
	case tkIfname:
		return "packets of interface " + x.name.text
	case tkVlan:
		return number("frames with VLAN tag %d (what follows looks behind the tag)", "frames with a VLAN tag (what follows looks behind it)")
	case tkMpls:
		return number("frames with MPLS label %d (what follows looks behind the label)", "frames with an MPLS label (what follows looks behind it)")
	case tkPppoed:
		return "PPPoE discovery"
	case tkPppoes:
		return number("PPPoE session %d (what follows looks inside)", "PPPoE sessions (what follows looks inside)")
	case tkGeneve:
		return number("Geneve tunnel %d (what follows looks inside)", "Geneve tunnels (what follows looks inside)")
	case tkVxlan:
		return number("VXLAN tunnel %d (what follows looks inside)", "VXLAN tunnels (what follows looks inside)")
	case tkLLC:
		if x.has {
			return "LLC frames of type " + x.name.text
		}
		return "LLC frames"
	case tkType:
		if x.has {
			return "802.11 frames of type " + x.name.text + " and subtype " + x.sub.text
		}
		return "802.11 frames of type " + x.name.text
	case tkSubtype:
		return "802.11 frames of subtype " + x.sub.text
	}
	return "802.11 frames of direction " + x.name.text
}
