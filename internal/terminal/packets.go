package terminal

import (
	"strconv"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// firstOddOutcome is the first of the outcomes that a user should know of.
const firstOddOutcome = int(packet.OutcomeTruncated)

const (
	wide         = 100 // columns from which on the list always shows contents
	roomForFlags = 72  // and TCP flags
	minPreview   = 20
)

// columns are the widths of the packet list. They only grow until the window changes
// its size, so that the columns stand still while the packets run.
type columns struct {
	number, protocol, size, src, dst, flags int
}

// newestPackets is the list below the statistics: the newest packets, newest last.
func (m *model) newestPackets(height int) []string {
	n := height - 1
	return append([]string{m.section(m.tx(txNewest), "")}, m.list(m.newestRows(n), n, -1)...)
}

// newestRows returns up to n of the newest packets; while paused, of those held.
func (m *model) newestRows(n int) []live.Row {
	if m.paused {
		return m.held[max(len(m.held)-n, 0):]
	}
	if cap(m.rows) < n {
		m.rows = make([]live.Row, n)
	}
	_, got := m.hub.Newest(m.rows[:n])
	return m.rows[:got]
}

// packetsPage is the list alone, with the chosen packet in full below it. While the
// newest are followed the list moves; once a packet is chosen it stands still.
func (m *model) packetsPage() []string {
	const details = 4
	lines := append([]string{m.title()}, m.eventLines(1)...)
	n := m.height - 1 - len(lines) - 1 - details
	if n < 1 {
		return lines
	}
	m.page = n
	rows, marked := m.newestRows(n), -1
	below := m.heldFirst + uint64(len(m.held)) // place of the next packet below the list
	if !m.following {
		m.top = min(m.top, max(len(m.held)-n, 0))
		m.top = min(max(m.top, m.chosen-n+1), m.chosen)
		rows, marked = m.held[m.top:min(m.top+n, len(m.held))], m.chosen-m.top
		below = m.heldFirst + uint64(m.top+len(rows))
	}
	note := m.txf(txHistory, m.words.Integer(m.newest.Rows-min(m.newest.Rows, below)))
	switch {
	case m.held == nil:
		note = m.tx(txFollowing)
	case !m.following && m.chosen == 0 && m.heldFirst > 0:
		note = m.tx(txOlderGone)
	}
	lines = append(lines, m.listHead(rows))
	lines = append(lines, m.list(rows, n, marked)...)
	lines = append(lines, make([]string, max(m.height-1-details-len(lines), 0))...)
	return append(lines, m.details(rows, marked, note)...)
}

// list returns one line a packet; the one with the index marked is shown as chosen.
func (m *model) list(rows []live.Row, height, marked int) []string {
	if len(rows) == 0 {
		return []string{newLine(m.width).put(faint, m.tx(txWaiting)).String()}
	}
	m.measure(rows)
	lay := m.layout()
	lines := make([]string, 0, height)
	for i := range rows[:min(len(rows), height)] {
		lines = append(lines, m.row(&rows[i], lay, i == marked))
	}
	return lines
}

// measure widens the columns to what the rows need.
func (m *model) measure(rows []live.Row) {
	c := &m.columns
	c.number, c.protocol, c.size = max(c.number, 5), max(c.protocol, 4), max(c.size, 5)
	c.src, c.dst = max(c.src, 15), max(c.dst, 15)
	for i := range rows {
		r := &rows[i]
		c.number = max(c.number, len(strconv.FormatUint(r.Number, 10)))
		c.size = max(c.size, len(strconv.FormatUint(uint64(r.WireLen), 10)))
		c.protocol = min(max(c.protocol, len(protocol(r))), 8)
		if r.Outer.Version != 0 {
			c.src = max(c.src, len(endpoint(&r.Outer, r.Outer.Src, r.Outer.SrcPort)))
			c.dst = max(c.dst, len(endpoint(&r.Outer, r.Outer.Dst, r.Outer.DstPort)))
			c.flags = max(c.flags, len(flags(r)))
		}
	}
}

// layout says which columns the width allows, and how wide the addresses are.
type layout struct {
	number, flags     bool
	clock             string
	src, dst, preview int
}

func (m *model) layout() layout {
	c := &m.columns
	lay := layout{clock: "15:04:05.000"}
	free := m.width - len(lay.clock) - 1 - 2 - 3 - 1 - c.protocol - 1 - c.size
	want := c.src + c.dst
	if lay.flags = m.width >= roomForFlags; lay.flags {
		free -= 1 + max(c.flags, 3)
	}
	if lay.number = free-c.number-1 >= min(want, 70); lay.number {
		free -= c.number + 1
	}
	if free-want >= 3+minPreview+1 {
		lay.clock = "15:04:05.000000"
		free -= 3
	}
	addresses := free
	if m.width >= wide {
		addresses -= minPreview + 1 // long addresses leave room for some contents
	}
	if want > addresses {
		lay.src = min(c.src, max(addresses/2, addresses-c.dst))
		lay.dst = min(c.dst, addresses-lay.src)
	} else {
		lay.src, lay.dst = c.src, c.dst
	}
	if rest := free - lay.src - lay.dst - 1; rest >= 6 {
		lay.preview = rest
	}
	return lay
}

func (m *model) listHead(rows []live.Row) string {
	m.measure(rows)
	c, lay := &m.columns, m.layout()
	l := newLine(m.width)
	l.force = heading
	if lay.number {
		l.put(heading, right(m.tx(txNumber), c.number)).space(1)
	}
	l.put(heading, left(m.tx(txTime), len(lay.clock))).space(3)
	l.put(heading, left(m.tx(txSource), lay.src)).space(3).put(heading, left(m.tx(txDestination), lay.dst)).space(1)
	l.put(heading, left("", c.protocol)).space(1).put(heading, right(m.tx(txLength), c.size))
	if lay.flags {
		l.space(1).put(heading, left(m.tx(txFlags), max(c.flags, 3)))
	}
	if lay.preview > 0 {
		l.space(1).put(heading, m.tx(txContents))
	}
	return l.space(l.free()).String()
}

// details shows the chosen packet, or the newest one, in full: no address is cut here
// where the window has room for it.
func (m *model) details(rows []live.Row, marked int, note string) []string {
	if len(rows) == 0 {
		return nil
	}
	r := &rows[len(rows)-1]
	if marked >= 0 {
		r = &rows[marked]
	}
	way := m.tx(txUnknownDir)
	switch r.Direction {
	case packet.DirectionSent:
		way = m.tx(txSent)
	case packet.DirectionReceived:
		way = m.tx(txReceivedDir)
	}
	sign, st := direction(r.Direction)
	first := newLine(m.width).put(plain, moment(r.Time, "2006-01-02 15:04:05.000000000")).space(2).put(st, sign+" "+way)
	if i := int(r.Interface); i < len(m.shown.Capture.Interfaces) && len(m.shown.Capture.Interfaces) > 1 {
		first.put(plain, "  "+clean(m.shown.Capture.Interfaces[i]))
	}
	if r.VLAN != packet.NoVLAN {
		first.put(plain, "  VLAN "+strconv.Itoa(int(r.VLAN)))
	}
	first.put(plain, "  "+m.words.Integer(uint64(r.WireLen))+" B")
	if r.CapLen < r.WireLen {
		first.put(faint, " ("+m.txf(txCaptured, m.words.Integer(uint64(r.CapLen)))+")")
	}

	name := protocol(r)
	second := newLine(m.width).put(protocolStyle(name), name).space(1)
	if r.Outer.Version == 0 {
		second.put(plain, m.words.Outcomes[r.Outcome%packet.OutcomeCount])
	} else {
		second.put(plain, endpoint(&r.Outer, r.Outer.Src, r.Outer.SrcPort)).put(faint, " → ").put(plain, endpoint(&r.Outer, r.Outer.Dst, r.Outer.DstPort))
	}
	if tunnelled(r) {
		second.put(icmp, "  ⊃ "+inside(r))
	}

	third := newLine(m.width)
	number := func(t text, n uint64) {
		third.put(faint, m.tx(t)+" ").put(plain, strconv.FormatUint(n, 10)).space(2)
	}
	if r.Inner.Proto == packet.ProtoTCP && r.Outcome == packet.OutcomeTransport {
		third.put(strong, "["+flags(r)+"]").space(2)
		number(txSequence, uint64(r.Seq))
		number(txAck, uint64(r.Ack))
		number(txWindow, uint64(r.Window))
	}
	if r.PayloadLen > 0 {
		number(txPayload, uint64(r.PayloadLen))
	}
	third.put(faint, preview(r.Payload()))
	return []string{m.section("#"+m.words.Integer(r.Number), note), first.String(), second.String(), third.String()}
}
