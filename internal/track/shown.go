package track

import (
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// shows says whether a packet carries its flow's application as tshark shows it: where a
// message ends, not in the segments between, nor in those that are sent again. o is what
// the recogniser made of the payload.
func (a *Analysis) shows(s *packet.Summary, p app.Protocol, o app.Outcome) bool {
	if s.Inner.Proto != packet.ProtoTCP || p != app.HTTP && p != app.DNS {
		return true
	}
	switch o {
	case app.OutcomePartial, app.OutcomeSkipped:
		return false
	case app.OutcomeFields:
		for _, f := range a.recognizer.Fields() {
			if !f.Early {
				return true
			}
		}
		return false
	}
	return true
}

// records is where the TLS records of a flow end, from the client and from the server.
type records [2]struct {
	left   uint32 // bytes that are missing from the record in hand
	begin  uint32 // sequence number of its header
	gap    uint32 // bytes of it that the capture has not seen yet
	past   uint32 // the same of the last record that ended with a gap
	header [tlsHeader]byte
	have   uint8 // bytes of the header
	lost   bool  // nobody knows where the next one begins
}

// tlsHeader is the length of a record's header, and tlsMost that of the longest record
// (RFC 8446 section 5, with what encryption may add).
const (
	tlsHeader = 5
	tlsMost   = 1<<14 + 2048
)

// mute says the same of a packet of a flow that the recogniser listens to no more.
func (a *Analysis) mute(b *Batch, i int, t *talk) bool {
	s, n := &b.Rows[i], &b.Notes[i]
	p := t.state.Protocol()
	if s.PayloadLen == 0 || p != app.TLS || a.records == nil || s.Inner.Proto != packet.ProtoTCP {
		return s.PayloadLen > 0 && p != app.HTTP
	}
	d := 1
	if n.FromClient {
		d = 0
	}
	var missing, repeated uint32
	late := false
	if end := s.Seq + s.PayloadLen; !t.started[d] {
		t.started[d], t.ways[d] = true, way{high: end, hole: end, after: end}
	} else {
		late = int32(end-t.ways[d].high) <= 0
		missing, repeated = t.ways[d].take(s.Seq, s.PayloadLen)
	}
	data, _ := a.payloads.Of(b, i)
	return a.recordEnds(t.id, d, data, piece{s.Seq, s.PayloadLen, missing, repeated, late})
}

// piece is what is known of a segment beside its bytes: missing and repeated are what
// [way.take] says of it, late that it ends before the highest byte that was seen.
type piece struct {
	seq, length, missing, repeated uint32
	late                           bool
}

// recordEnds follows the records of a TLS flow through one segment and says whether one of
// them begins or ends there, or the segment begins where nobody knows of a record. data is
// the payload as far as it was captured.
func (a *Analysis) recordEnds(id uint64, d int, data []byte, g piece) bool {
	if g.repeated >= g.length {
		return false
	}
	r := a.records[id]
	if r == nil {
		r = &records{}
		a.records[id] = r
	}
	w := &r[d]
	if g.late {
		gap := &w.gap
		if int32(g.seq-w.begin) < 0 {
			gap = &w.past
		}
		before := *gap
		*gap -= min(before, g.length-g.repeated)
		return gap == &w.past && before > 0 && *gap == 0
	}
	cut := uint32(len(data)) < g.length
	end := g.seq + g.length
	data = data[min(int(g.repeated), len(data)):]
	if g.missing > 0 && !w.lost {
		if g.missing < w.left {
			w.left -= g.missing
			w.gap += g.missing
		} else {
			w.lost = g.missing > w.left || w.have > 0
			w.left, w.have, w.gap = 0, 0, 0
		}
	}
	if w.lost {
		if len(data) < tlsHeader || !tlsRecord(data) {
			return true
		}
		w.lost, w.left, w.have, w.gap = false, 0, 0, 0
	}
	ends := cut // what is cut off is taken for the end, as tshark waits for nothing there
	for len(data) > 0 {
		if w.left > 0 {
			n := min(w.left, uint32(len(data)))
			w.left -= n
			data = data[n:]
			if w.left == 0 {
				ends = ends || w.gap == 0
				w.past, w.gap = w.gap, 0
			}
			continue
		}
		ends = true // tshark shows where a record begins, too
		if w.have == 0 {
			w.begin = end - uint32(len(data))
		}
		n := copy(w.header[w.have:], data)
		w.have += uint8(n)
		data = data[n:]
		if w.have < tlsHeader {
			break
		}
		if w.have = 0; !tlsRecord(w.header[:]) {
			w.lost = true
			return true
		}
		w.left = uint32(binary.BigEndian.Uint16(w.header[3:]))
	}
	if cut {
		w.lost = true
	}
	return ends
}

// tlsRecord says that b begins like a TLS record.
func tlsRecord(b []byte) bool {
	return b[0] >= 20 && b[0] <= 24 && b[1] == 3 && b[2] <= 4 && binary.BigEndian.Uint16(b[3:]) <= tlsMost
}
