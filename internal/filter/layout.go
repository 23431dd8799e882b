package filter

// offset is a place in the packet: a constant, plus a variable when v is not noVar.
type offset struct {
	v int8
	k uint32
}

// noVar says that an offset is constant.
const noVar int8 = -1

// unset is the constant of an offset that the link type does not have.
const unset = 0xffffffff

// family is how a link type tells what its frames carry.
type family uint8

const (
	famNone      family = iota // nothing known: link[…] and len only
	famEtherType               // an Ethernet type at offLinkType
	famEther                   // Ethernet type or length
	famNull                    // AF_ value in the byte order of the writer
	famLoop                    // AF_ value in network byte order
	famRaw                     // an IP header of either version
	famIPv4
	famIPv6
	famSLL
	famPPP
	famPPPBSD
	famCHDLC
	fam80211
	famLLC // an LLC header without a check
	famArcnet
	famLTalk
	famFrameRelay
	famIPNet
)

// linkLayout is what the generator knows of a link type, offsets in bytes.
type linkLayout struct {
	name     string // tcpdump's name for -y
	desc     string
	family   family
	linkType uint32 // of the field that tells the payload's type
	payload  uint32
	net      uint32 // of the network header, from the payload
	netLLC   uint32 // the same when there is no SNAP header
	mac      uint32 // of the MAC header, from the beginning
}

// LINKTYPE_ values with code of their own.
const (
	linkNull          = 0
	linkEther         = 1
	linkTokenRing     = 6
	linkArcnet        = 7
	linkSLIP          = 8
	linkPPP           = 9
	linkFDDI          = 10
	linkATM1483       = 100
	linkRaw           = 101
	linkSLIPBSD       = 102
	linkCHDLC         = 104
	link80211         = 105
	linkLoop          = 108
	linkEnc           = 109
	linkSLL           = 113
	linkPrism         = 119
	linkIPFC          = 122
	linkRadiotap      = 127
	linkArcnetLinux   = 129
	linkAVS           = 163
	linkPPPD          = 166
	linkPPI           = 192
	linkIPNet         = 226
	linkIPv4          = 228
	linkIPv6          = 229
	linkNetAnalyzer   = 240
	linkNetAnalyzerTr = 241
	linkSLL2          = 276
)

// layouts are the link types that filters understand beyond link[…]. tcpdump.org/linktypes.html has their formats.
var layouts = map[int]linkLayout{
	linkNull:          {"NULL", "BSD loopback", famNull, 0, 4, 0, 0, 0},
	linkEther:         {"EN10MB", "Ethernet", famEther, 12, 14, 0, 3, 0},
	linkTokenRing:     {"IEEE802", "Token ring", famLLC, 14, 14, 8, 3, 0},
	linkArcnet:        {"ARCNET", "BSD ARCNET", famArcnet, 2, 6, 0, 0, 0},
	linkSLIP:          {"SLIP", "SLIP", famRaw, unset, 16, 0, 0, 0},
	linkPPP:           {"PPP", "PPP", famPPP, 2, 4, 0, 0, 0},
	linkFDDI:          {"FDDI", "FDDI", famLLC, 13, 13, 8, 3, 0},
	50:                {"PPP_SERIAL", "PPP over serial", famPPP, 2, 4, 0, 0, 0},
	51:                {"PPP_ETHER", "PPPoE", famPPP, 6, 8, 0, 0, 0},
	99:                {"SYMANTEC_FIREWALL", "Symantec Firewall", famEtherType, 6, 44, 0, 0, 0},
	linkATM1483:       {"ATM_RFC1483", "RFC1483 LLC-encapsulated ATM", famLLC, 0, 0, 8, 3, 0},
	linkRaw:           {"RAW", "Raw IP", famRaw, unset, 0, 0, 0, 0},
	linkSLIPBSD:       {"SLIP_BSDOS", "BSD/OS SLIP", famRaw, unset, 24, 0, 0, 0},
	103:               {"PPP_BSDOS", "BSD/OS PPP", famPPPBSD, 5, 24, 0, 0, 0},
	linkCHDLC:         {"C_HDLC", "Cisco HDLC", famCHDLC, 2, 4, 0, 0, 0},
	link80211:         {"IEEE802_11", "802.11", fam80211, 24, 0, 8, 3, 0},
	106:               {"ATM_CLIP", "Linux Classical IP over ATM", famLLC, 0, 0, 8, 3, 0},
	107:               {"FRELAY", "Frame Relay", famFrameRelay, unset, 0, 0, 0, 0},
	linkLoop:          {"LOOP", "OpenBSD loopback", famLoop, 0, 4, 0, 0, 0},
	linkEnc:           {"ENC", "OpenBSD encapsulated IP", famNull, 0, 12, 0, 0, 0},
	linkSLL:           {"LINUX_SLL", "Linux cooked v1", famSLL, 14, 16, 0, 0, 0},
	114:               {"LTALK", "Localtalk", famLTalk, unset, 0, 0, 0, 0},
	linkPrism:         {"PRISM_HEADER", "802.11 plus Prism header", fam80211, 24, 0, 8, 3, 0},
	linkIPFC:          {"IP_OVER_FC", "RFC 2625 IP-over-Fibre Channel", famLLC, 16, 16, 8, 3, 0},
	linkRadiotap:      {"IEEE802_11_RADIO", "802.11 plus radiotap header", fam80211, 24, 0, 8, 3, 0},
	linkArcnetLinux:   {"ARCNET_LINUX", "Linux ARCNET", famArcnet, 4, 8, 0, 0, 0},
	138:               {"APPLE_IP_OVER_IEEE1394", "Apple IP-over-IEEE 1394", famEtherType, 16, 18, 0, 0, 0},
	linkAVS:           {"IEEE802_11_RADIO_AVS", "802.11 plus AVS radio information header", fam80211, 24, 0, 8, 3, 0},
	linkPPPD:          {"PPP_PPPD", "PPP for pppd, with direction flag", famPPP, 2, 4, 0, 0, 0},
	linkPPI:           {"PPI", "Per-Packet Information", fam80211, 24, 0, 8, 3, 0},
	linkIPNet:         {"IPNET", "Solaris IPNET", famIPNet, 1, 24, 0, unset, 0},
	linkIPv4:          {"IPV4", "Raw IPv4", famIPv4, unset, 0, 0, 0, 0},
	linkIPv6:          {"IPV6", "Raw IPv6", famIPv6, unset, 0, 0, 0, 0},
	linkNetAnalyzer:   {"NETANALYZER", "Ethernet with Hilscher netANALYZER pseudo-header", famEther, 16, 18, 0, 3, 4},
	linkNetAnalyzerTr: {"NETANALYZER_TRANSPARENT", "Ethernet with Hilscher netANALYZER pseudo-header and with preamble and SFD", famEther, 24, 26, 0, 3, 12},
	linkSLL2:          {"LINUX_SLL2", "Linux cooked v2", famEtherType, 0, 20, 0, 0, 0},
}

// LinkTypeName is tcpdump's name of a LINKTYPE_ value ("EN10MB"), "" for one that filters know nothing about.
func LinkTypeName(linkType int) string { return layouts[canonicalLink(linkType)].name }

// LinkTypeByName is the LINKTYPE_ value of a name as tcpdump's -y takes it, in upper or lower case, with or without
// "DLT_" before it.
func LinkTypeByName(name string) (int, bool) {
	n := upper(name)
	if len(n) > 4 && n[:4] == "DLT_" {
		n = n[4:]
	}
	for v, l := range layouts {
		if l.name == n {
			return v, true
		}
	}
	return 0, false
}

// upper is ASCII upper case.
func upper(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c-'a' < 26 {
			b[i] = c - 32
		}
	}
	return string(b)
}

// canonicalLink maps DLT_ values of Linux that programs use in place of the LINKTYPE_ value.
func canonicalLink(linkType int) int {
	switch linkType {
	case 12, 14:
		return linkRaw
	case 11:
		return linkATM1483
	case 19:
		return 106
	}
	return linkType
}
