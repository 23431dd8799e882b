package flow

import (
	"iter"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// How much a Watch remembers. All tables together take about 30 MB when they are full,
// whatever the traffic is.
const (
	clueLimit     = 1 << 15 // things that may become findings
	sourceLimit   = 1 << 14 // hosts that open connections
	serviceLimit  = 1 << 13 // address and port that connections go to
	stallLimit    = 1 << 12 // closed windows
	resetLimit    = 1 << 12 // RSTs to compare what follows with
	payloadLimit  = 1 << 15 // small payloads that came twice; see onceLimit
	beaconLimit   = 1 << 16 // client and service
	domainLimit   = 1 << 13 // client and domain
	findingsLimit = 512     // findings of each kind
)

// When all findings of a kind are held, so many new ones may take the place of others in
// a minute of packet time. Under a flood each packet would otherwise be a new finding.
const (
	renewalsPerMinute = 32
	renewalWindow     = 60e9 // ns
)

// WatchOptions adjust a Watch.
type WatchOptions struct {
	Thresholds Thresholds // zero: DefaultThresholds

	// Found is called when a finding is new, when it gets more severe and when its count
	// reaches a power of ten. The Finding is valid until Found returns.
	Found func(*Finding)
}

// WatchCounters say what a Watch did.
type WatchCounters struct {
	Findings  [findCount]uint64 // found, by kind
	Forgotten [findCount]uint64 // no longer held because there were too many of the kind
	Withheld  [findCount]uint64 // times that a new one was not taken in, as too many of the kind were new
	Evicted   uint64            // things under observation given up for want of room
	Fleeting  uint64            // payloads and values that came once, forgotten for others: the rule in long captures
}

// Watch looks for what is wrong. It is attached to a Table with Options.Watch, sees every
// packet there, and is told about DNS names by DNSName.
type Watch struct {
	limits   Thresholds
	found    func(*Finding)
	mix      mixer
	now      int64 // time of the latest packet
	nextID   uint64
	kinds    [findCount]bounded[Finding]
	renewals [findCount]renewals
	spare    Finding // what a detector writes to that may not raise a new one
	counts   [findCount]uint64
	clues    bounded[clue]
	sources  bounded[source]
	services bounded[service]
	stalls   bounded[clue]
	resets   bounded[resetSeen]
	onces    onces // small payloads
	payloads bounded[repeat]
	beacons  bounded[repeat]
	domains  bounded[domain]
	values   values // what is counted once: ports, hosts, names
	name     [255]byte
}

// NewWatch returns a Watch that has seen nothing.
func NewWatch(o WatchOptions) *Watch {
	if o.Thresholds == (Thresholds{}) {
		o.Thresholds = DefaultThresholds()
	}
	w := &Watch{
		limits: o.Thresholds, found: o.Found, mix: newMixer(),
		clues:    newBounded[clue](clueLimit),
		sources:  newBounded[source](sourceLimit),
		services: newBounded[service](serviceLimit),
		stalls:   newBounded[clue](stallLimit),
		resets:   newBounded[resetSeen](resetLimit),
		payloads: newBounded[repeat](payloadLimit),
		beacons:  newBounded[repeat](beaconLimit),
		domains:  newBounded[domain](domainLimit),
	}
	for i := range w.kinds {
		w.kinds[i] = newBounded[Finding](findingsLimit)
	}
	return w
}

// Counters returns the counters as they are now.
func (w *Watch) Counters() WatchCounters {
	c := WatchCounters{Findings: w.counts}
	for i := range w.kinds {
		c.Forgotten[i] = w.kinds[i].evicted
		c.Withheld[i] = w.renewals[i].withheld
	}
	c.Evicted = w.clues.evicted + w.sources.evicted + w.services.evicted + w.stalls.evicted +
		w.resets.evicted + w.payloads.evicted + w.beacons.evicted + w.domains.evicted
	c.Fleeting = w.onces.evicted + w.values.evicted
	return c
}

// All yields the findings that are held, by kind and then by age. They are valid until
// the Watch is used again.
func (w *Watch) All() iter.Seq[*Finding] {
	return func(yield func(*Finding) bool) {
		for k := range w.kinds {
			entries := w.kinds[k].entries
			for i := range entries {
				if !yield(&entries[i].value) {
					return
				}
			}
		}
	}
}

// sighting is one TCP segment or datagram as the detectors see it.
type sighting struct {
	r       *record
	row     *packet.Summary
	note    *Note
	flags   Analysis // also those that the note hides
	before  uint8    // the endpoints' states before this packet
	opening bool     // the sender had done no more than to open the connection
	side    uint8    // of the sender
	payload []byte   // captured payload of a small packet; nil when it is not whole
}

func (s *sighting) was(side uint8) endpointState {
	return endpointState(s.before >> (side * 4) & 15)
}

func (s *sighting) fromServer() bool { return s.side != s.r.client() }

// packet is called by the Table for every packet of a flow.
func (w *Watch) packet(s *sighting) {
	w.now = s.row.Time
	if s.payload != nil && s.flags&Retransmission == 0 {
		w.repeated(s)
	}
	if s.row.Number == s.r.frame && s.r.bits&bitSplit == 0 {
		w.opened(s)
	}
	if s.r.key.proto() != protoTCP {
		if s.r.key.proto() == protoUDP && s.r.bits&bitSplit == 0 && s.r.sum[s.side].packets == 1 {
			w.datagram(s)
		}
		return
	}
	if s.flags != 0 || s.r.bits&(bitStallA|bitStallB) != 0 {
		w.trouble(s)
	}
	if s.row.TCPFlags&(flagSYN|flagRST|flagFIN) != 0 || s.opening || s.row.TCPFlags&flagACK == 0 {
		w.control(s)
	}
	if s.row.PayloadLen > 0 {
		w.misfit(s)
	}
	if s.note.AcksFrame != 0 {
		w.roundTrip(s)
	}
}

// small reports that a packet's payload is short enough to be compared with others.
func (w *Watch) small(s *packet.Summary) bool {
	return s.PayloadLen >= 2 && s.PayloadLen <= w.limits.HeartbeatBytes
}

// passing hands a packet that plain has counted to the Watch, when there is anything that
// such a packet can show.
func (t *Table) passing(r *record, side uint8, s *packet.Summary, chunk []byte, n *Note) {
	if w := t.watch; w.small(s) || n.AckRTT >= int64(w.limits.RTTRise) {
		t.watching(r, r.states, side, false, s, chunk, n, 0)
	} else {
		w.now = s.Time
	}
}

// watching hands a packet to the Watch.
func (t *Table) watching(r *record, before, side uint8, opening bool, s *packet.Summary, chunk []byte, n *Note, a Analysis) {
	seen := sighting{r: r, row: s, note: n, flags: a, before: before, side: side, opening: opening}
	if t.watch.small(s) && s.Flags&packet.Reassembled == 0 {
		data := captured(s, chunk)
		if end := uint64(s.PayloadOff) + uint64(s.PayloadLen); end <= uint64(len(data)) {
			seen.payload = data[s.PayloadOff:end]
		}
	}
	t.watch.packet(&seen)
}

// subject hashes what a finding is about.
func (w *Watch) subject(kind FindingKind, a, b, c uint64) uint64 {
	return w.mix.words(a, b, c<<8|uint64(kind))
}

// host hashes an address.
func (w *Watch) host(a *packet.Addr) uint64 {
	var hi, lo uint64
	for i := range 8 {
		hi = hi<<8 | uint64(a[i])
		lo = lo<<8 | uint64(a[8+i])
	}
	return w.mix.words(hi, lo, 1)
}

// service hashes an address with a port.
func (w *Watch) service(a *packet.Addr, port uint16, proto uint8) uint64 {
	return w.mix.words(w.host(a), uint64(port)<<8|uint64(proto), 2)
}

// raise returns the finding of a subject, with what the clue says; fresh tells that it is
// new. The detector fills in the rest and calls tell.
func (w *Watch) raise(kind FindingKind, subject uint64, c *clue) (f *Finding, fresh bool) {
	k := &w.kinds[kind]
	if len(k.entries) == k.limit && k.get(subject) == nil && !w.renewals[kind].allow(w.now) {
		w.spare = Finding{Kind: kind, Stream: NoStream}
		return &w.spare, false
	}
	f, fresh = k.put(subject)
	if fresh {
		w.nextID++
		w.counts[kind]++
		*f = Finding{ID: w.nextID, Kind: kind, Stream: NoStream}
	}
	f.First, f.Last, f.Count, f.clue = c.first, c.last, c.count, *c
	return f, fresh
}

// renewals bounds how fast the findings of a kind take each other's place.
type renewals struct {
	start    int64 // of the minute, ns
	count    int
	withheld uint64
}

func (r *renewals) allow(now int64) bool {
	if !within(now-r.start, renewalWindow) {
		r.start, r.count = now, 0
	}
	if r.count++; r.count > renewalsPerMinute {
		r.withheld++
		return false
	}
	return true
}

// tell calls Found when there is something new to say.
func (w *Watch) tell(f *Finding, fresh bool) {
	if f == &w.spare {
		return
	}
	worse := f.Severity > f.told
	if !fresh && !worse && (f.Count < 10 || f.Count > 1<<32-1 || !power(uint32(f.Count))) {
		return
	}
	f.told, f.toldLast, f.toldCount = f.Severity, f.Last, f.Count
	if w.found != nil {
		w.found(f)
	}
}

// Finish calls Found for every finding that has gone on since it was told, at the end of a
// capture.
func (w *Watch) Finish() {
	if w.found == nil {
		return
	}
	for f := range w.All() {
		// Where packets bring old times a finding grows, and its last time does not.
		if f.Last != f.toldLast || f.Count != f.toldCount {
			f.toldLast, f.toldCount = f.Last, f.Count
			w.found(f)
		}
	}
}

// oneSide returns the tuple with the destination's side only.
func oneSide(t packet.Tuple) packet.Tuple {
	t.Src, t.SrcPort = packet.Addr{}, 0
	return t
}

// sender returns the tuple with the source's address only.
func sender(t packet.Tuple) packet.Tuple {
	t.Dst, t.DstPort, t.SrcPort = packet.Addr{}, 0, 0
	return t
}

func grade(bad, worse bool) Severity {
	switch {
	case worse:
		return Serious
	case bad:
		return Warning
	}
	return Info
}
