package flow

import "github.com/tarrafa/tarrafa/internal/packet"

// source is a host that opens connections, by protocol.
type source struct {
	since    int64
	answered uint64 // connections that came about
	refused  uint64 // attempts answered by RST
	ports    several
	hosts    several
	scanning bool // a finding says so
	clue     clue // its attempts
}

// source hashes a host with a protocol.
func (w *Watch) source(a *packet.Addr, proto uint8) uint64 {
	return w.mix.words(w.host(a), uint64(proto), 4)
}

// burst is how long a source's attempts wait for their answers before they are judged: a
// program that opens the connections of a session at once is not a scan.
const burst = 1e9 // ns

// peersMax times ScanTargets is more than any program tries peers in a window.
const peersMax = 100

// tried counts an attempt of a host: a SYN, the first datagram of a conversation, or a
// segment out of nowhere that only scans send.
func (w *Watch) tried(tuple *packet.Tuple, now int64, frame uint64) {
	owner := w.source(&tuple.Src, tuple.Proto)
	src, _ := w.sources.put(owner)
	window := int64(w.limits.ScanWindow)
	goesOn := src.scanning && now-src.clue.last <= window
	if src.since == 0 || now < src.since || now-src.since > window && !goesOn {
		*src = source{since: now}
	}
	owner ^= uint64(src.since)
	src.clue.seen(now, frame)
	a := src.ports.add(&w.values, owner, w.mix.words(uint64(tuple.DstPort), 0, 3))
	b := src.hosts.add(&w.values, owner, w.host(&tuple.Dst))
	if src.scanning || (a || b || src.clue.count&15 == 0) &&
		(now-src.since >= burst || src.clue.count >= 8*uint64(w.limits.ScanTargets)) {
		w.judge(src, *tuple)
	}
}

// refusal counts an attempt that was answered by RST. It reports whether its source is
// known to scan, so that the answer alone is nothing new.
func (w *Watch) refusal(tuple *packet.Tuple) bool {
	src := w.sources.get(w.source(&tuple.Src, protoTCP))
	if src == nil {
		return false
	}
	src.refused++
	if !src.scanning && src.refused >= uint64(w.limits.ScanTargets) && src.refused&7 == 0 &&
		float64(src.refused) >= (1-w.limits.ScanAnswered)*float64(src.clue.count) {
		w.judge(src, *tuple)
	}
	return src.scanning
}

// scans reports that a client is known to scan.
func (w *Watch) scans(tuple *packet.Tuple) bool {
	src := w.sources.get(w.source(&tuple.Src, protoTCP))
	return src != nil && src.scanning
}

// settled judges the source of an attempt whose flow has ended: what has not become a
// connection by now will not.
func (w *Watch) settled(tuple *packet.Tuple) {
	if src := w.sources.get(w.source(&tuple.Src, tuple.Proto)); src != nil && !src.scanning {
		w.judge(src, *tuple)
	}
}

// judge reports a source that asks for many ports or at many hosts and gets few answers.
// Who tries another port of another host each time looks for peers that somebody has told
// it of; a scan takes each host's ports, or each port's hosts.
func (w *Watch) judge(src *source, tuple packet.Tuple) {
	tries := int(src.clue.count)
	if tries < w.limits.ScanTargets || float64(src.answered) > w.limits.ScanAnswered*float64(tries) {
		src.scanning = false
		return
	}
	ports, hosts := min(src.ports.count(), tries, 1<<16), min(src.hosts.count(), tries)
	kind, many := FindPortScan, ports
	if hosts >= w.limits.ScanTargets && hosts > ports {
		kind, many = FindSweep, hosts
	}
	peers := many < 2*min(ports, hosts) && tries < 3*many && tries < peersMax*w.limits.ScanTargets
	if many < w.limits.ScanTargets || peers {
		return
	}
	src.scanning = true
	f, fresh := w.raise(kind, w.subject(kind, w.source(&tuple.Src, tuple.Proto), 0, 0), &src.clue)
	f.Tuple = sender(tuple)
	if kind == FindPortScan && hosts == 1 {
		f.Tuple.Dst = tuple.Dst
	}
	if kind == FindSweep && ports == 1 {
		f.Tuple.DstPort = tuple.DstPort
	}
	f.Numbers = [4]float64{float64(ports), float64(hosts), float64(src.answered)}
	f.Severity = max(f.Severity, grade(true, many >= 4*w.limits.ScanTargets))
	w.tell(f, fresh)
}

// Ports that traceroute sends datagrams to, one after the other and without an answer of
// their own.
const (
	tracerouteFirst = 33434
	tracerouteLast  = 33656
)

// datagram looks at what the two hosts of a UDP conversation send first.
func (w *Watch) datagram(s *sighting) {
	client := s.r.client()
	tuple := s.r.key.tuple(client)
	if toMany(&tuple) || tuple.DstPort >= tracerouteFirst && tuple.DstPort <= tracerouteLast {
		return
	}
	if s.side == client {
		w.tried(&tuple, s.row.Time, s.row.Number)
	} else if src := w.sources.get(w.source(&tuple.Src, protoUDP)); src != nil {
		src.answered++
	}
}

// toMany reports a multicast or broadcast destination.
func toMany(t *packet.Tuple) bool {
	if t.Version == 4 {
		return t.Dst[12]&0xf0 == 0xe0 || t.Dst[15] == 0xff
	}
	return t.Dst[0] == 0xff
}

// probe looks at an RST for a segment out of nowhere: no SYN was seen and nobody has sent
// anything but this one. It reports whether it was one.
func (w *Watch) probe(s *sighting, tuple *packet.Tuple) bool {
	const opened = 1<<didSyn | 1<<didSynAck
	r := s.r
	if !s.fromServer() || s.was(s.side) != stateInactive || r.seen&(opened|opened<<8) != 0 ||
		r.sum[0].payload+r.sum[1].payload != 0 || s.was(1-s.side) == stateInactive {
		return false
	}
	if s.row.TCPFlags&flagACK == 0 { // the segment had an acknowledgement (RFC 9293 3.5.2); others were counted as they came
		w.tried(tuple, s.row.Time, r.frame)
	}
	return true
}
