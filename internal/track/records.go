package track

import (
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/app"
)

// records is where the TLS records of a flow lie, from the client and from the server, as
// far as a segment of theirs does not hold all of one.
type records struct {
	ways  [2]recordWay
	known bool // a handshake told that all of the stream is TLS of a version before 1.3
}

// recordWay remembers the latest of them.
type recordWay struct {
	list [keptRecords]record
	next int // place of the next one
}

// keptRecords is how many records of a direction are remembered: enough for those that wait
// for what was lost, and to tell a segment of one that was put together.
const keptRecords = 8

// record is the stretch of sequence numbers [from, to) that a record takes.
type record struct {
	from, to uint32
	filled   uint32 // bytes of it that have come
	header   [tlsHeader]byte
	have     uint8 // bytes of the header, when its end is still to come
	entire   bool  // the header is not whole: all of the next segment is taken
	used     bool
}

// tlsHeader is the length of a record's header (RFC 8446 section 5).
const tlsHeader = 5

// piece is what is known of a segment beside its bytes.
type piece struct {
	seq, length uint32
	order       app.Order
	negotiated  bool // its messages tell that
}

// recordEnds follows the records of a TLS flow through one segment and says whether tshark
// shows TLS in it: a record begins or ends there, or bytes that are of none. data is the
// payload as far as it was captured.
func (a *Analysis) recordEnds(id uint64, d int, data []byte, g piece) bool {
	readable := g.order != app.OutOfOrder
	if uint32(len(data)) < g.length {
		return readable // nothing is put together then
	}
	if g.order == app.Resent {
		return false
	}
	r := a.records[id]
	if r == nil {
		r = &records{}
		a.records[id] = r
	}
	w := &r.ways[d]
	shown := false
	r.known = r.known || g.negotiated
	for seq := g.seq; len(data) > 0; {
		p := w.at(seq)
		switch {
		case p == nil && readable:
			return w.read(data, seq, r.known) || shown
		case p == nil:
			return shown
		case p.from == seq && int32(seq+uint32(len(data))-p.to) <= 0:
			return shown // its beginning has come again
		case p.entire:
			n := copy(p.header[p.have:], data)
			p.have += uint8(n)
			data, seq = data[n:], seq+uint32(n)
			p.to = seq + 1
			if p.have == tlsHeader {
				length := uint32(binary.BigEndian.Uint16(p.header[3:]))
				p.entire, p.filled, p.to = false, tlsHeader, p.from+tlsHeader+length
				if !recordType(p.header[0]) {
					p.to = p.from + tlsHeader
				}
				n := min(uint32(len(data)), p.to-seq)
				p.filled += n
				data, seq = data[n:], seq+n
			}
			shown = shown || readable
		default:
			n := min(uint32(len(data)), p.to-seq)
			if before := p.filled; before < p.to-p.from {
				p.filled += n
				shown = shown || readable && p.filled >= p.to-p.from
			}
			data, seq = data[n:], seq+n
		}
	}
	return shown
}

// negotiated says that a message which the recogniser's last call found tells the version: any
// but a ClientHello, and a ServerHello of TLS 1.3, behind which tshark goes on by what records
// look like.
func (a *Analysis) negotiated() bool {
	const clientHello, tls13 = 1, 0x0304 // RFC 8446 section 4 and 4.2.1
	told := false
	for _, f := range a.recognizer.Fields() {
		switch {
		case f.Early:
		case f.ID == app.FieldTLSHandshakeType:
			told = told || f.Number != clientHello
		case f.ID == app.FieldTLSSupportedVersion && f.Number >= tls13:
			return false
		}
	}
	return told
}

// at gives the record that the byte with number seq lies in, nil when it is none's: of those
// that begin before it the last one decides.
func (w *recordWay) at(seq uint32) *record {
	var best *record
	for i := range w.list {
		p := &w.list[i]
		if p.used && int32(seq-p.from) >= 0 && (best == nil || int32(p.from-best.from) >= 0) {
			best = p
		}
	}
	if best == nil || int32(seq-best.to) >= 0 {
		return nil
	}
	return best
}

// read walks along the records that data begins with and remembers the last one when it
// goes on behind data. known: see records. It says whether tshark shows TLS: not when it looks
// like text.
func (w *recordWay) read(data []byte, seq uint32, known bool) (shown bool) {
	if textual(data) {
		return false
	}
	for len(data) > 0 {
		if !known && (len(data) < 3 || !recordType(data[0]) || data[1] != 3 || data[2] > 4) {
			break // all the rest counts as one
		}
		if len(data) < tlsHeader {
			p := w.add(seq, seq+uint32(len(data))+1)
			p.entire, p.have = true, uint8(copy(p.header[:], data))
			break
		}
		n := tlsHeader + uint32(binary.BigEndian.Uint16(data[3:]))
		if n > uint32(len(data)) {
			if recordType(data[0]) {
				w.add(seq, seq+n).filled = uint32(len(data))
			}
			break
		}
		data, seq = data[n:], seq+n
	}
	return true
}

// textual says that b looks like something else on the port of TLS: it begins with four
// characters.
func textual(b []byte) bool {
	if len(b) < 4 {
		return false
	}
	for _, c := range b[:4] {
		if c < ' ' || c > '~' {
			return false
		}
	}
	return true
}

func (w *recordWay) add(from, to uint32) *record {
	p := &w.list[w.next]
	w.next = (w.next + 1) % keptRecords
	*p = record{from: from, to: to, used: true}
	return p
}

// recordType says that b is the type of a TLS record (IANA registry "TLS ContentType", 20 to 25).
func recordType(b byte) bool { return b >= 20 && b <= 25 }
