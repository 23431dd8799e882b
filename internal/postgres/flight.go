package postgres

import (
	"time"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// flight is what one transaction stores: rows as bytes of the COPY stream, and what goes
// with them.
type flight struct {
	rows    []byte // owned by the flight; without COPY's header and trailer
	meta    []rowMeta
	names   []interfaceName // interfaces seen for the first time
	skipped uint64          // packets without a row
	start   place           // before the first packet
	end     place           // behind the last one
	since   time.Time       // when the first batch came in
	numbers *session        // whose ids the rows get; nil: none yet
	ids     []idRange       // as many as there are rows

	seconds   secondSums  // of the rows
	addresses addressList // of the rows, when they are summed up
	summing   bool        // sums by address are wanted

	payloads payloadRows        // of packets with a row or without
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
	f.seconds.reset()
	*f = flight{
		rows: f.rows[:0], meta: f.meta[:0], names: f.names[:0], ids: f.ids[:0], addresses: f.addresses, seconds: f.seconds,
		flows: flowRows{f.flows.rows[:0], f.flows.list[:0]}, payloads: payloadRows{rows: f.payloads.rows[:0]},
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
	m := rowMeta{off: off, size: s.WireLen, time: s.Time, key: keyOf(s), untold: !told(s)}
	f.seconds.add(&m)
	if f.summing {
		m.places = f.addresses.placesOf(s)
		f.addresses.count(&m)
	}
	f.meta = append(f.meta, m)
}

// endOf returns where in f.rows the row i ends.
func (f *flight) endOf(i int) int {
	if i+1 < len(f.meta) {
		return int(f.meta[i+1].off)
	}
	return len(f.rows)
}

// A flight that waits while the one before is stored grows up to so much. Every COPY costs
// the server some milliseconds, whatever its length.
const (
	mostGrowth  = 4 // times FlushRows
	mostEncoded = 16 << 20
)

// due tells whether a flight is worth a transaction of its own.
func (f *flight) due(opt *Options) bool {
	return len(f.meta) >= opt.FlushRows || len(f.flows.list) >= opt.FlushRows || time.Since(f.since) >= opt.FlushEvery
}

// full tells whether nothing more should be added.
func (f *flight) full(opt *Options) bool {
	return len(f.meta) >= mostGrowth*opt.FlushRows || len(f.rows)+len(f.payloads.rows) >= mostEncoded || len(f.flows.list) >= opt.FlushRows
}
