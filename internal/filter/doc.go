// Package filter compiles tcpdump's filter language, pcap-filter(7), to classic BPF.
//
// It is the only compiler of capture filters in the project. The language and what each expression matches are
// libpcap 1.10.3's, packet for packet, also where that is surprising: "and" and "or" bind equally, "vlan" moves the
// offsets of everything to its right, "tcp port 80" finds no later fragments. What this package adds is in what it
// tells: errors with a position and a suggestion ([Error]), an explanation in words ([Explain]), hints about what an
// expression will not match.
//
// An expression goes through these steps, one file or family of files each:
//
//	lex      text → tokens
//	parse    tokens → syntax tree (the same tree serves Explain)
//	gen      tree → conditions, for one link type: which bytes decide
//	graph    conditions → decision graph; dead, repeated and reorderable tests
//	emit     graph → BPF instructions, registers, long jumps
//	vm       instructions over one packet, without allocation
//
// Sources: pcap-filter(7) of libpcap 1.10.3 for the language; the behaviour of tcpdump 4.99.3 as measured by the
// differential test in this folder; RFC 791, 793, 768, 8200, 8926 (Geneve), 7348 (VXLAN), 3032 (MPLS), 2516 (PPPoE),
// IEEE 802.1Q, 802.11 and radiotap.org for the formats; linux/filter.h for the kernel's machine.
package filter
