package live

import (
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// PreviewSize is how many bytes of a packet's payload a [Row] keeps.
const PreviewSize = 47

// Row is a packet with the first bytes of its payload: all that a list of the newest
// packets shows. It has no pointers and may be copied freely.
type Row struct {
	packet.Summary
	Preview    [PreviewSize]byte // foreign bytes
	PreviewLen uint8
}

// Payload returns the first bytes of the payload. They belong to the row.
func (r *Row) Payload() []byte { return r.Preview[:r.PreviewLen] }

// RowOf returns a row of a batch as a list shows it.
func RowOf(b *track.Batch, row *packet.Summary) Row {
	r := Row{Summary: *row}
	r.PreviewLen = uint8(copy(r.Preview[:], payload(b, row)))
	return r
}

// ring holds the newest rows. Its owner serialises the access.
type ring struct {
	rows []Row
	next uint64 // place of the next row: rows added so far
}

func (r *ring) add(b *track.Batch, rows []packet.Summary) {
	if skip := len(rows) - len(r.rows); skip > 0 {
		r.next += uint64(skip)
		rows = rows[skip:]
	}
	at := int(r.next % uint64(len(r.rows)))
	r.next += uint64(len(rows))
	for i := range rows {
		row := &r.rows[at]
		row.Summary = rows[i]
		row.PreviewLen = uint8(copy(row.Preview[:], payload(b, &rows[i])))
		at++
		if at == len(r.rows) {
			at = 0
		}
	}
}

// payload returns the captured part of a row's innermost transport payload.
func payload(b *track.Batch, row *packet.Summary) []byte {
	if row.Flags&packet.Reassembled != 0 || row.PayloadOff >= row.CapLen {
		return nil // a datagram put together from fragments is gone when the batch is handed on
	}
	length := min(row.PayloadLen, row.CapLen-row.PayloadOff)
	return b.Data(row)[row.PayloadOff : row.PayloadOff+length]
}

// oldest returns the place of the oldest row that is still held.
func (r *ring) oldest() uint64 {
	if size := uint64(len(r.rows)); r.next > size {
		return r.next - size
	}
	return 0
}

func (r *ring) copy(from uint64, dst []Row) (first uint64, n int) {
	first = min(max(from, r.oldest()), r.next)
	n = int(min(uint64(len(dst)), r.next-first))
	at := int(first % uint64(len(r.rows)))
	k := copy(dst[:n], r.rows[at:])
	copy(dst[k:n], r.rows)
	return first, n
}
