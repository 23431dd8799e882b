package terminal

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/words"
)

// sinks is a table with a line for each output: what it wrote, how far it is behind,
// what ails it or where it writes.
func (m *model) sinks() []string {
	sinks := m.shown.Sinks[:min(len(m.shown.Sinks), maxSinkRows)]
	if len(sinks) == 0 {
		return nil
	}
	const numbers = 13
	nameWidth := widest(m.tx(txOutputs))
	for i := range sinks {
		nameWidth = min(max(nameWidth, widest(clean(sinks[i].Name))), 16)
	}
	stateWidth := widest(m.tx(txState), m.tx(txOK), m.tx(txCatching), m.tx(txRetrying), m.tx(txStopped))
	lines := []string{m.section(left(m.tx(txOutputs), nameWidth)+"  "+left(m.tx(txState), stateWidth)+
		right(m.tx(txRows), numbers)+right(m.tx(txBehind), numbers)+"  "+m.tx(txTarget), "")}
	for i := range sinks {
		sink := &sinks[i]
		st := good
		switch sink.State {
		case live.SinkCatching:
			st = warn
		case live.SinkRetrying, live.SinkStopped:
			st = bad
		}
		l := newLine(m.width).put(strong, left(clean(sink.Name), nameWidth)).space(2)
		l.put(st, left(m.tx(sinkState(sink.State)), stateWidth))
		l.put(plain, right(m.words.Integer(sink.Rows), numbers))
		behind := plain
		if sink.Behind > 0 && sink.State != live.SinkOK {
			behind = warn
		}
		l.put(behind, right(m.words.Integer(sink.Behind), numbers)).space(2)
		if sink.Lost > 0 {
			l.put(bad, m.txf(txExpired, m.words.Integer(sink.Lost))).space(2)
		}
		if sink.Error != "" {
			l.put(bad, cause(clean(sink.Error), l.free()))
		} else {
			l.put(faint, fitLeft(m.tilde(clean(sink.Target)), l.free()))
		}
		lines = append(lines, l.String())
	}
	return lines
}

// cause shortens an error from its beginning on until what happened fits; it stands before
// the advice, which follows as far as there is room.
func cause(s string, room int) string {
	for {
		what, _, _ := strings.Cut(s, "; ")
		_, rest, ok := strings.Cut(what, ": ")
		if widest(what) <= room || !ok {
			return fit(s, room)
		}
		s = rest + s[len(what):]
	}
}

// sinkState returns the word for a sink's state.
func sinkState(s live.SinkState) text {
	switch s {
	case live.SinkCatching:
		return txCatching
	case live.SinkRetrying:
		return txRetrying
	case live.SinkStopped:
		return txStopped
	default:
		return txOK
	}
}

// ledger says where every packet is, in one line if the width allows it and else in two.
// What is zero is left out.
func (m *model) ledger() []string {
	g := m.shown.Ledger
	if g == nil {
		return nil
	}
	var b strings.Builder
	account := func(before string, t text, n uint64, always bool) {
		if n > 0 || always {
			b.WriteString(before + m.tx(t) + " " + m.words.Integer(n))
		}
	}
	account("", txReceived, g.Received, true)
	account(" = ", txDelivered, g.Delivered, true)
	account(" + ", txDroppedLedger, g.Dropped, false)
	account(" + ", txSkipped, g.Skipped, false)
	source := b.String()
	b.Reset()
	account("", txWritten, g.Written, true)
	account(" + ", txLost, g.Lost, false)
	disk := b.String()

	label := m.tx(txLedger)
	margin := widest(label) + 2
	if margin+widest(source+" · "+disk) <= m.width {
		return []string{newLine(m.width).put(faint, left(label, margin)).put(plain, source+" · "+disk).String()}
	}
	return []string{
		newLine(m.width).put(faint, left(label, margin)).put(plain, source).String(),
		newLine(m.width).space(margin).put(plain, disk).String(),
	}
}

// LedgerText returns the whole ledger as lines of text, the sum of each account and
// whether all of them balance: what is printed at the end of a capture.
func LedgerText(g *live.Ledger, lang words.Language) string {
	w := Words(lang)
	type term struct {
		name string
		n    uint64
	}
	type account struct {
		name  string
		sum   uint64
		terms []term
	}
	tx := func(t text) string { return textIn(lang, t) }
	accounts := []account{
		{tx(txReceived), g.Received, []term{{tx(txDelivered), g.Delivered}, {tx(txDroppedLedger), g.Dropped}, {tx(txSkipped), g.Skipped}}},
		{tx(txDelivered), g.Delivered, []term{{tx(txWritten), g.Written}, {tx(txLost), g.Lost}}},
	}
	for _, f := range g.Followers {
		accounts = append(accounts, account{clean(f.Name), g.Written, []term{
			{tx(txApplied), f.Applied}, {tx(txBehindLedger), f.Behind}, {tx(txExpiredLedger), f.Expired},
		}})
	}
	nameWidth, sumWidth := 0, 0
	for _, a := range accounts {
		nameWidth = max(nameWidth, widest(a.name))
		sumWidth = max(sumWidth, len(w.Integer(a.sum)))
	}
	var b strings.Builder
	b.WriteString(tx(txLedger) + "\n")
	for _, a := range accounts {
		var terms []string
		for _, t := range a.terms {
			terms = append(terms, t.name+" "+w.Integer(t.n))
		}
		fmt.Fprintf(&b, "  %s  %s = %s\n", left(a.name, nameWidth), right(w.Integer(a.sum), sumWidth), strings.Join(terms, " + "))
	}
	for _, f := range g.Followers {
		if len(f.Limits) == 0 {
			continue
		}
		var reached []string
		for _, name := range slices.Sorted(maps.Keys(f.Limits)) {
			reached = append(reached, clean(name)+" "+w.Integer(f.Limits[name]))
		}
		fmt.Fprintf(&b, "  %s: %s: %s\n", clean(f.Name), tx(txLimits), strings.Join(reached, ", "))
	}
	if g.Suspended > 0 {
		fmt.Fprintf(&b, "  "+tx(txSuspendedFor)+"\n", clock(g.Suspended))
	}
	if err := g.Balance(); err != nil {
		fmt.Fprintf(&b, "  %s: %s\n", tx(txUnbalanced), clean(strings.TrimPrefix(err.Error(), "the ledger does not balance: ")))
	} else {
		b.WriteString("  " + tx(txBalanced) + "\n")
	}
	return b.String()
}
