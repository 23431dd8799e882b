// Package trafficlog writes the traffic record: a JSON object a line for each TCP packet,
// field for field what the old watcher wrote, so that whoever reads its file notices
// nothing. It is a follower: when the disk is full its cursor stands still.
//
// A line has, in this order and in the form of Python's json.dumps:
//
//	timestamp              when it was captured: ISO 8601, microseconds, numeric offset of the zone
//	direction              ENVIADO (sent) or RECEBIDO (received)
//	src, dst               addresses of the outermost IP header
//	sport, dport           ports of the transport header above it
//	protocol               TCP, or UDP where asked for
//	flags                  the TCP flags as a number, NS to FIN (9 bits); 0 for UDP
//	len                    payload bytes that were captured
//	payload_hex            those bytes, lower case
//	payload_ascii_preview  the first 50 of them when every one is in Python's string.printable, else empty
//	payload_hash           their MD5 in hex, empty without payload
//
// and, unless switched off, our additions:
//
//	time_ns                nanoseconds since 1970-01-01 UTC
//	capture, number        name the packet for ever
//	wire_len               bytes on the wire
//	interface, vlan        null where there is none
//	seq, ack, window       of the TCP header; null for UDP
//
// The payload goes by the lengths of the IP header: the padding of short Ethernet frames
// is no part of it. A packet in a tunnel has no record, since the outermost header is not
// TCP. Of a fragmented packet the first fragment has one, with the payload that it holds
// itself.
package trafficlog
