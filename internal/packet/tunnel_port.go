package packet

import "slices"

// UDP ports that lead into a tunnel (IANA service names).
const (
	portL2TP     = 1701
	portGTPC     = 2123
	portGTPU     = 2152
	portTeredo   = 3544
	portLISP     = 4341
	portESP      = 4500
	portGRE      = 4754
	portVXLAN    = 4789
	portVXLANGPE = 4790
	portAYIYA    = 5072
	portCAPWAP   = 5247
	portGeneve   = 6081
	portMPLS     = 6635
	portSCTP     = 9899
	portTZSP     = 37008
)

// tunnelStep returns the tunnel of a UDP port, or stepEnd.
func tunnelStep(port uint16) step {
	switch port {
	case portGTPU, portGTPC:
		return stepGTP
	case portVXLAN:
		return stepVXLAN
	case portTeredo:
		return stepTeredo
	case portGeneve:
		return stepGeneve
	case portVXLANGPE:
		return stepVXLANGPE
	case portL2TP:
		return stepL2TP
	case portMPLS:
		return stepMPLS
	case portGRE:
		return stepGRE
	case portLISP:
		return stepLISP
	case portAYIYA:
		return stepAYIYA
	case portESP:
		return stepUDPESP
	case portTZSP:
		return stepTZSP
	case portSCTP:
		return stepSCTP
	case portCAPWAP:
		return stepCAPWAP
	default:
		return stepEnd
	}
}

// udpTunnel returns the tunnel that a pair of ports leads into. The smaller port decides
// when it is known to belong to some protocol, else the larger one.
func udpTunnel(a, b uint16) step {
	low, high := min(a, b), max(a, b)
	if s := tunnelStep(low); s != stepEnd {
		return s
	}
	s := tunnelStep(high)
	if s == stepEnd {
		return stepEnd
	}
	if _, taken := slices.BinarySearch(otherPorts[:], low); taken {
		return stepEnd
	}
	return s
}

// otherPorts are UDP ports below the tunnels' that belong to other protocols whose messages
// cannot be told from a tunnel's, sorted. (Where they can, as with RADIUS or SIP, a tunnel's
// packet from such a port is one: hosts take the source port from a hash of the inner packet.)
var otherPorts = [...]uint16{
	7, 13, 19, 37, 49, 53, 67, 68, 69, 111, 123, 137, 138, 173, 213, 269, 319, 320, 389, 427, 434, 464, 496, 500,
	502, 513, 514, 520, 521, 524, 525, 546, 547, 631, 664, 698, 701, 853, 854, 910, 921, 925, 1001, 1113, 1153,
	1194, 1293, 1628, 1629, 1718, 1719, 1745, 1755, 1900, 2099, 2157, 2221, 2222, 2246, 2268, 2269, 2313, 2345,
	2428, 2887, 2944, 2945, 2948, 2949, 3000, 3130, 3250, 3343, 3357, 3386, 3389, 3452, 3455, 3567, 3671, 3784,
	3785, 3804, 3863, 4305, 4306, 4307, 4342, 4551, 4555, 4569, 4729, 4784, 4791, 4991, 5031, 5246, 5350, 5351,
	5353, 5355, 5404, 5405, 5436, 5567, 5683, 5684, 5868, 6073, 6118, 6160, 6784, 6970, 7074, 7075, 7255, 7275,
	7784, 8200, 8600, 8755, 8767, 8805, 8848, 9200, 9201, 9202, 9203, 9214, 9600, 9875, 9877, 9901, 9956, 10253,
	11211, 11273, 12000, 12001, 12002, 12003, 12004, 12220, 12222, 12223, 13400, 17220, 17500, 17755, 17756, 19132,
	19948, 19999, 23272, 24576, 24577, 25826, 26000, 27500, 27910, 27950, 27951, 27952, 27953, 27960, 27961, 27962,
	27963, 32000, 32512, 34962, 34980,
}
