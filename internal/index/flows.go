package index

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// FlowsName returns the name of the file with the flows that ended in a segment.
func FlowsName(number uint32) string { return base(number) + ".flows.parquet" }

// flowRow is a row of a flows file. Names are foreign bytes, made printable.
type flowRow struct {
	Flow        uint64    `parquet:"flow,delta"`
	Stream      *uint32   `parquet:"stream,optional"`
	CommunityID string    `parquet:"community_id"`
	Proto       uint8     `parquet:"proto,dict"`
	Client      string    `parquet:"client,dict"`
	ClientPort  uint16    `parquet:"client_port"`
	Server      string    `parquet:"server,dict"`
	ServerPort  uint16    `parquet:"server_port,dict"`
	OuterSrc    *string   `parquet:"outer_src,optional,dict"`
	OuterDst    *string   `parquet:"outer_dst,optional,dict"`
	VLAN        *uint16   `parquet:"vlan,optional,dict"`
	FirstPacket uint64    `parquet:"first_packet"`
	Start       time.Time `parquet:"start,timestamp(nanosecond)"`
	Last        time.Time `parquet:"last,timestamp(nanosecond)"`
	Ended       string    `parquet:"ended,dict"`
	Resumed     bool      `parquet:"resumed"`
	Direction   string    `parquet:"direction,dict"`
	ConnState   string    `parquet:"conn_state,dict"`
	History     string    `parquet:"history,dict"`
	InitialRTT  *int64    `parquet:"initial_rtt,optional"` // ns

	App       *string `parquet:"app,optional,dict"`
	Encrypted bool    `parquet:"encrypted"`
	Name      *string `parquet:"name,optional,dict"`
	NameField *string `parquet:"name_field,optional,dict"`
	JA4       *string `parquet:"ja4,optional,dict"`
	Host      *string `parquet:"host,optional,dict"`

	ClientSide flowHalf `parquet:"from_client"`
	ServerSide flowHalf `parquet:"from_server"`
}

// flowHalf is what one side of a flow sent.
type flowHalf struct {
	Packets            uint64 `parquet:"packets"`
	Bytes              uint64 `parquet:"bytes"`
	Payload            uint64 `parquet:"payload"`
	RetransmittedBytes uint64 `parquet:"retransmitted_bytes"`
	Retransmissions    uint32 `parquet:"retransmissions"`
	Spurious           uint32 `parquet:"spurious_retransmissions"`
	OutOfOrder         uint32 `parquet:"out_of_order"`
	Lost               uint32 `parquet:"lost_segments"`
	DuplicateAcks      uint32 `parquet:"duplicate_acks"`
	ZeroWindows        uint32 `parquet:"zero_windows"`
	WindowFull         uint32 `parquet:"window_full"`
	Resets             uint32 `parquet:"resets"`
	RTTCount           uint32 `parquet:"rtt_count"`
	RTTMin             int64  `parquet:"rtt_min"` // ns, as the others
	RTTMean            int64  `parquet:"rtt_mean"`
	RTT90              int64  `parquet:"rtt_p90"`
	RTTMax             int64  `parquet:"rtt_max"`
}

// flowGroup is how many flows are written as a row group: they are held in memory.
const flowGroup = 4096

// FlowWriter writes the flows that end in a segment to a file beside it. Flows that cannot
// be written are counted: the segments are the truth, and the file can be made again. It
// is used by one goroutine.
type FlowWriter struct {
	root    *os.Root
	capture string
	program string
	trouble func(segment uint32, err error) // may be nil

	open    bool
	bad     bool
	segment uint32
	file    *os.File
	table   *parquet.GenericWriter[flowRow]
	row     [1]flowRow
	staged  int
	rows    uint64 // in the file in hand
	lost    uint64
}

// flowsKind names the table in the file.
const flowsKind = "flows"

// NewFlowWriter returns a FlowWriter for the folder of a capture, whose ID is capture.
// program is the name and version for the files; trouble is told why a segment has no
// flows file, and may be nil.
func NewFlowWriter(root *os.Root, capture, program string, trouble func(segment uint32, err error)) *FlowWriter {
	return &FlowWriter{root: root, capture: capture, program: program, trouble: trouble}
}

// Lost returns how many flows could not be written.
func (w *FlowWriter) Lost() uint64 { return w.lost }

// Add writes a flow that has ended to the file of its segment. The files of earlier
// segments are finished.
func (w *FlowWriter) Add(c *track.Conversation) {
	w.Reach(c.Segment)
	if w.bad {
		w.lost++
		return
	}
	w.fill(&w.row[0], c)
	w.rows++
	if _, err := w.table.Write(w.row[:]); err != nil {
		w.abandon(err)
		return
	}
	if w.staged++; w.staged == flowGroup {
		w.staged = 0
		if err := w.table.Flush(); err != nil {
			w.abandon(err)
		}
	}
}

// Reach says that packets of a segment are being read: it gets a file, also when no flow
// ends in it, and those of earlier ones are finished.
func (w *FlowWriter) Reach(segment uint32) {
	if !w.open || segment != w.segment {
		w.Seal()
		w.begin(segment)
	}
}

func (w *FlowWriter) begin(segment uint32) {
	w.open, w.bad, w.segment, w.staged, w.rows = true, false, segment, 0, 0
	f, err := w.root.OpenFile(FlowsName(segment)+tmpSuffix, os.O_RDWR|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		w.abandon(err)
		return
	}
	w.file = f
	w.table = parquet.NewGenericWriter[flowRow](f, parquet.Compression(&parquet.Zstd), parquet.CreatedBy("tarrafa", w.program, ""))
}

// Seal finishes the file in hand, if there is one.
func (w *FlowWriter) Seal() {
	if !w.open {
		return
	}
	w.open = false
	if w.bad {
		return
	}
	name := FlowsName(w.segment)
	err := w.table.Close()
	if err == nil {
		var notes []byte
		if notes, err = json.Marshal(&SegmentInfo{Capture: w.capture, Segment: w.segment, Packets: w.rows}); err == nil {
			err = certify(w.file, flowsKind, notes)
		}
	}
	err = errors.Join(err, w.file.Sync(), w.file.Close())
	w.file = nil
	if err == nil {
		err = w.root.Rename(name+tmpSuffix, name)
	}
	if err != nil {
		w.abandon(err)
	}
}

// Close gives up the file in hand, if there is one: its temporary file is removed.
func (w *FlowWriter) Close() {
	if w.file != nil {
		_ = w.file.Close()
		w.file = nil
		_ = w.root.Remove(FlowsName(w.segment) + tmpSuffix)
	}
	w.open = false
}

// abandon gives up the file in hand.
func (w *FlowWriter) abandon(err error) {
	w.bad = true
	w.lost += w.rows
	if w.file != nil {
		_ = w.file.Close()
		w.file = nil
	}
	_ = w.root.Remove(FlowsName(w.segment) + tmpSuffix)
	if w.trouble != nil {
		w.trouble(w.segment, fmt.Errorf("flows: %w", err))
	}
}

func (w *FlowWriter) fill(r *flowRow, c *track.Conversation) {
	t, f := &c.Tuple, c.Stored()
	*r = flowRow{
		Flow: f.ID, Stream: f.Stream, CommunityID: f.CommunityID, Proto: f.Proto,
		Client: address(t.Src, t.Version), ClientPort: f.ClientPort, Server: address(t.Dst, t.Version), ServerPort: f.ServerPort,
		VLAN: f.VLAN, FirstPacket: f.FirstPacket, Start: time.Unix(0, f.Start).UTC(), Last: time.Unix(0, f.Last).UTC(),
		Ended: f.Ended, Resumed: f.Resumed, Direction: f.Direction, ConnState: f.ConnState, History: f.History,
		App: filled(f.App), Encrypted: f.Encrypted,
		Name: filled(f.Name), NameField: filled(f.NameField), JA4: filled(f.JA4), Host: filled(f.Host),
		ClientSide: flowHalf(f.FromClient), ServerSide: flowHalf(f.FromServer),
	}
	if o := &c.Outer; o.Version != 0 {
		r.OuterSrc, r.OuterDst = new(address(o.Src, o.Version)), new(address(o.Dst, o.Version))
	}
	if f.InitialRTT != 0 {
		r.InitialRTT = new(f.InitialRTT)
	}
}

func address(a packet.Addr, version uint8) string { return string(a.AppendTo(nil, version)) }

// filled returns a text, nil when it is empty.
func filled(text string) *string {
	if text == "" {
		return nil
	}
	return &text
}
