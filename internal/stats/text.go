package stats

import (
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Words are what [Snapshot.Text] says, in one language.
type Words struct {
	Packets, Bytes, Share string // column heads
	Total, All            string
	First, Last           string
	Protocol, NonIP       string
	Others                string // the protocols that found no place in the table
	Sources, Destinations string
	Of                    string // "of" in "(of 1,234)": how many addresses there are
	Approximate           string // follows a list's head when the sketch counted
	Decoding              string // heads the outcomes that are not the rule
	Group, Decimal        string // separators in numbers
	None                  string // stands for an empty list
	Outcomes              [packet.OutcomeCount]string
	DateTime              string // layout for time.Format
}

// English is the default of [Snapshot.Text].
var English = Words{
	Packets: "packets", Bytes: "bytes", Share: "share",
	Total: "Total", All: "all packets", First: "First", Last: "Last",
	Protocol: "Protocol", NonIP: "not IP", Others: "others",
	Sources: "Top sources", Destinations: "Top destinations",
	Decoding: "Decoding", Approximate: "(approximate)",
	Of: "of", Group: ",", Decimal: ".", None: "none",
	Outcomes: [packet.OutcomeCount]string{
		"with ports", "IP", "fragments", "not IP", "cut short", "malformed", "too deep", "unknown link type",
	},
	DateTime: "2006-01-02 15:04:05",
}

const (
	nameWidth        = 40 // the longest IPv6 address and a space
	maxProtocolLines = 12
)

// Text returns the statistics as a table for people, at most 80 columns wide: the total,
// the protocols, the most frequent sources and destinations.
func (s *Snapshot) Text(w *Words) string {
	var b strings.Builder
	w.head(&b, w.Total, "", false)
	w.line(&b, w.All, s.Count, s.Packets, 0)
	if s.Timed > 0 {
		first, last := time.Unix(0, s.First), time.Unix(0, s.Last)
		width := max(utf8.RuneCountInString(w.First), utf8.RuneCountInString(w.Last))
		fmt.Fprintf(&b, "  %-*s  %s\n", width, w.First, first.Format(w.DateTime))
		fmt.Fprintf(&b, "  %-*s  %s  (%s)\n", width, w.Last, last.Format(w.DateTime), Elapsed(last.Sub(first)))
	}

	w.head(&b, w.Protocol, "", true)
	others := Count{}
	for i, p := range s.Protocols {
		if i >= maxProtocolLines {
			others.add(p.Count)
			continue
		}
		w.line(&b, p.Label(), p.Count, s.Packets, 0)
	}
	if others.Packets > 0 {
		w.line(&b, w.Others, others, s.Packets, 0)
	}
	if s.NonIP.Packets > 0 {
		w.line(&b, w.NonIP, s.NonIP, s.Packets, 0)
	}
	if s.Packets == 0 {
		b.WriteString("  " + w.None + "\n")
	}
	w.top(&b, w.Sources, &s.Sources, s.Packets)
	w.top(&b, w.Destinations, &s.Dests, s.Packets)
	w.oddities(&b, s)
	return b.String()
}

func (w *Words) top(b *strings.Builder, title string, t *Top, all uint64) {
	note := ""
	switch {
	case t.Approximate:
		note = w.Approximate
	case t.Distinct > uint64(len(t.Rows)):
		note = "(" + w.Of + " " + w.Integer(t.Distinct) + ")"
	}
	w.head(b, title, note, true)
	for i := range t.Rows {
		w.line(b, t.Rows[i].String(), t.Rows[i].Count, all, t.Rows[i].Excess)
	}
	if len(t.Rows) == 0 {
		b.WriteString("  " + w.None + "\n")
	}
}

func (w *Words) head(b *strings.Builder, title, note string, gap bool) {
	if gap {
		b.WriteByte('\n')
	}
	if note != "" {
		title += " " + note
	}
	fmt.Fprintf(b, "%-*s%*s%*s%*s\n", nameWidth+2, title, 15, w.Packets, 8, w.Share, 12, w.Bytes)
}

// line writes one row. With an excess the packets are an upper bound and the bytes a
// lower one, and the row says so.
func (w *Words) line(b *strings.Builder, name string, n Count, all, excess uint64) {
	packets, bytes := w.Integer(n.Packets), w.Size(n.Bytes)
	if excess > 0 {
		packets, bytes = "≤ "+packets, "≥ "+bytes
	}
	fmt.Fprintf(b, "  %-*s%*s%*s%*s\n", nameWidth, name, 15, packets, 8, w.Percent(n.Packets, all), 12, bytes)
}

// oddities names the outcomes that a user should know of.
func (w *Words) oddities(b *strings.Builder, s *Snapshot) {
	found := false
	for o := packet.OutcomeTruncated; o < packet.OutcomeCount; o++ {
		if s.Outcomes[o] == 0 {
			continue
		}
		if !found {
			w.head(b, w.Decoding, "", true)
			found = true
		}
		fmt.Fprintf(b, "  %-*s%*s%*s\n", nameWidth, w.Outcomes[o], 15, w.Integer(s.Outcomes[o]), 8, w.Percent(s.Outcomes[o], s.Packets))
	}
}

// Integer returns a number with its digits in groups of three.
func (w *Words) Integer(n uint64) string {
	digits := strconv.FormatUint(n, 10)
	var b strings.Builder
	for i, d := range digits {
		if i > 0 && (len(digits)-i)%3 == 0 {
			b.WriteString(w.Group)
		}
		b.WriteRune(d)
	}
	return b.String()
}

// Percent returns part of all as a percentage with one decimal. What is not nothing is
// never shown as 0.0, what is not all never as 100.0.
func (w *Words) Percent(part, all uint64) string {
	switch {
	case all == 0:
		return "–"
	case part == all:
		return "100 %"
	case part == 0:
		return "0 %"
	}
	p := float64(part) / float64(all) * 100
	switch {
	case p < 0.1:
		return "< " + w.decimal("0.1") + " %"
	case p > 99.9:
		return "> " + w.decimal("99.9") + " %"
	}
	return w.decimal(strconv.FormatFloat(p, 'f', 1, 64)) + " %"
}

// Size returns bytes in a unit of 1000: "999 B", "1.23 kB", "45.6 MB".
func (w *Words) Size(n uint64) string { return w.Scaled(float64(n), "B") }

// Scaled returns a value with three significant digits and a decimal prefix.
func (w *Words) Scaled(v float64, unit string) string {
	prefixes := [...]string{"", "k", "M", "G", "T", "P", "E"}
	i := 0
	for v >= 999.5 && i < len(prefixes)-1 {
		v /= 1000
		i++
	}
	digits := 0
	switch {
	case v == float64(int64(v)) && i == 0, v >= 99.95:
	case v >= 9.995:
		digits = 1
	default:
		digits = 2
	}
	return strings.TrimSuffix(w.decimal(strconv.FormatFloat(v, 'f', digits, 64))+" "+prefixes[i]+unit, " ")
}

func (w *Words) decimal(s string) string { return strings.Replace(s, ".", w.Decimal, 1) }

// Elapsed returns a duration as "1d 02:03:04", "02:03:04", or "1.234s" below a minute.
func Elapsed(d time.Duration) string {
	if d < time.Minute {
		return d.Round(time.Millisecond).String()
	}
	days := d / (24 * time.Hour)
	s := d % (24 * time.Hour) / time.Second
	text := fmt.Sprintf("%02d:%02d:%02d", s/3600, s/60%60, s%60)
	if days > 0 {
		text = fmt.Sprintf("%dd %s", days, text)
	}
	return text
}
