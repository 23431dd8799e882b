package flow

import "github.com/tarrafa/tarrafa/internal/packet"

// repeat is something that happens again and again.
type repeat struct {
	rhythm rhythm
	clue   clue
	bytes  uint32
}

// shortestBeat is the interval from which on repeated payloads can be a heartbeat,
// seconds. Faster ones are part of a conversation.
const shortestBeat = 0.2

// repeated looks for the same small payload in one direction of a flow.
func (w *Watch) repeated(s *sighting) {
	hash := w.mix.bytes(s.payload)
	subject := w.subject(FindHeartbeat, s.r.id, uint64(s.side), hash>>8)
	p := w.payloads.get(subject)
	if p == nil {
		first, known := w.onces.again(subject, s.row.Time, s.row.Number)
		if !known {
			return
		}
		p, _ = w.payloads.put(subject)
		p.bytes = s.row.PayloadLen
		p.rhythm.beat(first.time)
		p.clue.seen(first.time, first.frame)
	}
	p.rhythm.beat(s.row.Time)
	p.clue.seen(s.row.Time, s.row.Number)
	n := p.clue.count
	if n < uint64(w.limits.HeartbeatRepeats) {
		return
	}
	kind := FindDuplicates
	spread := p.rhythm.spread()
	switch {
	case spread <= w.limits.Regular && p.rhythm.mean >= shortestBeat:
		kind = FindHeartbeat
	case n < uint64(w.limits.DuplicateRepeats):
		return
	}
	f, first := w.raise(kind, subject, &p.clue)
	w.about(f, s)
	f.Numbers = [4]float64{float64(p.bytes), p.rhythm.mean, spread}
	f.Severity = Info
	w.tell(f, first)
}

// opened looks for connections that one client opens to one service at regular intervals.
func (w *Watch) opened(s *sighting) {
	proto := s.r.key.proto()
	if s.fromServer() || proto != protoTCP && proto != protoUDP ||
		proto == protoTCP && s.row.TCPFlags&(flagSYN|flagACK) != flagSYN {
		return
	}
	tuple := s.r.key.tuple(s.side)
	if proto == protoUDP && (punctual(tuple.DstPort) || toMany(&tuple)) {
		return
	}
	subject := w.subject(FindBeacon, w.host(&tuple.Src), w.service(&tuple.Dst, tuple.DstPort, proto), 0)
	b, _ := w.beacons.put(subject)
	b.rhythm.beat(s.row.Time)
	b.clue.seen(s.row.Time, s.row.Number)
	regular := w.limits.Regular
	if b.clue.count >= 3*uint64(w.limits.BeaconConnections) {
		regular *= 2 // as one draws the intervals that varies them by 30 %
	}
	if b.clue.count < uint64(w.limits.BeaconConnections) ||
		b.rhythm.mean < w.limits.BeaconInterval.Seconds() || b.rhythm.spread() > regular {
		return
	}
	f, fresh := w.raise(FindBeacon, subject, &b.clue)
	f.Tuple = tuple
	f.Tuple.SrcPort = 0
	f.Numbers = [4]float64{b.rhythm.mean, b.rhythm.spread()}
	f.Severity = grade(!local(&tuple), false)
	w.tell(f, fresh)
}

// punctual reports the UDP ports of services that are asked at regular intervals by
// design: DNS, DHCP, NTP.
func punctual(port uint16) bool { return port == 53 || port == 67 || port == 123 }

// local reports a destination that is not of the Internet: private, shared, link-local or
// loopback (RFC 1918, 6598, 3927, 4193, 4291). What asks there at regular intervals is a
// health check more often than not.
func local(t *packet.Tuple) bool {
	a := t.Dst.Netip(t.Version)
	return a.IsPrivate() || a.IsLoopback() || a.IsLinkLocalUnicast() || t.Version == 4 && t.Dst[12] == 100 && t.Dst[13]&0xc0 == 64
}

// domain is what one client asks for under one domain.
type domain struct {
	since   int64
	names   several // long ones
	short   uint32  // names that are not
	length  float64 // characters before the domain, summed over different long names
	entropy float64 // bits a character, summed
	clue    clue
}

// DNSName tells the Watch about a name that a client asks for: labels with dots between
// them, without the last dot, in any case. frame is the number of the query's packet. The
// name is not kept.
func (w *Watch) DNSName(client packet.Addr, version uint8, name []byte, frame uint64, now int64) {
	w.now = now
	name = lower(w.name[:0], name[max(0, len(name)-len(w.name)):]) // resolvers ask for the same name in different case
	front, parent := splitDomain(name)
	if len(front) == 0 || shared(parent) {
		return
	}
	subject := w.subject(FindDNSTunnel, w.host(&client), w.mix.bytes(parent), 0)
	d, _ := w.domains.put(subject)
	if d.since == 0 || now < d.since || now-d.since > int64(w.limits.DNSWindow) {
		*d = domain{since: now}
	}
	if !long(front, w.limits.DNSLength) {
		d.short++
		return
	}
	if !d.names.add(&w.values, subject^uint64(d.since), w.mix.bytes(front)) {
		return
	}
	d.clue.seen(now, frame)
	d.length += float64(len(front))
	d.entropy += entropy(front)
	n := float64(d.clue.count)
	names := d.names.count()
	if names < w.limits.DNSNames || uint32(names) < d.short || d.entropy/n < w.limits.DNSEntropy {
		return
	}
	f, fresh := w.raise(FindDNSTunnel, subject, &d.clue)
	f.Count = uint64(names)
	f.Tuple = packet.Tuple{Src: client, Version: version, Proto: protoUDP, DstPort: 53}
	f.Numbers = [4]float64{d.length / n, d.entropy / n}
	if fresh {
		f.TextLen = uint8(copy(f.Text[:], parent))
	}
	f.Severity = Serious
	w.tell(f, fresh)
}
