package filter

// tok is the kind of a token.
type tok uint8

const (
	tkEnd   tok = iota
	tkBad       // no token of the language; token.msg says why
	tkNum       // a number, token.num
	tkID        // a name
	tkIPv4      // two to four numbers with dots
	tkIPv6      // an IPv6 address
	tkMAC       // a 48-bit address
	tkArc       // $xx, an ARCnet address
	tkProto     // a protocol or layer name, token.proto
	tkOp        // one of the characters + - * / % : [ ] ! < > ( ) & | ^ =, token.num
	tkGE
	tkLE
	tkNE
	tkShl
	tkShr
	tkAnd
	tkOr
	tkSrc
	tkDst
	tkAddr // addr1 … addr4, ra, ta: token.num is the direction
	tkHost
	tkNet
	tkMask
	tkPort
	tkPortRange
	tkProtoWord // "proto"
	tkProtoChain
	tkGateway
	tkType
	tkSubtype
	tkDir
	tkLess
	tkGreater
	tkByte
	tkBroadcast
	tkMulticast
	tkLen
	tkInbound
	tkOutbound
	tkIfindex
	tkVlan
	tkMpls
	tkPppoed
	tkPppoes
	tkGeneve
	tkVxlan
	tkLLC
	tkIfname
	tkRnr // a word of pf(4) that is an LLC type, too
	tkForeign
)

// token is one word of an expression.
type token struct {
	kind     tok
	pos, end int    // bytes in the expression
	num      uint32 // value of a number, an operator or a direction
	proto    proto  // for tkProto
	text     string // the word, without the escaping backslash
	msg      string // for tkBad
}

// proto is a protocol qualifier; each is one word of the language.
type proto uint8

const (
	pDefault proto = iota
	pLink
	pIP
	pARP
	pRARP
	pSCTP
	pTCP
	pUDP
	pICMP
	pIGMP
	pIGRP
	pATALK
	pDECNET
	pLAT
	pSCA
	pMOPRC
	pMOPDL
	pIPv6
	pICMPv6
	pAH
	pESP
	pPIM
	pVRRP
	pAARP
	pISO
	pESIS
	pISIS
	pCLNP
	pSTP
	pIPX
	pNETBEUI
	pISISL1
	pISISL2
	pISISIIH
	pISISSNP
	pISISCSNP
	pISISPSNP
	pISISLSP
	pRADIO
	pCARP
)

// protoWords names every proto; the first word of a kind is the one printed.
var protoWords = [...]string{
	pDefault: "", pLink: "ether", pIP: "ip", pARP: "arp", pRARP: "rarp", pSCTP: "sctp", pTCP: "tcp", pUDP: "udp",
	pICMP: "icmp", pIGMP: "igmp", pIGRP: "igrp", pATALK: "atalk", pDECNET: "decnet", pLAT: "lat", pSCA: "sca",
	pMOPRC: "moprc", pMOPDL: "mopdl", pIPv6: "ip6", pICMPv6: "icmp6", pAH: "ah", pESP: "esp", pPIM: "pim",
	pVRRP: "vrrp", pAARP: "aarp", pISO: "iso", pESIS: "esis", pISIS: "isis", pCLNP: "clnp", pSTP: "stp",
	pIPX: "ipx", pNETBEUI: "netbeui", pISISL1: "l1", pISISL2: "l2", pISISIIH: "iih", pISISSNP: "snp",
	pISISCSNP: "csnp", pISISPSNP: "psnp", pISISLSP: "lsp", pRADIO: "radio", pCARP: "carp",
}

func (p proto) String() string { return protoWords[p] }

// dir is a direction qualifier.
type dir uint8

const (
	dDefault dir = iota
	dSrc
	dDst
	dOr
	dAnd
	dAddr1
	dAddr2
	dAddr3
	dAddr4
	dRA
	dTA
)

var dirWords = [...]string{"", "src", "dst", "src or dst", "src and dst", "addr1", "addr2", "addr3", "addr4", "ra", "ta"}

func (d dir) String() string { return dirWords[d] }

// kind is a type qualifier.
type kind uint8

const (
	kDefault kind = iota
	kHost
	kNet
	kPort
	kPortRange
	kGateway
	kProto
	kProtoChain
	kUndef // no qualifier was given and none can be inherited
)

var kindWords = [...]string{"host", "host", "net", "port", "portrange", "gateway", "proto", "protochain", ""}

func (k kind) String() string { return kindWords[k] }

// qual is a full set of qualifiers.
type qual struct {
	proto proto
	dir   dir
	kind  kind
}

var noQual = qual{kind: kUndef}
