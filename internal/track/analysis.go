package track

import (
	"math/bits"
	"sync"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// AnalysisOptions adjust an [Analysis]. The zero value means the defaults.
type AnalysisOptions struct {
	// Memory caps the flows, what is known of their applications, and their names, bytes.
	// 0: [flow.DefaultMemory]. What a Watch and unfinished messages take (about 30 and 8 MB
	// when they are full) comes on top.
	Memory   int64
	Timeouts flow.Timeouts
	Watch    *flow.Watch // finds what looks wrong; nil: nobody looks
	// Ended is called for every flow that ends, in the order of the ends, by the goroutine
	// that runs the tracker. What it gets is valid until it returns.
	Ended func(*Conversation)
	// HoldEnds tells of ends only after the batch in which they happened has been applied:
	// when the next one is asked for, or by Drain.
	HoldEnds bool
	// Records follows the records of TLS connections to their end, so that each packet can
	// be asked whether it shows one ([Batch.Shown]): for filters and fields.
	Records bool
}

// Conversation is a flow with what its payload said.
type Conversation struct {
	flow.Flow
	Segment   uint32       // of the batch in which the flow ended
	Protocol  app.Protocol // the application, Unknown when nothing recognised it
	Encrypted bool         // a TLS, DTLS or QUIC handshake was seen
	// Name is what the client calls the server, or asked for: foreign bytes, owned by the
	// Analysis and valid until its next packet. NameField says where it stood.
	Name      []byte
	NameField app.FieldID
	JA4       []byte // the client's fingerprint; owned like Name
	// Host is the name by which DNS answers in the same capture gave the server's address,
	// foreign bytes, owned like Name; nil without one.
	Host []byte
}

// Name is a field that an application's payload said in a packet.
type Name struct {
	Row   uint32 // index into the batch's rows
	Field app.Field
}

// AnalysisCounters say what an Analysis did.
type AnalysisCounters struct {
	Flow      flow.Counters
	App       app.Counters
	Passive   app.PassiveCounters
	Watch     flow.WatchCounters
	Verdicts  [flow.AnalysisCount]uint64 // packets by verdict, in the order of flow.Analysis's bits
	NamesLost uint64                     // names of flows overwritten by newer ones
}

// Retransmissions returns the TCP segments that were sent again, of any kind.
func (c *AnalysisCounters) Retransmissions() uint64 { return c.Verdict(flow.Retransmission) }

// Verdict returns the packets with a verdict.
func (c *AnalysisCounters) Verdict(v flow.Analysis) uint64 {
	return c.Verdicts[bits.TrailingZeros32(uint32(v))%flow.AnalysisCount]
}

// Analysis is what a [Tracker] finds out beyond the headers: flows, the TCP analysis,
// names. It belongs to one Tracker; Counters may be called by any goroutine.
type Analysis struct {
	table      *flow.Table
	watch      *flow.Watch
	recognizer *app.Recognizer
	passive    *app.PassiveDNS
	ended      func(*Conversation)
	hold       bool

	notes    []flow.Note
	headers  []flow.Header
	apps     []app.Protocol
	names    []Name
	arena    []byte // values of names, until the next batch
	shown    []bool
	records  map[uint64]*records // by flow; nil: not followed
	talks    talks
	segment  app.Segment
	verdicts [flow.AnalysisCount]uint64

	applying bool    // flows that end wait in leaving
	leaving  []ended // in the order of their ends
	said     Conversation
	current  uint32 // segment of the batch in hand

	payloads Payloads
	part     segment.Chunk // what the rows of the batch in hand are decoded from

	mu       sync.Mutex
	counters AnalysisCounters // as of the last batch
}

// ended is a flow that has ended while rows of the same step still wait to be looked into.
type ended struct {
	flow flow.Flow
	talk talk
	kept bool // talk was saved, as the flow's place is used again
}

// stepRows is how many rows go through the flow table before their payload is looked at:
// few enough that the records are still in the processor's cache.
const stepRows = 64

// Shares of AnalysisOptions.Memory: of every 9 parts one for the slab beside the table,
// which has an eighth of a record for each; and a 32nd of all for names.
const (
	slabShare = 9
	nameShare = 32
)

// NewAnalysis returns an Analysis that has seen nothing. It takes memory as flows come.
func NewAnalysis(o AnalysisOptions) *Analysis {
	if o.Memory <= 0 {
		o.Memory = flow.DefaultMemory
	}
	names := o.Memory / nameShare
	rest := o.Memory - names
	a := &Analysis{
		watch: o.Watch, ended: o.Ended, hold: o.HoldEnds,
		recognizer: app.NewRecognizer(app.Options{}),
		passive:    app.NewPassiveDNS(passiveNames(o.Memory)),
		notes:      make([]flow.Note, batchRows),
		apps:       make([]app.Protocol, batchRows),
		shown:      make([]bool, batchRows),
		talks:      talks{names: newNameRing(names)},
	}
	if o.Records {
		a.records = map[uint64]*records{}
	}
	a.recognizer.Passive = a.passive
	fo := flow.Options{Memory: rest - rest/slabShare, Timeouts: o.Timeouts, Watch: o.Watch}
	if o.Ended != nil {
		fo.Ended = a.leave
	}
	a.table = flow.NewTable(fo)
	a.talks.places = int(a.table.Counters().MaxFlows)
	return a
}

// passiveNames is how many addresses DNS answers may name, at about 110 bytes each.
func passiveNames(memory int64) int {
	return int(min(app.DefaultPassiveNames, max(memory/nameShare/110, 1024)))
}

// begin starts a batch whose rows will be decoded from chunk, the part of c from the
// batch's first record on.
func (a *Analysis) begin(b *Batch, c *segment.Chunk, chunk []byte) {
	if len(a.leaving) > 0 {
		a.depart()
	}
	a.names, a.arena = a.names[:0], a.arena[:0]
	a.headers = a.headers[:0]
	b.Notes, b.Apps, b.Shown = a.notes, a.apps, a.shown
	a.current = c.Segment
	a.part = *c
	a.part.Bytes = chunk
	b.Chunk = &a.part
}

// step looks into some of a batch's rows while they are in the processor's cache.
func (a *Analysis) step(b *Batch, from, to int) {
	a.applying = true
	a.table.Apply(b.Rows[from:to], b.Chunk.Bytes, b.Notes[from:to])
	a.applying = false
	for _, h := range a.table.Headers() {
		h.Row += uint32(from)
		a.headers = append(a.headers, h)
	}
	var near [stepRows]*talk
	a.talks.touch(b.Notes[from:to], &near)
	for i := from; i < to; i++ {
		s, note := &b.Rows[i], &b.Notes[i]
		if note.Flags != 0 {
			a.judge(note.Flags)
		}
		if t := near[(i-from)%stepRows]; t != nil && t.id == note.Flow && t.deaf(s) {
			b.Apps[i] = t.state.Protocol()
			b.Shown[i] = a.mute(b, i, t)
		} else {
			b.Apps[i] = a.row(b, i)
		}
	}
	if len(a.leaving) > 0 && !a.hold {
		a.depart()
	}
}

// finish hangs what was found on a batch whose rows have all been looked into.
func (a *Analysis) finish(b *Batch) {
	n := len(b.Rows)
	b.Notes, b.Apps, b.Shown, b.Names, b.Headers = a.notes[:n], a.apps[:n], a.shown[:n], a.names, a.headers
	a.publish()
}

func (a *Analysis) judge(flags flow.Analysis) {
	for f := uint32(flags); f != 0; f &= f - 1 {
		a.verdicts[bits.TrailingZeros32(f)%flow.AnalysisCount]++
	}
}

// publish lets Counters see what has been counted.
func (a *Analysis) publish() {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.counters.Flow = a.table.Counters()
	a.counters.Flow.Memory += a.talks.bytes()
	a.counters.App = a.recognizer.Counters()
	a.counters.Passive = a.passive.Counters()
	if a.watch != nil {
		a.counters.Watch = a.watch.Counters()
	}
	a.counters.Verdicts = a.verdicts
	a.counters.NamesLost = a.talks.names.lost
}

// Counters returns the counters as of the last batch, or of the end.
func (a *Analysis) Counters() AnalysisCounters {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.counters
}

// Advance tells the time when no packets come, ns since 1970-01-01 UTC, so that silent
// flows end.
func (a *Analysis) Advance(now int64) {
	a.table.Advance(now)
	a.publish()
}

// Drain ends all flows, at the end of a capture.
func (a *Analysis) Drain() {
	a.depart()
	a.table.Drain()
	a.publish()
}

// leave takes a flow that has ended from the table.
func (a *Analysis) leave(f *flow.Flow) {
	if !a.applying {
		a.tell(f, a.talks.of(f.Place(), f.ID))
		return
	}
	a.leaving = append(a.leaving, ended{flow: *f})
}

// depart reports the flows that ended in the step that was just looked into.
func (a *Analysis) depart() {
	for i := range a.leaving {
		e := &a.leaving[i]
		if e.kept {
			a.tell(&e.flow, &e.talk)
		} else {
			a.tell(&e.flow, a.talks.of(e.flow.Place(), e.flow.ID))
		}
	}
	a.leaving = a.leaving[:0]
}

// tell hands a flow that has ended on. t may be nil.
func (a *Analysis) tell(f *flow.Flow, t *talk) {
	a.said = Conversation{Flow: *f, Segment: a.current}
	a.describe(&a.said, t)
	a.ended(&a.said)
}

// describe adds to a flow what its payload said.
func (a *Analysis) describe(c *Conversation, t *talk) {
	if t != nil {
		c.Protocol, c.Encrypted = t.state.Protocol(), t.state.Encrypted()
		c.Name, c.JA4 = a.talks.names.get(t.name), a.talks.names.get(t.ja4)
		if c.Name != nil {
			c.NameField = t.nameField
		}
	}
	c.Host, _ = a.passive.Lookup(c.Tuple.Dst.Netip(c.Tuple.Version), c.Start)
}

// Find writes the flow of a packet to c and reports whether it is still there. n is the
// note about the packet.
func (a *Analysis) Find(n *flow.Note, c *Conversation) bool {
	*c = Conversation{}
	if !a.table.Get(n, &c.Flow) {
		return false
	}
	a.describe(c, a.talks.of(n.Place(), n.Flow))
	return true
}
