package terminal

import (
	"strings"

	"github.com/tarrafa/tarrafa/internal/stats"
)

const (
	topRows     = 5
	graphTime   = 60 // seconds that the graphs show
	maxSinkRows = 6
)

// statisticsPage fits as much as the height allows: totals first, then protocols, top
// addresses, outputs, the ledger; the newest packets take what is left.
func (m *model) statisticsPage() []string {
	gap := m.height >= roomy
	lines := append([]string{m.title()}, m.totals()...)
	room := m.height - 1 // without the footer
	add := func(part []string) {
		if len(part) == 0 {
			return
		}
		extra := 0
		if gap {
			extra = 1
		}
		if len(lines)+len(part)+extra > room {
			return
		}
		if gap {
			lines = append(lines, "")
		}
		lines = append(lines, part...)
	}
	protocolRows, eventRows := 3, 1
	switch {
	case m.height >= 40:
		protocolRows, eventRows = 8, 3
	case m.height >= 28:
		protocolRows, eventRows = 5, 2
	}
	add(m.protocols(protocolRows))
	add(m.tops())
	add(append(m.sinks(), m.ledger()...))
	add(m.eventLines(eventRows))
	if left := room - len(lines); left >= 3 {
		if gap {
			lines = append(lines, "")
			left--
		}
		lines = append(lines, m.newestPackets(left)...)
	}
	return lines
}

// totals is the archive, packets, bytes and what was lost.
func (m *model) totals() []string {
	s := m.shown
	label := widest(m.tx(txPackets), m.tx(txBytes), m.tx(txDropped), m.tx(txArchive)) + 1
	archive := newLine(m.width).put(faint, left(m.tx(txArchive), label)).space(1)
	switch {
	case s.Capture.Archive == "":
		archive.put(plain, m.tx(txNoArchive))
	default:
		size := ""
		if s.Ledger != nil {
			size = "  " + m.words.Size(s.Ledger.WrittenBytes)
		}
		archive.put(plain, fitLeft(m.tilde(clean(s.Capture.Archive)), archive.free()-len(size))).put(faint, size)
	}
	packets, bits := m.minute()
	row := func(name, total, rate string, values []uint64, peak string) string {
		l := newLine(m.width).put(faint, left(name, label)).put(strong, right(total, 14)).put(plain, right(rate, 12)).space(2)
		note := "  max " + peak
		columns := graphTime
		if l.free() >= graphTime+len(note) {
			return l.put(graph, sparkline(values, columns)).put(faint, note).String()
		}
		return l.put(graph, sparkline(values, min(columns, l.free()))).String()
	}
	return []string{
		archive.String(),
		row(m.tx(txPackets), m.words.Integer(s.Stats.Packets), m.perSecond(s.Rate.Packets), packets, m.perSecond(float64(highest(packets)))),
		row(m.tx(txBytes), m.words.Size(s.Stats.Bytes), m.words.Scaled(s.Rate.Bits, "b/s"), bits, m.words.Scaled(float64(highest(bits)), "b/s")),
		m.dropped(label),
	}
}

func (m *model) tilde(path string) string {
	if rest, ok := strings.CutPrefix(path, m.home); ok && m.home != "" && strings.HasPrefix(rest, "/") {
		return "~" + rest
	}
	return path
}

func (m *model) perSecond(v float64) string { return m.words.Scaled(v, "/s") }

// minute returns packets and bits of each of the last graphTime whole seconds before
// the snapshot was taken.
func (m *model) minute() (packets, bits []uint64) {
	packets, bits = make([]uint64, graphTime), make([]uint64, graphTime)
	recent := m.shown.Stats.Recent
	from := m.shown.Taken.Unix() - graphTime
	for i := range packets {
		at := from + int64(i) - recent.Start
		if at >= 0 && at < int64(len(recent.Points)) {
			packets[i], bits[i] = recent.Points[at].Packets, 8*recent.Points[at].Bytes
		}
	}
	return packets, bits
}

func highest(values []uint64) uint64 {
	var h uint64
	for _, v := range values {
		h = max(h, v)
	}
	return h
}

// dropped says in words what did not arrive: a colour alone would not do.
func (m *model) dropped(label int) string {
	s := m.shown
	l := newLine(m.width).put(faint, left(m.tx(txDropped), label)).space(1)
	none := true
	say := func(st style, what string) {
		if !none {
			l.put(plain, " · ")
		}
		l.put(st, what)
		none = false
	}
	if n := s.Dropped(); n > 0 {
		all := s.Stats.Packets + n
		if s.Ledger != nil {
			all = max(s.Ledger.Received, n)
		}
		say(bad, m.txf(txByKernel, m.words.Integer(n), m.words.Percent(n, all)))
		if s.DropRate > 0 {
			say(bad, m.txf(txNow, m.perSecond(s.DropRate)))
		}
	}
	if s.Ledger != nil && s.Ledger.Lost > 0 {
		say(bad, m.txf(txNotWritten, m.words.Integer(s.Ledger.Lost)))
	}
	if none {
		l.put(good, m.tx(txNone))
	}
	for o, n := range s.Stats.Outcomes {
		if o >= firstOddOutcome && n > 0 {
			l.put(faint, " · "+m.words.Outcomes[o]+" "+m.words.Integer(n))
		}
	}
	return l.String()
}

// protocols is a table of at most rows protocols; the last line sums up what is left.
func (m *model) protocols(rows int) []string {
	s := m.shown.Stats
	type entry struct {
		name string
		stats.Count
		rate float64
	}
	rates := make(map[uint8]float64, len(m.shown.Protocols))
	for _, p := range m.shown.Protocols {
		rates[p.Number] = p.Packets
	}
	var all []entry
	for _, p := range s.Protocols {
		all = append(all, entry{p.Label(), p.Count, rates[p.Number]})
	}
	if s.NonIP.Packets > 0 {
		at := len(all)
		for at > 0 && all[at-1].Packets < s.NonIP.Packets {
			at--
		}
		all = append(all[:at], append([]entry{{m.tx(txNotIP), s.NonIP, m.shown.NonIP.Packets}}, all[at:]...)...)
	}
	if len(all) > rows {
		rest := entry{name: m.tx(txOthers)}
		for _, e := range all[rows-1:] {
			rest.Packets += e.Packets
			rest.Bytes += e.Bytes
			rest.rate += e.rate
		}
		all = append(all[:rows-1:rows-1], rest)
	}

	const nameWidth, numbers = 13, 14 + 9 + 2 + 10 + 12
	barWidth := min(m.width-nameWidth-numbers, 60)
	row := func(name, packets, share, bar, bytes, rate string) string {
		return left(name, nameWidth) + right(packets, 14) + right(share, 9) + "  " + left(bar, barWidth) + right(bytes, 10) + right(rate, 12)
	}
	lines := []string{m.section(row(m.tx(txProtocol), m.tx(txPackets), m.tx(txShare), "", m.tx(txBytes), m.tx(txRate)), "")}
	for i := range max(rows, len(all)) {
		if i >= len(all) {
			if i < 3 { // the first rows have their place from the start
				lines = append(lines, "")
			}
			continue
		}
		e := all[i]
		l := newLine(m.width).put(protocolStyle(e.name), left(e.name, nameWidth))
		l.put(plain, right(m.words.Integer(e.Packets), 14)+right(m.words.Percent(e.Packets, s.Packets), 9)).space(2)
		l.put(graph, bar(e.Packets, s.Packets, barWidth))
		l.put(plain, right(m.words.Size(e.Bytes), 10)+right(m.perSecond(e.rate), 12))
		lines = append(lines, l.String())
	}
	return lines
}

// tops is two tables side by side: the most frequent sources and destinations.
func (m *model) tops() []string {
	const gap, packets, minAddress = 3, 11, 15
	half := (m.width - gap) / 2
	bytes := 8
	if half-packets-bytes < minAddress {
		bytes = 0
	}
	address := half - packets - bytes
	s := m.shown.Stats
	cell := func(t *stats.Top, i int) *line {
		l := newLine(half)
		if i >= len(t.Rows) {
			return l
		}
		r := &t.Rows[i]
		count := m.words.Integer(r.Packets)
		if len(count) > packets-2 {
			count = m.words.Scaled(float64(r.Packets), "")
		}
		if r.Excess > 0 {
			count = "≈" + count
		}
		return l.put(plain, left(fitMiddle(r.String(), address), address)).
			put(strong, right(count, packets)).put(plain, right(m.words.Size(r.Bytes), bytes))
	}
	head := func(title string, t *stats.Top) string {
		note := ""
		switch {
		case t.Approximate:
			note = " ≈ " + m.tx(txApproximate)
		case t.Distinct > topRows:
			note = " (" + m.txf(txOf, m.words.Integer(t.Distinct)) + ")"
		}
		if widest(title+note) > address {
			note = ""
			if t.Approximate {
				note = " ≈"
			}
		}
		return left(title+note, address) + right(m.tx(txPackets), packets) + right(m.tx(txBytes), bytes)
	}
	lines := []string{m.section(head(m.tx(txSources), &s.Sources)+spaces(gap)+head(m.tx(txDestinations), &s.Dests), "")}
	for i := range topRows {
		src, dst := cell(&s.Sources, i), cell(&s.Dests, i)
		lines = append(lines, src.String()+spaces(half-src.used+gap)+dst.String())
	}
	return lines
}
