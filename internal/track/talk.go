package track

import (
	"slices"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// talk is what is known of a flow's payload: a cache line without pointers, kept at the
// place that the flow has in the flow table.
type talk struct {
	id        uint64 // of the flow; another one's state is void
	state     app.FlowState
	ways      [2]way // what the client sends, what the server sends
	name      uint32 // in the ring of names, 0: none
	ja4       uint32
	nameField app.FieldID
	started   [2]bool // ways has a beginning
	_         [5]byte
}

// way follows one direction's sequence numbers, to tell bytes that are new from those that
// were seen and those that are missing. One hole is remembered.
type way struct {
	high  uint32 // behind the highest byte seen
	hole  uint32 // first byte of the hole
	after uint32 // first byte behind it; equal to hole: there is none
}

const (
	talkChunk = 1 << 15 // two megabytes: what the processor maps at once
	talkSize  = 64
)

// talks is the slab of talks.
type talks struct {
	chunks  [][]talk
	places  int // how many there may be
	names   nameRing
	touched uint64 // keeps the compiler from dropping the reads ahead
}

// of returns the talk of a flow, nil when there is none.
func (t *talks) of(place int, id uint64) *talk {
	if place < 0 || place/talkChunk >= len(t.chunks) {
		return nil
	}
	c := t.chunks[place/talkChunk]
	if c == nil || c[place%talkChunk].id != id {
		return nil
	}
	return &c[place%talkChunk]
}

// at returns what lies at a place, whosever it is.
func (t *talks) at(place int) *talk {
	for place/talkChunk >= len(t.chunks) {
		t.chunks = append(t.chunks, nil)
	}
	c := t.chunks[place/talkChunk]
	if c == nil {
		c = make([]talk, max(min(talkChunk, t.places-place/talkChunk*talkChunk), place%talkChunk+1))
		flow.HugePages(c)
		t.chunks[place/talkChunk] = c
	}
	return &c[place%talkChunk]
}

func (t *talks) bytes() uint64 {
	n := t.names.bytes()
	for _, c := range t.chunks {
		n += uint64(len(c)) * talkSize
	}
	return n
}

// row looks at one packet's payload, when its flow has still something to say, and
// returns the flow's application.
func (a *Analysis) row(b *Batch, i int) app.Protocol {
	s, n := &b.Rows[i], &b.Notes[i]
	b.Shown[i] = false
	pieces := isFragment(s)
	var data []byte
	var cut bool
	if pieces {
		data, cut = a.payloads.Of(b, i)
	}
	if n.Flow == 0 || s.Inner.Proto != packet.ProtoTCP && s.Inner.Proto != packet.ProtoUDP {
		return app.Unknown
	}
	t := a.talks.at(n.Place())
	if t.id != n.Flow {
		a.renew(t, n.Flow)
	}
	// A FIN ends the body of an HTTP message.
	end := s.Inner.Proto == packet.ProtoTCP && s.TCPFlags&tcpFIN != 0 && (s.PayloadLen > 0 || t.state.Protocol() == app.HTTP)
	if s.TCPFlags&tcpRST != 0 && s.Inner.Proto == packet.ProtoTCP {
		return t.state.Protocol() // what it carries is for people to read: RFC 1122 4.2.2.12
	}
	if s.PayloadLen == 0 && s.TCPFlags&tcpSYN == 0 && !end || t.state.Done() {
		b.Shown[i] = a.mute(b, i, t)
		return t.state.Protocol()
	}
	if !pieces {
		data, cut = a.payloads.Of(b, i)
	}
	d := 1
	if n.FromClient {
		d = 0
	}
	seg := &a.segment
	*seg = app.Segment{} // in two steps: otherwise it is built elsewhere and copied
	seg.Payload, seg.Truncated, seg.End = data, cut, end
	seg.Time, seg.Seq = s.Time, s.Seq
	seg.SrcPort, seg.DstPort, seg.Transport = s.Inner.SrcPort, s.Inner.DstPort, s.Inner.Proto
	seg.FromClient = n.FromClient
	if s.Inner.Proto == packet.ProtoTCP {
		if s.TCPFlags&tcpSYN != 0 {
			seg.Seq++
		}
		if t.started[d] {
			seg.Missing, seg.Repeated = t.ways[d].take(seg.Seq, s.PayloadLen)
			seg.Order = orderOf(n.Flags)
			if seg.Order == app.Resent && cut && n.Flags&flow.SpuriousRetransmission != 0 {
				seg.Order = app.FastResent // nobody keeps account of the numbers of what is cut: tshark reads it again
			}
		} else {
			t.started[d] = true
			end := seg.Seq + s.PayloadLen
			t.ways[d] = way{high: end, hole: end, after: end}
		}
	}
	if len(data) == 0 && !end {
		return t.state.Protocol()
	}
	o := a.recognizer.Segment(&t.state, seg)
	if o == app.OutcomeFields || o == app.OutcomeMalformed {
		a.keep(t, s, uint32(i))
	}
	p := t.state.Protocol()
	b.Shown[i] = a.shows(s, n, p, o)
	if p == app.TLS && a.records != nil && seg.Transport == packet.ProtoTCP {
		b.Shown[i] = a.recordEnds(t.id, d, data, piece{seg.Seq, s.PayloadLen, seg.Order, o == app.OutcomeFields && a.negotiated()})
	}
	return p
}

// orderOf tells the recogniser what the verdicts on a segment mean for it. Flags that it does
// not look at are nearly always 0.
func orderOf(flags flow.Analysis) app.Order {
	const order = flow.Retransmission | flow.FastRetransmission | flow.OutOfOrder | flow.KeepAlive
	switch flags &= order; {
	case flags == 0:
		return app.InOrder
	case flags&flow.FastRetransmission != 0:
		return app.FastResent
	case flags&flow.OutOfOrder != 0:
		return app.OutOfOrder
	default:
		return app.Resent
	}
}

const (
	tcpFIN = 0x01
	tcpSYN = 0x02
	tcpRST = 0x04
)

// take notes a segment and says how many bytes before it the capture has not seen, and how
// many at its beginning it has.
func (w *way) take(seq, length uint32) (missing, repeated uint32) {
	end := seq + length
	switch d := int32(seq - w.high); {
	case d >= 0:
		if d > 0 {
			w.hole, w.after = w.high, seq
		}
		w.high = end
		return uint32(d), 0
	case w.hole == w.after || int32(seq-w.after) >= 0 || int32(seq-w.hole) < 0:
		repeated = min(length, uint32(-d))
		if w.hole != w.after && int32(seq-w.hole) < 0 && int32(end-w.hole) > 0 {
			repeated = w.hole - seq
			w.fill(w.hole, end)
		}
	default:
		w.fill(seq, end)
	}
	if int32(end-w.high) > 0 {
		w.high = end
	}
	return 0, repeated
}

// fill takes bytes that came late out of the hole. Of two holes that would be left the
// later one is forgotten.
func (w *way) fill(from, to uint32) {
	switch {
	case from == w.hole && int32(to-w.after) >= 0:
		w.hole = w.after
	case from == w.hole:
		w.hole = to
	default:
		w.after = from
	}
}

// renew gives a place to another flow. What the one before said is saved when its end has
// not been told yet.
func (a *Analysis) renew(t *talk, id uint64) {
	if t.id != 0 {
		for i := range a.leaving {
			if e := &a.leaving[i]; e.flow.ID == t.id && !e.kept {
				e.talk, e.kept = *t, true
			}
		}
		a.recognizer.Release(&t.state)
		delete(a.records, t.id)
	}
	*t = talk{id: id}
}

// keep copies the fields that the recogniser has found.
func (a *Analysis) keep(t *talk, s *packet.Summary, row uint32) {
	query := false
	fields := a.recognizer.Fields()
	n := len(a.names)
	a.names = slices.Grow(a.names, len(fields))[:n+len(fields)]
	for i := range fields {
		f := &fields[i]
		value := f.Value
		if value != nil {
			from := len(a.arena)
			a.arena = append(a.arena, value...)
			value = a.arena[from:len(a.arena):len(a.arena)]
		}
		if !f.Early {
			to := &a.names[n] // written in place: otherwise it is built elsewhere and copied
			to.Row, to.Field.ID, to.Field.Number, to.Field.Value, to.Field.Early = row, f.ID, f.Number, value, false
			n++
		}
		if value == nil && f.ID != app.FieldDNSResponse {
			continue
		}
		switch {
		case f.ID == app.FieldJA4:
			if t.ja4 == 0 {
				t.ja4 = a.talks.names.put(value)
			}
		case f.ID == app.FieldDNSResponse:
			query = f.Number == 0
		case f.ID == app.FieldDNSQueryName && query && a.watch != nil:
			a.watch.DNSName(s.Inner.Src, s.Inner.Version, value, s.Number, s.Time)
		}
		if r := rank(f.ID); r > rank(t.nameField) && len(value) > 0 {
			t.name, t.nameField = a.talks.names.put(value), f.ID
		}
	}
	a.names = a.names[:n]
}

// rank orders the fields that can name a flow: what the client asked for counts more than
// what the server says of itself.
func rank(id app.FieldID) int {
	switch id {
	case app.FieldTLSServerName, app.FieldHTTPHost:
		return 4
	case app.FieldCertificateDNSName:
		return 3
	case app.FieldCertificateCN:
		return 2
	case app.FieldDNSQueryName, app.FieldNBNSName, app.FieldDHCPHostName, app.FieldDHCPv6ClientName, app.FieldMQTTClientID:
		return 1
	}
	return 0
}
