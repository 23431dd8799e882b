package flow

import "github.com/tarrafa/tarrafa/internal/packet"

// service is an address and port that connections go to.
type service struct {
	since   int64
	asked   uint64 // SYNs since then
	made    uint64 // connections since then
	flooded bool   // since then
	earlier uint64 // connections before, while the flood went on
	sources several
	clue    clue // SYNs
}

// renew begins a new window. What belongs to a flood that goes on is kept.
func (v *service) renew(now, window int64) {
	if v.flooded && now >= v.clue.last && now-v.clue.last <= window {
		v.earlier += v.made
		v.since, v.asked, v.made, v.flooded = now, 0, 0, false
		return
	}
	*v = service{since: now}
}

// control looks at segments that open or end a connection, and at odd flags.
func (w *Watch) control(s *sighting) {
	flags := s.row.TCPFlags
	if odd(flags) {
		w.outOfState(s, misfitFlags)
		if s.row.Number == s.r.frame && !s.fromServer() && flags&(flagSYN|flagRST) == 0 {
			tuple := s.r.key.tuple(s.side)
			w.tried(&tuple, s.row.Time, s.row.Number)
		}
	}
	switch {
	case flags&flagRST != 0:
		w.reset(s)
	case flags&(flagSYN|flagACK) == flagSYN:
		if s.flags&Retransmission == 0 {
			w.attempt(s)
		}
	case flags&(flagSYN|flagACK) == flagSYN|flagACK:
		if s.was(s.side) == stateReset {
			w.contradicted(s)
		}
	}
	if s.opening && s.r.used(s.side) && !s.fromServer() && flags&flagRST == 0 && s.completes() {
		tuple := s.r.key.tuple(s.side)
		if src := w.sources.get(w.source(&tuple.Src, protoTCP)); src != nil {
			src.answered++
		}
		if v := w.services.get(w.service(&tuple.Dst, tuple.DstPort, protoTCP)); v != nil {
			v.made++
		}
	}
}

// completes reports that the sender, a client, has got an answer to its SYN. In a capture
// of one direction its acknowledgement is all that shows it.
func (s *sighting) completes() bool {
	me := s.was(s.side)
	return me == stateEstablished || me == stateSyn && s.was(1-s.side) == stateInactive && s.row.TCPFlags&flagACK != 0
}

// odd reports flags that no ordinary TCP sends: SYN with FIN or RST, none of the six, FIN
// without ACK (what the stealthy scans send).
func odd(flags uint16) bool {
	const urg = 1 << 5
	six := flags & (flagFIN | flagSYN | flagRST | flagPSH | flagACK | urg)
	return six == 0 || six&flagSYN != 0 && six&(flagFIN|flagRST) != 0 || six&(flagFIN|flagACK|flagRST) == flagFIN
}

// attempt counts a SYN for the host that sent it and for the service that it asks.
func (w *Watch) attempt(s *sighting) {
	tuple := s.r.key.tuple(s.side)
	now := s.row.Time
	w.tried(&tuple, now, s.row.Number)
	asked := w.service(&tuple.Dst, tuple.DstPort, protoTCP)
	v, _ := w.services.put(asked)
	if v.since == 0 || now < v.since || now-v.since > int64(w.limits.FloodWindow) {
		v.renew(now, int64(w.limits.FloodWindow))
	}
	v.asked++
	v.clue.seen(now, s.row.Number)
	v.sources.add(&w.values, asked^uint64(v.clue.first), w.host(&tuple.Src))
	n := v.asked
	if n >= w.limits.FloodSYNs && float64(v.made) <= w.limits.FloodCompleted*float64(n) &&
		(now-v.since >= 1e9 || n >= 5*w.limits.FloodSYNs) {
		v.flooded = true
		w.flood(v, tuple)
	}
}

// flood reports a service that gets SYNs and hardly any connection.
func (w *Watch) flood(v *service, tuple packet.Tuple) {
	f, fresh := w.raise(FindFlood, w.subject(FindFlood, w.service(&tuple.Dst, tuple.DstPort, protoTCP), 0, 0), &v.clue)
	f.Tuple = oneSide(tuple)
	f.Numbers = [4]float64{
		float64(min(v.sources.count(), int(v.clue.count))), float64(v.earlier + v.made), float64(v.clue.last-v.clue.first) / 1e9,
	}
	f.Severity = Serious
	w.tell(f, fresh)
}

// When a connection was reset: Numbers[1] of FindReset.
const (
	resetHandshake   = iota // before it was established
	resetEstablished        // while data could flow
	resetClosing            // after a FIN
	resetUnknown            // of a connection that the capture and the server know nothing of
)

// closingResets is how many resets after a FIN are worth a word: many programs end
// connections that way.
const closingResets = 10

// reset looks at an RST: who sent it, and when.
func (w *Watch) reset(s *sighting) {
	seen, _ := w.resets.put(w.subject(FindInjection, s.r.id, uint64(s.side), 1))
	*seen = resetSeen{time: s.row.Time, frame: s.row.Number}
	me, peer := s.was(s.side), s.was(1-s.side)
	if me == stateReset || peer == stateReset || s.r.bits&bitAfterEnd != 0 && me == stateInactive {
		return // one is enough, and what has ended long ago is not ended again
	}
	client := s.r.client()
	tuple := s.r.key.tuple(client)
	service := w.service(&tuple.Dst, tuple.DstPort, protoTCP)
	probe := w.probe(s, &tuple)
	refused := s.fromServer() && peer == stateSyn && me == stateInactive
	refusals := w.limits.Refused
	if (probe || refused) && w.refusal(&tuple) {
		refusals += 2 // as often as a scan asks again
	}
	if refused {
		subject := w.subject(FindRefused, service, 0, 0)
		c, _ := w.clues.put(subject)
		c.seen(s.row.Time, s.row.Number)
		if c.count >= refusals {
			f, fresh := w.raise(FindRefused, subject, c)
			f.Tuple = oneSide(tuple)
			f.Severity = grade(c.count >= 10, false)
			w.tell(f, fresh)
		}
		return
	}
	if !s.fromServer() && !s.r.used(client) && w.scans(&tuple) {
		return // a scan that takes its SYN back
	}
	phase := resetHandshake
	switch {
	case probe:
		phase = resetUnknown
	case me == stateClosed || peer == stateClosed:
		phase = resetClosing
	case s.r.used(client):
		phase = resetEstablished
	}
	who := uint64(0)
	if s.fromServer() {
		who = 1
	}
	subject := w.subject(FindReset, service, who, uint64(phase))
	c, _ := w.clues.put(subject)
	c.seen(s.row.Time, s.row.Number)
	c.extra[0] += s.r.sum[0].payload + s.r.sum[1].payload
	if phase == resetClosing && c.count < closingResets || phase == resetUnknown && c.count < refusals {
		return
	}
	f, fresh := w.raise(FindReset, subject, c)
	f.Tuple = oneSide(tuple)
	if c.count == 1 {
		f.Flow, f.Stream, f.Tuple = s.r.id, s.r.stream, tuple
	} else {
		f.Flow, f.Stream = 0, NoStream
	}
	f.Numbers = [4]float64{float64(who), float64(phase), float64(c.extra[0])}
	f.Severity = grade(phase == resetEstablished, false)
	w.tell(f, fresh)
}

// settle is how long a handshake may take before it counts as failed when the flow did
// not end by idling.
const settle = 3e9 // ns

// ended is called by the Table for every flow that ends.
func (w *Watch) ended(r *record, f *Flow) {
	for side := range uint8(2) {
		if r.bits&(bitStallA<<side) != 0 {
			r.bits &^= bitStallA << side
			w.stalled(r, side, f.Last, 0)
		}
	}
	if f.Resumed {
		return
	}
	if f.End != EndForced || w.now-f.Last >= burst {
		w.settled(&f.Tuple)
	}
	if f.Tuple.Proto != protoTCP {
		return
	}
	kind := FindHalfOpen
	unanswered := f.State == ConnS0
	opened := f.History.Contains('S') && f.History.Contains('h')
	used := f.History.Contains('A') || f.History.Contains('D') || f.History.Contains('F')
	unfinished := opened && !used && f.Client.Resets == 0
	switch {
	case unanswered || unfinished:
		if f.End != EndIdle && w.now-f.Last < settle && f.Last-f.Start < burst {
			return
		}
	case f.Client.Payload+f.Server.Payload == 0 && opened && used:
		kind = FindSilent
	default:
		return
	}
	subject := w.subject(kind, w.service(&f.Tuple.Dst, f.Tuple.DstPort, protoTCP), 0, 0)
	c, _ := w.clues.put(subject)
	c.seen(f.Last, f.FirstPacket)
	if unfinished {
		c.extra[0]++
	}
	limit := w.limits.HalfOpen
	if kind == FindSilent {
		limit = w.limits.Silent
	}
	if c.count < limit {
		return
	}
	found, fresh := w.raise(kind, subject, c)
	found.Tuple = oneSide(f.Tuple)
	found.Numbers = [4]float64{float64(c.extra[0])}
	found.Severity = grade(kind == FindHalfOpen, false)
	w.tell(found, fresh)
}
