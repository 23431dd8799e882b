package query

import "github.com/tarrafa/tarrafa/internal/packet"

// Bounds of what a Row remembers of earlier packets. What is beyond them is forgotten, the
// oldest first: the field is absent then.
const (
	mostStreams  = 1 << 26 // TCP streams whose completeness is known
	mostAwaiting = 1 << 16 // DNS queries, and HTTP requests, that await their answer
)

// States of a TCP conversation, as Wireshark's tcp.completeness adds them up.
const (
	completeSYN = 1 << iota
	completeSYNACK
	completeACK
	completeData
	completeFIN
	completeRST

	streamSeen = 0x80 // ours: a packet of the conversation was seen
)

// Fields that earlier packets decide. A Row that was told to remember them writes them into
// its notes.
var fieldCompleteness, fieldDNSTime, fieldHTTPTime *Field

// remembered tells whether earlier packets decide a field.
func (f *Field) remembered() bool {
	return f == fieldCompleteness || f == fieldDNSTime || f == fieldHTTPTime
}

// memory is what a Row remembers of earlier packets.
type memory struct {
	completeness, dns, http bool // what is asked for

	streams []uint8 // tcp.completeness by tcp.stream
	queries awaiting
	answers awaiting
}

// awaiting holds the times of what awaits an answer.
type awaiting struct {
	since map[awaited]int64 // nanoseconds since 1970
	order []awaited         // a ring, the oldest at next
	next  int
}

// awaited says what awaits an answer: a message of a stream.
type awaited struct {
	stream uint64 // with tcpStream for those of TCP
	id     uint16
}

const tcpStream = 1 << 63

func (a *awaiting) put(k awaited, t int64) {
	if a.since == nil {
		a.since = map[awaited]int64{}
	}
	if _, ok := a.since[k]; !ok {
		if len(a.order) < mostAwaiting {
			a.order = append(a.order, k)
		} else {
			delete(a.since, a.order[a.next])
			a.order[a.next] = k
			a.next = (a.next + 1) % mostAwaiting
		}
	}
	a.since[k] = t
}

// take returns since when something has been waiting, and forgets it.
func (a *awaiting) take(k awaited) (t int64, ok bool) {
	if t, ok = a.since[k]; ok {
		delete(a.since, k)
	}
	return t, ok
}

// Remember says which fields will be asked for: those that earlier packets decide are found
// by [Row.Learn] from then on. To forget again there is a new Row.
func (r *Row) Remember(fields ...*Field) {
	for _, f := range fields {
		if !f.remembered() {
			continue
		}
		if r.memory == nil {
			r.memory = &memory{}
		}
		r.memory.completeness = r.memory.completeness || f == fieldCompleteness
		r.memory.dns = r.memory.dns || f == fieldDNSTime
		r.memory.http = r.memory.http || f == fieldHTTPTime
	}
}

// Learn notes what the packet changes for later ones, and adds to the Notes what earlier
// ones decide. It is called once for each packet, when it has its notes, and does nothing
// unless [Row.Remember] asked for it.
func (r *Row) Learn() {
	m := r.memory
	if m == nil {
		return
	}
	if m.completeness {
		m.complete(r)
	}
	if m.dns {
		m.resolve(r)
	}
	if m.http {
		m.respond(r)
	}
}

// complete adds what each TCP header says of its conversation. The value is that of the
// packets before, as in tshark, which reads a file once.
func (m *memory) complete(r *Row) {
	p := r.Packet
	header := 0
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		if l.Kind != packet.KindTCP {
			continue
		}
		stream, ok := note(r, fieldTCPStream, header)
		header++
		if !ok || stream.Num >= mostStreams || l.Len < 16 {
			continue
		}
		for uint64(len(m.streams)) <= stream.Num {
			m.streams = append(m.streams, 0)
		}
		state := &m.streams[stream.Num]
		now := *state
		if _, again := note(r, fieldReused, 0); now == 0 && again {
			now = completeSYN // the stream began when the ports were seen to be used again
		}
		r.Notes = append(r.Notes, Note{fieldCompleteness, Value{Num: uint64(now &^ streamSeen)}})
		*state = now | stateOf(p, i, now) | streamSeen
	}
}

// stateOf returns what a segment adds to a conversation's completeness. The first segment
// counts only when it asks for a connection, and such a segment only when it is the first.
func stateOf(p *packet.Packet, i int, now uint8) (s uint8) {
	const fin, syn, rst, ack = 0x01, 0x02, 0x04, 0x10
	n, known := segmentLen(p, i)
	if !known {
		return 0
	}
	flags := p.Header(&p.Layers[i])[13]
	if now == 0 {
		if flags&(syn|ack) != syn {
			return 0
		}
		if n > 0 {
			return completeSYN | completeData
		}
		return completeSYN
	}
	switch {
	case flags&ack == 0:
	case flags&syn != 0:
		s = completeSYNACK
	case n > 0:
		s = completeData
	default:
		s = completeACK
	}
	if flags&(fin|ack) == fin|ack {
		s |= completeFIN
	}
	if flags&rst != 0 {
		s |= completeRST
	}
	return s
}

// resolve finds how long DNS responses took. A query that is sent again counts from its
// first time on.
func (m *memory) resolve(r *Row) {
	b, tcp, kind := dnsMessages(r)
	if kind == dnsNone || kind == dnsMulticast {
		return
	}
	stream, ok := note(r, fieldUDPStream, 0)
	if tcp {
		stream, ok = note(r, fieldTCPStream, 0)
		stream.Num |= tcpStream
	}
	for ok && len(b) > 0 {
		var msg []byte
		if msg, b = cutMessage(b, tcp); len(msg) < dnsHeader {
			continue
		}
		k := awaited{stream.Num, be16(msg)}
		if msg[2]&0x80 == 0 {
			if _, again := m.queries.since[k]; !again {
				m.queries.put(k, r.Packet.Time)
			}
		} else if t, ok := m.queries.take(k); ok {
			r.Notes = append(r.Notes, Note{fieldDNSTime, Value{Num: uint64(r.Packet.Time - t)}})
		}
	}
}

// respond finds how long HTTP responses took: the first one behind a connection's last
// request.
func (m *memory) respond(r *Row) {
	stream, ok := note(r, fieldTCPStream, 0)
	if !ok {
		return
	}
	k := awaited{stream: stream.Num}
	notes := r.Notes
	for i := range notes {
		switch notes[i].Field {
		case fieldHTTPRequest:
			m.answers.put(k, r.Packet.Time)
		case fieldHTTPResponse:
			if t, ok := m.answers.take(k); ok {
				r.Notes = append(r.Notes, Note{fieldHTTPTime, Value{Num: uint64(r.Packet.Time - t)}})
			}
		}
	}
}
