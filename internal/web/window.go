package web

import (
	"crypto/md5"
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// A message of rows is a head, count rows, and count payloads, 64 bytes each, little
// endian. docs/api.md describes them for whoever writes another client.
const (
	recordSize = 64
	windowMark = 0x31575254 // "TRW1"
	maxRows    = 256        // of a window
)

// Flags of a window.
const (
	windowExact   = 1 << iota // Total is final for now: the filter has seen everything
	windowFollow              // the newest rows, sent because they are new
	windowNoRows              // only the numbers of the head have changed
	windowEnded               // the capture has ended
	windowExpired             // rows that were asked for are no longer held
)

// Bits in the length of a payload record.
const (
	commented = 0x40
	hashKnown = 0x80
)

// window is some rows of a view.
type window struct {
	view, request uint32
	from, total   uint64
	oldest        uint64
	skipped       uint64
	flags         uint32
	done          float32 // 0 to 1: how much of the filter's work is done
	notes         uint32  // their revision
	rows          []row
}

// row is what the page shows of one packet.
type row struct {
	live.Row
	hash    [md5.Size]byte
	hasHash bool
	note    notes.Note
}

// annotate adds what the reader marked and commented.
func (w *window) annotate(b *notes.Book) {
	if b == nil {
		return
	}
	w.notes = b.Revision()
	for i := range w.rows {
		w.rows[i].note = b.Packet(w.rows[i].Number)
	}
}

// append appends the message to dst.
func (w *window) append(dst []byte) []byte {
	le := binary.LittleEndian
	dst = le.AppendUint32(dst, windowMark)
	dst = le.AppendUint32(dst, w.view)
	dst = le.AppendUint64(dst, w.from)
	dst = le.AppendUint64(dst, w.total)
	dst = le.AppendUint64(dst, w.skipped)
	dst = le.AppendUint32(dst, uint32(len(w.rows)))
	dst = le.AppendUint32(dst, w.flags)
	dst = le.AppendUint64(dst, w.oldest)
	dst = le.AppendUint32(dst, w.request)
	dst = le.AppendUint32(dst, uint32(w.done*1e6))
	dst = le.AppendUint32(dst, w.notes)
	dst = le.AppendUint32(dst, 0)
	for i := range w.rows {
		dst = appendRow(dst, &w.rows[i].Summary, w.rows[i].note.Marked)
	}
	for i := range w.rows {
		r := &w.rows[i]
		dst = append(dst, r.hash[:]...)
		n := r.PreviewLen
		if r.hasHash {
			n |= hashKnown
		}
		if r.note.Comment != "" {
			n |= commented
		}
		dst = append(dst, n)
		dst = append(dst, r.Preview[:]...)
	}
	return dst
}

// appendRow appends one row. The addresses are those of the outermost IP header, ports
// and flags those of the transport above it where there is no tunnel.
func appendRow(dst []byte, s *packet.Summary, marked bool) []byte {
	le := binary.LittleEndian
	t := &s.Outer
	dst = le.AppendUint64(dst, s.Number)
	dst = le.AppendUint64(dst, uint64(s.Time))
	dst = append(dst, t.Src[:]...)
	dst = append(dst, t.Dst[:]...)
	sport, dport := t.SrcPort, t.DstPort
	if t.Version == 0 {
		sport = s.EtherType
	}
	dst = le.AppendUint16(dst, sport)
	dst = le.AppendUint16(dst, dport)
	dst = le.AppendUint32(dst, s.WireLen)
	bits := s.TCPFlags&0x0fff | uint16(s.Direction&3)<<12
	if s.Flags&packet.Truncated != 0 {
		bits |= 1 << 14
	}
	if marked {
		bits |= 1 << 15
	}
	dst = le.AppendUint16(dst, bits)
	dst = append(dst, t.Proto, t.Version&0xf|uint8(s.Outcome)<<4)
	return le.AppendUint32(dst, s.PayloadLen)
}

// hashPreview fills in the hash of a row whose whole payload is in the preview.
func (r *row) hashPreview() {
	if n := r.PayloadLen; n > 0 && n == uint32(r.PreviewLen) {
		r.hash, r.hasHash = md5.Sum(r.Payload()), true
	}
}

// fillPayload takes preview and hash from the packet's bytes.
func (r *row) fillPayload(data []byte) {
	p := payloadOf(&r.Summary, data)
	r.PreviewLen = uint8(copy(r.Preview[:], p))
	if len(p) > 0 {
		r.hash, r.hasHash = md5.Sum(p), true
	}
}

// payloadOf returns the captured part of the innermost transport payload; it is part of
// data.
func payloadOf(s *packet.Summary, data []byte) []byte {
	if s.Flags&packet.Reassembled != 0 || uint64(s.PayloadOff) >= uint64(len(data)) {
		return nil
	}
	p := data[s.PayloadOff:]
	return p[:min(uint64(s.PayloadLen), uint64(len(p)))]
}
