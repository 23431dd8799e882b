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

// otherPorts are UDP ports below the tunnels' that belong to other protocols, sorted.
var otherPorts = [...]uint16{
	7, 13, 19, 37, 49, 53, 67, 68, 69, 88, 111, 123, 137, 138, 161, 162, 173, 177, 213, 269, 319, 320, 389, 427,
	434, 464, 473, 496, 500, 502, 513, 514, 520, 521, 524, 525, 539, 546, 547, 573, 623, 631, 646, 654, 664, 698,
	699, 701, 750, 853, 854, 910, 921, 925, 1001, 1044, 1052, 1069, 1089, 1090, 1091, 1101, 1113, 1153, 1194,
	1293, 1547, 1628, 1629, 1645, 1646, 1700, 1718, 1719, 1745, 1755, 1812, 1813, 1900, 1985, 2029, 2048, 2055,
	2067, 2099, 2157, 2190, 2221, 2222, 2231, 2246, 2268, 2269, 2313, 2345, 2424, 2427, 2428, 2727, 2887, 2944,
	2945, 2948, 2949, 2960, 3000, 3121, 3130, 3205, 3222, 3250, 3333, 3343, 3357, 3386, 3389, 3452, 3455, 3478,
	3483, 3503, 3540, 3567, 3622, 3671, 3784, 3785, 3792, 3799, 3804, 3819, 3863, 3956, 4000, 4011, 4058, 4305,
	4306, 4307, 4342, 4533, 4534, 4551, 4555, 4556, 4569, 4665, 4672, 4713, 4729, 4739, 4784, 4791, 4991, 5000,
	5001, 5031, 5050, 5060, 5094, 5246, 5264, 5265, 5350, 5351, 5353, 5355, 5404, 5405, 5436, 5555, 5567, 5678,
	5683, 5684, 5868, 6060, 6073, 6084, 6087, 6118, 6160, 6343, 6543, 6666, 6696, 6784, 6970, 7000, 7001, 7002,
	7003, 7004, 7005, 7006, 7007, 7008, 7009, 7010, 7021, 7074, 7075, 7255, 7275, 7784, 8000, 8116, 8161, 8200,
	8211, 8600, 8611, 8612, 8613, 8614, 8755, 8767, 8805, 8848, 9003, 9200, 9201, 9202, 9203, 9214, 9600, 9875,
	9877, 9901, 9955, 9956, 9996, 9999, 10253, 10500, 11211, 11273, 11898, 12000, 12001, 12002, 12003, 12004,
	12220, 12222, 12223, 13400, 13819, 13907, 13910, 17220, 17500, 17754, 17755, 17756, 18246, 19132, 19788,
	19948, 19999, 20000, 20561, 22222, 23272, 24576, 24577, 25826, 26000, 27036, 27500, 27910, 27950, 27951,
	27952, 27953, 27960, 27961, 27962, 27963, 30030, 32000, 32512, 34962, 34980,
}
