package filter

import "fmt"

// IP protocol numbers (IANA) and OSI network layer protocol ids.
const (
	ipICMP     = 1
	ipIGMP     = 2
	ipTCP      = 6
	ipIGRP     = 9
	ipUDP      = 17
	ipFragment = 44
	ipESP      = 50
	ipAH       = 51
	ipICMPv6   = 58
	ipPIM      = 103
	ipVRRP     = 112
	ipSCTP     = 132

	nlpidCLNP = 0x81
	nlpidESIS = 0x82
	nlpidISIS = 0x83
)

// IS-IS PDU types (ISO 10589).
const (
	isisL1IIH  = 15
	isisL2IIH  = 16
	isisPTPIIH = 17
	isisL1LSP  = 18
	isisL2LSP  = 20
	isisL1CSNP = 24
	isisL2CSNP = 25
	isisL1PSNP = 26
	isisL2PSNP = 27
)

// abbreviation is a protocol's name alone.
func (g *gen) abbreviation(p proto) cond {
	switch p {
	case pSCTP:
		return g.eitherIP(ipSCTP)
	case pTCP:
		return g.eitherIP(ipTCP)
	case pUDP:
		return g.eitherIP(ipUDP)
	case pPIM:
		return g.eitherIP(ipPIM)
	case pAH:
		return g.eitherIP(ipAH)
	case pESP:
		return g.eitherIP(ipESP)
	case pICMP:
		return g.ipProto(ipICMP)
	case pIGMP:
		return g.ipProto(ipIGMP)
	case pIGRP:
		return g.ipProto(ipIGRP)
	case pVRRP, pCARP:
		return g.ipProto(ipVRRP)
	case pICMPv6:
		return g.ip6Proto(ipICMPv6)
	case pESIS:
		return g.isoProto(nlpidESIS)
	case pISIS:
		return g.isoProto(nlpidISIS)
	case pCLNP:
		return g.isoProto(nlpidCLNP)
	case pISISL1:
		return g.isisTypes(isisL1IIH, isisPTPIIH, isisL1LSP, isisL1CSNP, isisL1PSNP)
	case pISISL2:
		return g.isisTypes(isisL2IIH, isisPTPIIH, isisL2LSP, isisL2CSNP, isisL2PSNP)
	case pISISIIH:
		return g.isisTypes(isisL1IIH, isisL2IIH, isisPTPIIH)
	case pISISLSP:
		return g.isisTypes(isisL1LSP, isisL2LSP)
	case pISISSNP:
		return g.isisTypes(isisL1CSNP, isisL2CSNP, isisL1PSNP, isisL2PSNP)
	case pISISCSNP:
		return g.isisTypes(isisL1CSNP, isisL2CSNP)
	case pISISPSNP:
		return g.isisTypes(isisL1PSNP, isisL2PSNP)
	case pLink:
		g.failHint(BadUse, "the link layer's name alone selects nothing", "ether host ADDRESS")
	case pRADIO:
		g.fail(BadUse, "\"radio\" is no protocol; it only goes with an index, as in radio[0]")
	}
	return g.linkProto(linkNumber[p])
}

// linkNumber is the Ethernet type or SAP of the protocols that the link layer tells.
var linkNumber = map[proto]uint32{
	pIP: etherIP, pARP: etherARP, pRARP: etherRARP, pATALK: etherATALK, pAARP: etherAARP, pDECNET: etherDECnet,
	pSCA: etherSCA, pLAT: etherLAT, pMOPDL: etherMOPDL, pMOPRC: etherMOPRC, pIPv6: etherIPv6, pISO: sapISO,
	pSTP: sapSTP, pIPX: sapIPX, pNETBEUI: sapNetBEUI,
}

// eitherIP is protocol n over IPv4 or IPv6.
func (g *gen) eitherIP(n uint32) cond {
	v4 := g.ipProto(n)
	return g.or(v4, g.ip6Proto(n))
}

// ipProto is protocol n over IPv4.
func (g *gen) ipProto(n uint32) cond {
	return g.and(g.linkProto(etherIP), g.eq(relNet, 9, 1, n))
}

// ip6Proto is protocol n right after the IPv6 header, or after a fragment header.
func (g *gen) ip6Proto(n uint32) cond {
	l := g.linkProto(etherIPv6)
	frag := g.and(g.eq(relNet, 6, 1, ipFragment), g.eq(relNet, 40, 1, n))
	return g.and(l, g.or(g.eq(relNet, 6, 1, n), frag))
}

// isoProto is an OSI protocol.
func (g *gen) isoProto(n uint32) cond {
	switch g.family {
	case famFrameRelay:
		return g.eq(relLink, 2, 2, 0x300|n)
	case famCHDLC:
		// A byte of padding comes before the OSI packet.
		return g.and(g.linkProto(sapISO<<8|sapISO), g.eq(relNetLLC, 1, 1, n))
	}
	return g.and(g.linkProto(sapISO), g.eq(relNetLLC, 0, 1, n))
}

// isisProto is an IS-IS PDU type.
func (g *gen) isisProto(n uint32) cond {
	return g.and(g.isoProto(nlpidISIS), g.eq(relNetLLC, 4, 1, n))
}

// isisTypes is any of some IS-IS PDU types; the order of the tests is the language's.
func (g *gen) isisTypes(first, second uint32, more ...uint32) cond {
	c := g.or(g.isisProto(first), g.isisProto(second))
	for _, n := range more {
		c = g.or(g.isisProto(n), c)
	}
	return c
}

// protoID is "proto N" under a protocol qualifier.
func (g *gen) protoID(n uint32, q qual) cond {
	if q.dir != dDefault {
		g.fail(BadUse, "a protocol has no direction")
	}
	switch q.proto {
	case pDefault:
		return g.eitherIP(n)
	case pLink:
		return g.linkProto(n)
	case pIP:
		return g.ipProto(n)
	case pIPv6:
		return g.ip6Proto(n)
	case pISO:
		return g.isoProto(n)
	case pISIS:
		return g.isisProto(n)
	}
	g.fail(BadUse, fmt.Sprintf("%s does not say which protocol it carries, so %q is meaningless", q.proto, q.proto.String()+" proto"))
	return 0
}
