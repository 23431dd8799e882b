package filter

// Ethernet types and LLC service access points that conditions ask for (IEEE 802 numbers, IANA).
const (
	etherIP     = 0x0800
	etherARP    = 0x0806
	etherRARP   = 0x8035
	etherIPv6   = 0x86dd
	etherATALK  = 0x809b
	etherAARP   = 0x80f3
	etherDECnet = 0x6003
	etherSCA    = 0x6007
	etherLAT    = 0x6004
	etherMOPDL  = 0x6001
	etherMOPRC  = 0x6002
	etherIPX    = 0x8137
	etherNS     = 0x0600
	etherVLAN   = 0x8100
	etherQinQ   = 0x88a8
	etherQinQ2  = 0x9100
	etherMPLS   = 0x8847
	etherPPPoED = 0x8863
	etherPPPoES = 0x8864
	etherTEB    = 0x6558

	sapIP      = 0x06
	sapSTP     = 0x42
	sapSNAP    = 0xaa
	sapIPX     = 0xe0
	sapNetBEUI = 0xf0
	sapISO     = 0xfe

	maxLength8023 = 1500 // above it an Ethernet type, up to it a length
)

// linkProto is true when the link layer says that it carries proto, an Ethernet type or (up to 1500) an LLC SAP.
func (g *gen) linkProto(proto uint32) cond {
	if g.labels > 0 {
		return g.mplsProto(proto)
	}
	switch g.family {
	case famEther:
		return g.etherProto(proto)
	case famCHDLC:
		if proto == sapISO {
			proto = sapISO<<8 | sapISO
		}
		return g.eq(relLinkType, 0, 2, proto)
	case fam80211:
		return g.and(g.dataFrame(), g.llcProto(proto))
	case famLLC:
		return g.llcProto(proto)
	case famSLL:
		return g.sllProto(proto)
	case famRaw:
		switch proto {
		case etherIP:
			return g.masked(relLink, 0, 1, 0x40, 0xf0)
		case etherIPv6:
			return g.masked(relLink, 0, 1, 0x60, 0xf0)
		}
		return g.never()
	case famIPv4, famIPv6:
		if g.family == famIPv4 && proto == etherIP || g.family == famIPv6 && proto == etherIPv6 {
			return g.always()
		}
		return g.never()
	case famPPP:
		return g.eq(relLinkType, 0, 2, pppProto(proto))
	case famPPPBSD:
		if proto == etherIP {
			// Also Van Jacobson's compressed and uncompressed forms (RFC 1332).
			c := g.or(g.eq(relLinkType, 0, 2, 0x21), g.eq(relLinkType, 0, 2, 0x2d))
			return g.or(c, g.eq(relLinkType, 0, 2, 0x2f))
		}
		return g.eq(relLinkType, 0, 2, pppProto(proto))
	case famNull, famLoop:
		return g.loopProto(proto)
	case famArcnet:
		return g.arcnetProto(proto)
	case famLTalk:
		if proto == etherATALK {
			return g.always()
		}
		return g.never()
	case famFrameRelay:
		return g.frameRelayProto(proto)
	case famIPNet:
		switch proto {
		case etherIP:
			return g.eq(relLinkType, 0, 1, 2)
		case etherIPv6:
			return g.eq(relLinkType, 0, 1, 26)
		}
		return g.never()
	case famEtherType:
		return g.eq(relLinkType, 0, 2, proto)
	}
	g.fail(WrongLink, g.linkDesc()+" has no field known here that tells what a frame carries; only link[…] and len work")
	return 0
}

// etherProto asks an Ethernet frame, which has either a type or a length followed by an LLC header.
func (g *gen) etherProto(proto uint32) cond {
	short := func() cond { return g.not(g.gt(relLinkType, 0, 2, maxLength8023)) }
	switch proto {
	case sapISO, sapIP, sapNetBEUI:
		return g.and(short(), g.eq(relPayload, 0, 2, proto<<8|proto))
	case sapIPX:
		// Four encapsulations: Ethernet II, 802.2, raw 802.3, SNAP.
		c := g.or(g.eq(relPayload, 0, 1, sapIPX), g.eq(relPayload, 0, 2, 0xffff))
		c = g.or(g.snap(0, etherIPX), c)
		c = g.and(short(), c)
		return g.or(g.eq(relLinkType, 0, 2, etherIPX), c)
	case etherATALK:
		return g.or(g.eq(relLinkType, 0, 2, proto), g.and(short(), g.snap(0x080007, proto)))
	case etherAARP:
		return g.or(g.eq(relLinkType, 0, 2, proto), g.and(short(), g.snap(0, proto)))
	}
	if proto <= maxLength8023 {
		return g.and(short(), g.eq(relLinkType, 2, 1, proto))
	}
	return g.eq(relLinkType, 0, 2, proto)
}

// sllProto asks a Linux cooked header, which marks LLC frames by the pseudo protocols 1 (802.3) and 4 (802.2).
func (g *gen) sllProto(proto uint32) cond {
	llc := func() cond { return g.eq(relLinkType, 0, 2, 4) }
	switch proto {
	case sapISO, sapIP, sapNetBEUI:
		return g.and(llc(), g.eq(relPayload, 0, 2, proto<<8|proto))
	case sapIPX:
		c := g.or(g.eq(relPayload, 0, 1, sapIPX), g.snap(0, etherIPX))
		c = g.and(llc(), c)
		c = g.or(g.eq(relLinkType, 0, 2, 1), c)
		return g.or(g.eq(relLinkType, 0, 2, etherIPX), c)
	case etherATALK:
		return g.or(g.eq(relLinkType, 0, 2, proto), g.and(llc(), g.snap(0x080007, proto)))
	case etherAARP:
		return g.or(g.eq(relLinkType, 0, 2, proto), g.and(llc(), g.snap(0, proto)))
	}
	if proto <= maxLength8023 {
		return g.and(llc(), g.eq(relLink, g.payload.k, 1, proto))
	}
	return g.eq(relLinkType, 0, 2, proto)
}

// llcProto asks an LLC header. For an Ethernet type only the SNAP header's type is compared.
func (g *gen) llcProto(proto uint32) cond {
	switch proto {
	case sapISO, sapIP, sapNetBEUI:
		return g.eq(relPayload, 0, 2, proto<<8|proto)
	case etherATALK:
		return g.snap(0x080007, proto)
	}
	if proto <= maxLength8023 {
		return g.eq(relPayload, 0, 1, proto)
	}
	return g.eq(relPayload, 6, 2, proto)
}

// snap compares a whole LLC and SNAP header.
func (g *gen) snap(oui, proto uint32) cond {
	return g.bytes(relPayload, 0, []byte{sapSNAP, sapSNAP, 3, byte(oui >> 16), byte(oui >> 8), byte(oui),
		byte(proto >> 8), byte(proto)})
}

// pppProto maps an Ethernet type or SAP to PPP's number for it (IANA PPP numbers).
func pppProto(proto uint32) uint32 {
	switch proto {
	case etherIP:
		return 0x21
	case etherIPv6:
		return 0x57
	case etherDECnet:
		return 0x27
	case etherATALK:
		return 0x29
	case etherNS:
		return 0x25
	case sapISO:
		return 0x23
	case sapSTP:
		return 0x31
	case sapIPX:
		return 0x2b
	}
	return proto
}

// loopProto asks the address family before a loopback packet. IPv6 has a different number on every system; a file may
// come from any of them.
func (g *gen) loopProto(proto uint32) cond {
	af := func(n uint32) cond {
		if g.family == famNull && !g.t.BigEndian {
			n = n>>24 | n>>8&0xff00 | n<<8&0xff0000 | n<<24
		}
		return g.eq(relLink, 0, 4, n)
	}
	switch {
	case proto == etherIP:
		return af(2)
	case proto == etherIPv6 && g.t.Live:
		return af(10)
	case proto == etherIPv6:
		c := g.or(af(24), af(28))
		return g.or(af(30), c)
	}
	return g.never()
}

// arcnetProto asks ARCnet's one-byte type (RFC 1201, and RFC 1051's old numbers).
func (g *gen) arcnetProto(proto uint32) cond {
	is := func(n uint32) cond { return g.eq(relLinkType, 0, 1, n) }
	switch proto {
	case etherIPv6:
		return is(0xc4)
	case etherIP:
		return g.or(is(0xd4), is(0xf0))
	case etherARP:
		return g.or(is(0xd5), is(0xf1))
	case etherRARP:
		return is(0xd6)
	case etherATALK:
		return is(0xdd)
	}
	return g.never()
}

// frameRelayProto asks the NLPID after a two-byte header (RFC 2427).
func (g *gen) frameRelayProto(proto uint32) cond {
	is := func(n uint32) cond { return g.eq(relLink, 2, 2, 0x300|n) }
	switch proto {
	case etherIP:
		return is(0xcc)
	case etherIPv6:
		return is(0x8e)
	case sapISO:
		c := g.or(is(nlpidESIS), is(nlpidISIS))
		return g.or(is(nlpidCLNP), c)
	}
	return g.never()
}

// mplsProto asks what follows the last MPLS label, which is told only by the version of an IP header (RFC 3032).
func (g *gen) mplsProto(proto uint32) cond {
	version := uint32(0x40)
	switch proto {
	case etherIP:
	case etherIPv6:
		version = 0x60
	default:
		g.fail(WrongLink, "only IPv4 and IPv6 can be told apart inside MPLS")
	}
	last := g.masked(relNet, 0xfffffffe, 1, 1, 1)
	return g.and(last, g.masked(relNet, 0, 1, version, 0xf0))
}
