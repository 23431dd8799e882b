package postgres

import (
	"bytes"
	"io"
	"time"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// flight is what one transaction stores: rows as bytes of the COPY stream, and what goes
// with them.
type flight struct {
	rows    []byte // owned by the flight; without COPY's header and trailer
	meta    []rowMeta
	names   []interfaceName // interfaces seen for the first time
	skipped uint64          // packets without a row
	start   segment.Cursor  // before the first packet
	end     segment.Cursor  // behind the last one
	since   time.Time       // when the first batch came in
	numbers *session        // whose ids are written into the rows; nil: none

	addresses addressList // of the rows

	flows    flowRows           // that ended
	findings map[uint64]finding // by ID
	again    bool               // some of them may be in the database already
	seq      uint64             // of launch
}

// rowMeta is what the sink has to know about a row that it has already encoded.
type rowMeta struct {
	off    uint32 // of the row in flight.rows
	size   uint32 // bytes on the wire
	time   int64  // ns
	key    secondKey
	places [places]uint32 // its addresses in flight.addresses, by place
	untold bool           // see secondSum
}

// interfaceName is a row of tarrafa_interfaces.
type interfaceName struct {
	index uint16
	name  string
	link  packet.LinkType
}

func (f *flight) reset() {
	f.addresses.reset()
	*f = flight{
		rows: f.rows[:0], meta: f.meta[:0], names: f.names[:0], addresses: f.addresses,
		flows: flowRows{f.flows.rows[:0], f.flows.list[:0]},
	}
}

// add appends a packet; without a row when the table cannot hold it.
func (f *flight) add(e *encoder, s *packet.Summary, note *flow.Note, nonIP bool) {
	if !isIP(s) && !nonIP {
		f.skipped++
		return
	}
	off := uint32(len(f.rows))
	var ok bool
	if f.rows, ok = e.appendRow(f.rows, s, note); !ok {
		f.skipped++
		return
	}
	f.meta = append(f.meta, rowMeta{
		off: off, size: s.WireLen, time: s.Time, key: keyOf(s), untold: !told(s), places: f.addresses.placesOf(s),
	})
}

// part returns the encoded rows lo to hi (without hi).
func (f *flight) part(lo, hi int) []byte {
	if lo >= hi {
		return nil
	}
	end := uint32(len(f.rows))
	if hi < len(f.meta) {
		end = f.meta[hi].off
	}
	return f.rows[f.meta[lo].off:end]
}

// stream returns the COPY stream of a part.
func (f *flight) stream(lo, hi int, text bool) io.Reader {
	if text {
		return bytes.NewReader(f.part(lo, hi))
	}
	return io.MultiReader(bytes.NewReader(copyHeader), bytes.NewReader(f.part(lo, hi)), bytes.NewReader(copyTrailer))
}
