package terminal

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/charmbracelet/x/ansi"

	"github.com/tarrafa/tarrafa/internal/live"
)

const (
	minWidth  = 40
	minHeight = 8
	roomy     = 32 // lines from which on sections are set apart by an empty line
)

// draw returns the whole screen: exactly height lines, none wider than width.
func (m *model) draw() string {
	var lines []string
	switch {
	case m.width < minWidth || m.height < minHeight:
		lines = []string{fit(LogLine(m.shown, m.lang), m.width), fit(m.tx(txTooSmall), m.width)}
	case m.help:
		lines = append([]string{m.title()}, m.helpPage()...)
	case m.view == packetsView:
		lines = m.packetsPage()
	default:
		lines = m.statisticsPage()
	}
	if m.height >= minHeight {
		lines = append(lines[:min(len(lines), m.height-1)], make([]string, max(m.height-1-len(lines), 0))...)
		lines = append(lines, m.footer())
	}
	return strings.Join(lines[:min(len(lines), m.height)], "\n")
}

func (m *model) tx(t text) string { return textIn(m.lang, t) }

func (m *model) txf(t text, args ...any) string { return fmt.Sprintf(textIn(m.lang, t), args...) }

// title says what is captured and how the capture and the view are doing.
func (m *model) title() string {
	state, st := "● "+m.tx(txRunning), good
	switch {
	case m.paused:
		state, st = "‖ "+m.tx(txPaused)+" "+m.txf(txNew, m.words.Integer(m.newest.Stats.Packets-m.shown.Stats.Packets)), warn
	case m.newest.Final:
		state, st = "■ "+m.tx(txEnded), plain
	case !m.newest.Suspended.IsZero():
		state, st = "■ "+m.tx(txSuspended), bad
	case m.deaf():
		state, st = "○ "+m.tx(txNoInterface), bad
	}
	tail := newLine(m.width - 10)
	tail.put(plain, clock(m.newest.Elapsed())).space(2)
	if m.paused && !m.newest.Suspended.IsZero() {
		tail.put(bad, "■ "+m.tx(txSuspended)).space(2)
	}
	tail.put(st, state).space(1)

	l := newLine(m.width)
	l.put(brand, " TARRAFA ").space(1)
	head := newLine(l.free() - tail.used - 2)
	for i, name := range m.shown.Capture.Interfaces {
		if i > 0 {
			head.put(plain, ", ")
		}
		head.put(strong, clean(name))
		head.put(bad, m.interfaceTrouble(name))
	}
	filter := m.tx(txAllTraffic)
	if f := m.shown.Capture.Filter; f != "" {
		filter = clean(f)
	}
	head.put(plain, " · "+filter)
	return l.String() + head.String() + spaces(l.free()-head.used-tail.used) + tail.String()
}

// deaf tells whether no interface is there to capture from.
func (m *model) deaf() bool {
	return len(m.shown.Interfaces) > 0 && !slices.ContainsFunc(m.shown.Interfaces, func(i live.Interface) bool { return i.State == live.InterfaceUp })
}

func (m *model) interfaceTrouble(name string) string {
	for _, i := range m.shown.Interfaces {
		switch {
		case i.Name != name:
		case i.State == live.InterfaceDown:
			return " (" + m.tx(txInterfaceDown) + ")"
		case i.State == live.InterfaceGone:
			return " (" + m.tx(txInterfaceGone) + ")"
		}
	}
	return ""
}

// clock returns a duration as 00:00:00, with days before it when there are any.
func clock(d time.Duration) string {
	s := max(d, 0) / time.Second
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600%24, s/60%60, s%60)
	if days := s / 86400; days > 0 {
		text = fmt.Sprintf("%dd %s", days, text)
	}
	return text
}

// footer names the keys that matter now.
func (m *model) footer() string {
	l := newLine(m.width)
	key := func(name string, what text) {
		if 1+widest(name)+1+widest(m.tx(what)) <= l.free() {
			l.space(1).put(keyName, name).space(1).put(faint, m.tx(what)).space(2)
		}
	}
	if m.help {
		key("?", txKeyBack)
		key("q", txKeyQuit)
		return l.String()
	}
	key("q", txKeyQuit)
	stopped := !m.newest.Suspended.IsZero()
	if m.suspend != nil && stopped {
		key("s", txKeyStart)
	}
	pause := txKeyPause
	if m.paused {
		pause = txKeyResume
	}
	key("space", pause)
	other := txKeyPackets
	if m.view == packetsView {
		other = txKeyStatistics
	}
	key("tab", other)
	help := txKeyHelp
	if m.newLink != nil {
		help = txKeyHelpLink
	}
	key("?", help)
	if m.view == packetsView {
		key("↑↓ PgUp PgDn Home End", txKeyChoose)
	}
	if m.suspend != nil && !stopped {
		key("s", txKeyStop)
	}
	return l.String()
}

// section is a heading over a part of the screen, underlined across the whole width,
// with a note at its right end.
func (m *model) section(title, note string) string {
	l := newLine(m.width)
	l.force = heading
	l.put(heading, title)
	return l.to(m.width-ansi.StringWidth(note)).put(heading, note).space(l.free()).String()
}

// eventLines returns the newest event that still matters, or up to n of them.
func (m *model) eventLines(n int) []string {
	var lines []string
	for i := len(m.shown.Events) - 1; i >= 0 && len(lines) < n; i-- {
		e := m.shown.Events[i]
		age := m.shown.Taken.Sub(e.Time)
		if age > time.Minute && e.Level != live.Problem || age > 10*time.Minute {
			continue
		}
		st := plain
		switch e.Level {
		case live.Warning:
			st = warn
		case live.Problem:
			st = bad
		}
		lines = append([]string{newLine(m.width).put(faint, e.Time.Local().Format("15:04:05 ")).put(st, clean(e.Text)).String()}, lines...)
	}
	return lines
}

func (m *model) helpPage() []string {
	entry := func(sign string, what text) string {
		return newLine(m.width).space(2).put(keyName, left(sign, 12)).space(1).put(plain, m.tx(what)).String()
	}
	var lines []string
	if m.link != "" {
		lines = append(lines, m.section(m.tx(txHelpPageLink), ""))
		for rest := m.link; rest != ""; { // whole, and alone in its lines, so that it can be picked up
			n := min(m.width, len(rest))
			lines = append(lines, newLine(m.width).put(plain, rest[:n]).String())
			rest = rest[n:]
		}
	}
	return append(
		lines,
		m.section(m.tx(txHelpKeys), ""),
		entry("q  Ctrl+C", txHelpQuit),
		entry("space", txHelpPause),
		entry("s", txHelpStop),
		entry("tab", txHelpTab),
		entry("↑ ↓", txHelpScroll),
		entry("PgUp PgDn", txHelpPage),
		entry("Home End", txHelpEnds),
		entry("?", txHelpHelp),
		m.section(m.tx(txHelpSigns), ""),
		entry("▲", txHelpSent),
		entry("▼", txHelpReceived),
		entry("SAPFRUEC", txHelpFlags),
		entry("⊃", txHelpInside),
		entry(m.tx(txDropped), txHelpDropped),
		entry(m.tx(txLedger), txHelpLedger),
		entry("≈", txHelpApproximate),
	)
}

// widest returns the width of the widest of some texts.
func widest(all ...string) int {
	w := 0
	for _, s := range all {
		w = max(w, ansi.StringWidth(s))
	}
	return w
}
