package app

import "bytes"

// The functions of this file say whether a message is one of a game, or of the programs around
// games, under the rule of signaturestcp.go.

// connectionless begins what Quake's descendants, Source and Steam among them, say outside of a
// connection.
const connectionless = "\xff\xff\xff\xff"

// detectConnectionless tells what begins so.
func detectConnectionless(b []byte) Protocol {
	rest := b[len(connectionless):]
	switch {
	case hasPrefix(rest, "\x21\x4c\x5f\xa0"): // in-home streaming looks for its like
		return SteamDiscovery
	case isA2S(rest):
		return A2S
	}
	for _, s := range [...]string{"getstatus", "getinfo", "getchallenge", "getservers", "statusResponse\n", "infoResponse\n", "challengeResponse ", "getserversResponse"} {
		if hasPrefix(rest, s) {
			return Quake3
		}
	}
	return Unknown
}

// isA2S: a question or an answer of the server queries of Source: information (with its words, or
// with the protocol's version 17 and four texts), players and rules as they are first asked for,
// without a challenge. Valve developer documentation, "Server queries".
func isA2S(b []byte) bool {
	switch {
	case len(b) == 5 && (b[0] == 'U' || b[0] == 'V'):
		return hasPrefix(b[1:], connectionless)
	case len(b) < 20 || b[0] != 'I' || b[1] != 17:
		return hasPrefix(b, "TSource Engine Query\x00")
	}
	ends := 0
	for _, c := range b[2:] {
		switch {
		case c == 0:
			ends++
		case c < ' ' && ends > 0: // the server's name may hold colours; map, folder and game do not
			return false
		}
		if ends == 4 {
			return true
		}
	}
	return false
}

// isMinecraft: a handshake: a version, the name of the server with its length, a port, what is
// wanted next; all of it as long as the packet says. Minecraft protocol documentation,
// "Handshake".
func isMinecraft(b []byte) bool {
	size := int(b[0])
	if size < 8 || size > 127 || len(b) < 1+size || b[1] != 0 {
		return false
	}
	version, rest, ok := mqttLength(b[2 : 1+size]) // the same way to write numbers
	if !ok || len(rest) < 5 || version == 0 {
		return false
	}
	n := int(rest[0])
	if len(rest) != 1+n+2+1 || n < 2 || be16(rest[1+n:]) == 0 || rest[n+3] < 1 || rest[n+3] > 3 {
		return false
	}
	name, _, _ := bytes.Cut(rest[1:1+n], []byte("\x00FML")) // what loaders of modifications put behind it
	for _, c := range name {
		if c|0x20 < 'a' || c|0x20 > 'z' {
			if (c < '-' || c > ':') && c != '_' || c == '/' {
				return false
			}
		}
	}
	return len(name) >= 3
}

// The opcodes of a client's first message, and of the server's answer, in the upper
// five bits. OpenVPN's documentation, "OpenVPN wire protocol".
const (
	portOpenVPN    = 1194
	openVPNClient  = 7 << 3
	openVPNServer  = 8 << 3
	openVPNClient3 = 10 << 3
)

// isOpenVPN: the first message of a client or of a server, key 0: a session, nothing or, from a
// server, one thing acknowledged, and packet number 0, where these stand without authentication, or
// behind digests of SHA-1, SHA-256 and SHA-512 with packet number 1, or encrypted behind that number
// and a time. A client's without any of it has little to be known by and counts on OpenVPN's port.
func isOpenVPN(b []byte, onPort bool) bool {
	n := len(b)
	if n < 14 || be32(b[1:]) == 0 {
		return false
	}
	if b[0] == openVPNServer {
		return n == 26 && b[9] == 1 && be32(b[10:]) == 0 && be32(b[14:]) != 0 && be32(b[22:]) == 0
	}
	switch {
	case b[0] == openVPNClient3:
		return n > 200 && be32(b[9:]) == 0x0f000001 && plausibleTime(be32(b[13:]))
	case b[0] != openVPNClient:
		return false
	case n == 14:
		return onPort && b[9] == 0 && be32(b[10:]) == 0
	case n == 54 && be32(b[9:]) == 1 && plausibleTime(be32(b[13:])):
		return true
	case n == 42 || n == 54 || n == 86:
		tail := b[n-13:]
		return be32(tail) == 1 && plausibleTime(be32(tail[4:])) && tail[8] == 0 && be32(tail[9:]) == 0
	default:
		return false
	}
}

// plausibleTime says that a number of seconds since 1970 lies between 2005 and 2100.
func plausibleTime(seconds uint32) bool { return seconds > 1100000000 && seconds < 4102444800 }
