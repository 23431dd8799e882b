package app

// The bounds of what is looked at per flow and found per call.
const (
	maxLooksUnknown = 8    // segments of a TCP flow that nothing recognises, each direction; datagrams, both together
	maxLooksTLS     = 24   // segments of a flow with a TLS handshake, both directions
	maxLooksOver    = 200  // segments of a direction that encrypts, while the other one is silent or its end was lost
	maxLooksBanner  = 12   // segments of a flow whose greeting is awaited
	maxLooksQUIC    = 8    // client Initial packets that are decrypted
	maxFields       = 512  // fields of one call
	scratchBytes    = 4096 // decompressed DNS names of one call
)

// Defaults and limits of Options.
const (
	DefaultPartials     = 512
	DefaultPartialBytes = 16384
	maxPartials         = 65534
	minPartialBytes     = 512
	maxPartialBytes     = 1 << 20
)

// Options sets the size of a Recognizer's side storage. Zero means the default.
type Options struct {
	// Partials is how many unfinished messages are held at a time, 1 to 65 534. Their
	// memory is taken when first needed: at most Partials × PartialBytes.
	Partials int
	// PartialBytes is the longest message that is put together from pieces, 512 bytes
	// to 1 MiB.
	PartialBytes int
}

// Segment is the payload of one packet. The caller may reuse one Segment for all calls.
type Segment struct {
	// Payload is what follows the TCP or UDP header. Borrowed for the call, not written.
	Payload []byte
	// Time is the packet's capture time in nanoseconds since 1970, UTC.
	Time int64
	// Seq is the sequence number of Payload[0], TCP only.
	Seq uint32
	// Missing is how many bytes the capture has not seen yet right before Payload in
	// this direction, 0 when Payload is the next expected or an older piece. TCP only.
	// It lets a message be put together whose first segment comes late.
	Missing uint32
	// Repeated is how many bytes at the start of Payload an earlier segment has brought
	// already: retransmissions are not read again, so that a request is found once. TCP
	// only.
	Repeated uint32
	// Order is what the TCP analysis says of the segment. HTTP messages are read accordingly,
	// as tshark reads them. TCP only.
	Order   Order
	SrcPort uint16
	DstPort uint16
	// Transport is the IP protocol number, 6 (TCP) or 17 (UDP); others are skipped.
	Transport uint8
	// FromClient says that the client of the flow sent it.
	FromClient bool
	// Truncated says that the capture's snap length cut the payload short.
	Truncated bool
	// End says that the sender says no more behind Payload, which may then be empty: FIN.
	// TCP only.
	End bool
}

// Order is where a segment stands among those of its direction.
type Order uint8

// The orders of segments, with the meaning of tshark's tcp.analysis fields.
const (
	InOrder    Order = iota // none of the others; Segment.Repeated bytes of it are not read again
	Resent                  // retransmission, or keep_alive: not read, but for what names the flow
	FastResent              // fast_retransmission: read as if it were new
	OutOfOrder              // out_of_order: fills the hole in a message, and none begins or ends in it
)

// Outcome is the result of one call. Every call has exactly one.
type Outcome uint8

const (
	// OutcomeNone is the outcome of a look that brought nothing new.
	OutcomeNone Outcome = iota
	// OutcomeSkipped means not looked at: the flow is done, or there is no payload, or the
	// transport is neither TCP nor UDP.
	OutcomeSkipped
	// OutcomeProtocol means that the protocol became known and no field was found.
	OutcomeProtocol
	// OutcomeFields means that fields were found, see Recognizer.Fields; perhaps of a message that
	// is not complete yet.
	OutcomeFields
	// OutcomePartial means part of a message, kept until the rest comes.
	OutcomePartial
	// OutcomeMalformed means a message of a known protocol that cannot be read; Fields gives
	// what came before the fault.
	OutcomeMalformed
	// OutcomeGaveUp means the last look at a flow; what it speaks stays unknown.
	OutcomeGaveUp
	// NumOutcomes is the number of outcomes.
	NumOutcomes
)

var outcomeNames = [NumOutcomes]string{
	"none", "skipped", "protocol", "fields", "partial", "malformed", "gave_up",
}

// String gives the stable name, for counters.
func (o Outcome) String() string {
	if o >= NumOutcomes {
		return "invalid"
	}
	return outcomeNames[o]
}

// Counters tell what a Recognizer did. The sum of Outcomes is the number of calls.
type Counters struct {
	Outcomes [NumOutcomes]uint64
	// PartialsStarted, PartialsFinished, PartialsEvicted, PartialsGivenUp, PartialsLost:
	// unfinished messages that got a buffer; that were read to their end; whose buffer
	// went to a newer one; that were given up because they grew longer than the buffer
	// or too many segments went by; evicted ones whose next segment came later.
	PartialsStarted, PartialsFinished, PartialsEvicted, PartialsGivenUp, PartialsLost uint64
	// PiecesDropped: pieces of a message not kept because it had too many holes.
	PiecesDropped uint64
	// FieldsDropped: fields left off because one segment held more than fit.
	FieldsDropped uint64
	// CutShort: bounds reached inside of a segment or message, whose rest was not looked
	// at: too many requests, header lines, DNS messages or ALPN names, a QUIC packet that
	// is too long.
	CutShort uint64
	// JA4Skipped: ClientHellos with more ciphers, extensions or signature algorithms
	// than are hashed.
	JA4Skipped uint64
	// QUICInitials and QUICFailed: Initial packets that were decrypted; that did not
	// authenticate.
	QUICInitials, QUICFailed uint64
}

// Recognizer recognises protocols and finds names. Its methods are not safe for
// concurrent use. Make one with [NewRecognizer].
type Recognizer struct {
	// Passive, when not nil, learns the addresses of DNS answers.
	Passive *PassiveDNS

	pool     pool
	counters Counters
	fields   [maxFields]Field
	nfields  int
	scratch  [scratchBytes]byte
	nscratch int

	hello  clientHello
	hold   []byte // head of an HTTP message whose body has ended
	carry  []byte // TLS handshake messages that span records
	ja4    [ja4Length]byte
	ja4buf []byte // the list that is hashed
	lists  []uint16
	memo   hashMemo
	quic   quicOpener
}

// NewRecognizer makes a Recognizer. Options out of range are brought into range.
func NewRecognizer(o Options) *Recognizer {
	if o.Partials <= 0 {
		o.Partials = DefaultPartials
	}
	if o.PartialBytes <= 0 {
		o.PartialBytes = DefaultPartialBytes
	}
	r := &Recognizer{}
	size := min(max(o.PartialBytes, minPartialBytes), maxPartialBytes)
	r.pool.init(min(o.Partials, maxPartials), size)
	r.carry = make([]byte, 0, size)
	r.hold = make([]byte, 0, size)
	r.ja4buf = make([]byte, 0, ja4ListBytes)
	r.lists = make([]uint16, 0, 2+2*maxHelloList)
	return r
}

// Counters gives the counters as they are now.
func (r *Recognizer) Counters() Counters { return r.counters }

// Partials gives how many unfinished messages are held at the moment.
func (r *Recognizer) Partials() int { return r.pool.used }

// Release gives back the buffers that the flow holds, for a flow that ends.
func (r *Recognizer) Release(st *FlowState) {
	for d, h := range st.partial {
		r.pool.release(h)
		st.partial[d] = 0
	}
}

// Fields gives what the last call of Segment found, whatever its outcome, in the order of the bytes. It is
// borrowed: valid until the next call.
func (r *Recognizer) Fields() []Field { return r.fields[:r.nfields] }

// Find gives the first field of that kind which the last call found.
func (r *Recognizer) Find(id FieldID) (Field, bool) {
	for i := range r.fields[:r.nfields] {
		if r.fields[i].ID == id {
			return r.fields[i], true
		}
	}
	return Field{}, false
}

// Segment looks at one packet's payload. It updates st, which must have been used with
// no other Recognizer, and does not keep s or its payload.
func (r *Recognizer) Segment(st *FlowState, s *Segment) Outcome {
	r.nfields, r.nscratch = 0, 0
	if st.flags&flagDone != 0 || len(s.Payload) <= int(s.Repeated) && !(st.proto == HTTP && (s.Order == FastResent || s.Truncated || st.partial[s.way()] != 0)) {
		r.counters.Outcomes[OutcomeSkipped]++
		return OutcomeSkipped
	}
	before := st.proto
	var v verdict
	switch s.Transport {
	case 6:
		if v = r.stream(st, s); s.Order == Resent || s.Order == OutOfOrder {
			r.early()
		}
	case 17:
		v = r.datagram(st, s)
	default:
		r.counters.Outcomes[OutcomeSkipped]++
		return OutcomeSkipped
	}
	o := OutcomeNone
	switch {
	case v == verdictMalformed:
		o = OutcomeMalformed
	case r.nfields > 0:
		o = OutcomeFields
	case v == verdictNeed:
		o = OutcomePartial
	case st.proto != before:
		o = OutcomeProtocol
	case st.proto == Unknown && st.hopeless(s.Transport):
		st.flags |= flagDone
		o = OutcomeGaveUp
	}
	r.counters.Outcomes[o]++
	return o
}

// takeBack leaves off the fields from the first one on: the message that they belong to has not come to
// its end. What names the flow remains, marked as early.
func (r *Recognizer) takeBack(first int) {
	found := r.fields[first:r.nfields]
	r.nfields = first
	for _, f := range found {
		if f.ID.NamesServer() {
			f.Early = true
			r.fields[r.nfields] = f
			r.nfields++
		}
	}
}

// early marks all fields: tshark reads nothing from the segment, but the flow has its names.
func (r *Recognizer) early() {
	for i := range r.fields[:r.nfields] {
		r.fields[i].Early = true
	}
}

// add notes a field with a value.
func (r *Recognizer) add(id FieldID, value []byte) {
	if r.nfields == maxFields {
		r.counters.FieldsDropped++
		return
	}
	r.fields[r.nfields] = Field{ID: id, Value: value}
	r.nfields++
}

// addNumber notes a field with a number.
func (r *Recognizer) addNumber(id FieldID, n uint32) {
	if r.nfields == maxFields {
		r.counters.FieldsDropped++
		return
	}
	r.fields[r.nfields] = Field{ID: id, Number: n}
	r.nfields++
}
