package history

import (
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// How the fields stand in the columns. A condition is never evaluated anew here: it is
// asked, by [query.Filter.MatchSummary], of each distinct value once.
type leafKind uint8

const (
	addressLeaf leafKind = iota
	portLeaf
	tcpLeaf  // a number of the TCP header
	wideLeaf // a number that every row has
	ipLeaf   // ip or ipv6 is there
	protocolLeaf
	directionLeaf
)

type fieldColumns struct {
	kind    leafKind
	version uint8 // of addresses
	proto   uint8 // of ports and protocols
	cols    []index.Column
	inner   []index.Column // the same of the innermost IP header
}

var (
	srcs, dsts           = []index.Column{index.Src}, []index.Column{index.Dst}
	both                 = []index.Column{index.Src, index.Dst}
	innerSrcs, innerDsts = []index.Column{index.InnerSrc}, []index.Column{index.InnerDst}
	innerBoth            = []index.Column{index.InnerSrc, index.InnerDst}
	sports, dports       = []index.Column{index.SrcPort}, []index.Column{index.DstPort}
	ports                = []index.Column{index.SrcPort, index.DstPort}
	innerSports          = []index.Column{index.InnerSrcPort}
	innerDports          = []index.Column{index.InnerDstPort}
	innerPorts           = []index.Column{index.InnerSrcPort, index.InnerDstPort}
)

var fieldsInColumns = func() map[string]fieldColumns {
	m := map[string]fieldColumns{
		"frame.len":        {kind: wideLeaf, cols: []index.Column{index.WireLen}},
		"frame.cap_len":    {kind: wideLeaf, cols: []index.Column{index.CapLen}},
		"frame.number":     {kind: wideLeaf, cols: []index.Column{index.Number}},
		"frame.time":       {kind: wideLeaf, cols: []index.Column{index.Time}},
		"frame.time_epoch": {kind: wideLeaf, cols: []index.Column{index.Time}},
		"ip":               {kind: ipLeaf, version: 4}, "ipv6": {kind: ipLeaf, version: 6},
		"tcp":                   {kind: protocolLeaf, proto: packet.ProtoTCP},
		"udp":                   {kind: protocolLeaf, proto: packet.ProtoUDP},
		"direction":             {kind: directionLeaf},
		"tcp.seq_raw":           {kind: tcpLeaf, cols: []index.Column{index.TCPSeq}},
		"tcp.ack_raw":           {kind: tcpLeaf, cols: []index.Column{index.TCPAck}},
		"tcp.window_size_value": {kind: tcpLeaf, cols: []index.Column{index.TCPWindow}},
		"tcp.len":               {kind: tcpLeaf, cols: []index.Column{index.PayloadLen}},
	}
	for _, flag := range []string{"", ".fin", ".syn", ".reset", ".push", ".ack", ".urg", ".ece", ".cwr", ".ae"} {
		m["tcp.flags"+flag] = fieldColumns{kind: tcpLeaf, cols: []index.Column{index.TCPFlags}}
	}
	for name, version := range map[string]uint8{"ip": 4, "ipv6": 6} {
		m[name+".src"] = fieldColumns{addressLeaf, version, 0, srcs, innerSrcs}
		m[name+".dst"] = fieldColumns{addressLeaf, version, 0, dsts, innerDsts}
		m[name+".addr"] = fieldColumns{addressLeaf, version, 0, both, innerBoth}
	}
	for name, proto := range map[string]uint8{"tcp": packet.ProtoTCP, "udp": packet.ProtoUDP} {
		m[name+".srcport"] = fieldColumns{portLeaf, 0, proto, sports, innerSports}
		m[name+".dstport"] = fieldColumns{portLeaf, 0, proto, dports, innerDports}
		m[name+".port"] = fieldColumns{portLeaf, 0, proto, ports, innerPorts}
	}
	return m
}()
