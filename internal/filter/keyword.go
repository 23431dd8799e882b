package filter

import "slices"

// word is what a keyword stands for.
type word struct {
	kind  tok
	num   uint32
	proto proto
}

// keywords are the reserved words. A host or service of such a name is written with a backslash: host \ip.
var keywords = buildKeywords()

// keywordList has the reserved words a user is likely to have meant, for suggestions.
var keywordList []string

func buildKeywords() map[string]word {
	m := map[string]word{
		"dst": {kind: tkDst}, "src": {kind: tkSrc},
		"host": {kind: tkHost}, "net": {kind: tkNet}, "mask": {kind: tkMask}, "port": {kind: tkPort},
		"portrange": {kind: tkPortRange}, "proto": {kind: tkProtoWord}, "protochain": {kind: tkProtoChain},
		"gateway": {kind: tkGateway}, "type": {kind: tkType}, "subtype": {kind: tkSubtype},
		"direction": {kind: tkDir}, "dir": {kind: tkDir},
		"address1": {kind: tkAddr, num: uint32(dAddr1)}, "addr1": {kind: tkAddr, num: uint32(dAddr1)},
		"address2": {kind: tkAddr, num: uint32(dAddr2)}, "addr2": {kind: tkAddr, num: uint32(dAddr2)},
		"address3": {kind: tkAddr, num: uint32(dAddr3)}, "addr3": {kind: tkAddr, num: uint32(dAddr3)},
		"address4": {kind: tkAddr, num: uint32(dAddr4)}, "addr4": {kind: tkAddr, num: uint32(dAddr4)},
		"ra": {kind: tkAddr, num: uint32(dRA)}, "ta": {kind: tkAddr, num: uint32(dTA)},
		"less": {kind: tkLess}, "greater": {kind: tkGreater}, "byte": {kind: tkByte},
		"broadcast": {kind: tkBroadcast}, "multicast": {kind: tkMulticast},
		"and": {kind: tkAnd}, "or": {kind: tkOr}, "not": {kind: tkOp, num: '!'},
		"len": {kind: tkLen}, "length": {kind: tkLen},
		"inbound": {kind: tkInbound}, "outbound": {kind: tkOutbound}, "ifindex": {kind: tkIfindex},
		"vlan": {kind: tkVlan}, "mpls": {kind: tkMpls}, "pppoed": {kind: tkPppoed}, "pppoes": {kind: tkPppoes},
		"geneve": {kind: tkGeneve}, "vxlan": {kind: tkVxlan}, "llc": {kind: tkLLC},
		"on": {kind: tkIfname}, "ifname": {kind: tkIfname}, "rnr": {kind: tkRnr}, "rulenum": {kind: tkRnr},
	}
	for p := pIP; p <= pCARP; p++ {
		m[p.String()] = word{kind: tkProto, proto: p}
	}
	for _, s := range []string{"link", "ether", "ppp", "slip", "fddi", "tr", "wlan"} {
		m[s] = word{kind: tkProto, proto: pLink}
	}
	m["es-is"] = m["esis"]
	m["is-is"] = m["isis"]
	for w := range m {
		keywordList = append(keywordList, w)
	}
	slices.Sort(keywordList) // of equally near words, always the same one is suggested
	// Words of the language for link types and packet sources that this package does not read: reserved, so that
	// they are refused by name.
	for _, s := range []string{"lane", "metac", "bcc", "oam", "oamf4", "oamf4ec", "oamf4sc", "sc", "ilmic", "vpi",
		"vci", "connectmsg", "metaconnect", "rset", "ruleset", "srnr", "subrulenum", "reason", "action", "fisu",
		"lssu", "lsu", "msu", "hfisu", "hlssu", "hmsu", "sio", "opc", "dpc", "sls", "hsio", "hopc", "hdpc", "hsls"} {
		m[s] = word{kind: tkForeign}
	}
	for s, v := range numberWords {
		m[s] = word{kind: tkNum, num: v}
	}
	return m
}

// numberWords are offsets and values with a name: RFC 792, 4443 and 9293.
var numberWords = map[string]uint32{
	"icmptype": 0, "icmpcode": 1,
	"icmp-echoreply": 0, "icmp-unreach": 3, "icmp-sourcequench": 4, "icmp-redirect": 5, "icmp-echo": 8,
	"icmp-routeradvert": 9, "icmp-routersolicit": 10, "icmp-timxceed": 11, "icmp-paramprob": 12, "icmp-tstamp": 13,
	"icmp-tstampreply": 14, "icmp-ireq": 15, "icmp-ireqreply": 16, "icmp-maskreq": 17, "icmp-maskreply": 18,
	"icmp6type": 0, "icmp6code": 1,
	"icmp6-destinationunreach": 1, "icmp6-packettoobig": 2, "icmp6-timeexceeded": 3, "icmp6-parameterproblem": 4,
	"icmp6-echo": 128, "icmp6-echoreply": 129, "icmp6-multicastlistenerquery": 130,
	"icmp6-multicastlistenerreportv1": 131, "icmp6-multicastlistenerdone": 132, "icmp6-routersolicit": 133,
	"icmp6-routeradvert": 134, "icmp6-neighborsolicit": 135, "icmp6-neighboradvert": 136, "icmp6-redirect": 137,
	"icmp6-routerrenum": 138, "icmp6-nodeinformationquery": 139, "icmp6-nodeinformationresponse": 140,
	"icmp6-ineighbordiscoverysolicit": 141, "icmp6-ineighbordiscoveryadvert": 142,
	"icmp6-multicastlistenerreportv2": 143, "icmp6-homeagentdiscoveryrequest": 144,
	"icmp6-homeagentdiscoveryreply": 145, "icmp6-mobileprefixsolicit": 146, "icmp6-mobileprefixadvert": 147,
	"icmp6-certpathsolicit": 148, "icmp6-certpathadvert": 149, "icmp6-multicastrouteradvert": 151,
	"icmp6-multicastroutersolicit": 152, "icmp6-multicastrouterterm": 153,
	"tcpflags": 13, "tcp-fin": 1, "tcp-syn": 2, "tcp-rst": 4, "tcp-push": 8, "tcp-ack": 16, "tcp-urg": 32,
	"tcp-ece": 64, "tcp-cwr": 128,
}
