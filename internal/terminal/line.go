package terminal

import (
	"strings"

	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"
)

// style is a role that a text plays. Colours are the terminal's own sixteen, so that its
// theme decides how they look; no meaning is in a colour alone.
type style uint8

const (
	plain style = iota
	faint
	strong
	heading
	brand
	good
	warn
	bad
	sent
	received
	tcp
	udp
	icmp
	graph
	chosen
	keyName
	styles
)

var palette = [styles]lipgloss.Style{
	plain:    lipgloss.NewStyle(),
	faint:    lipgloss.NewStyle().Faint(true),
	strong:   lipgloss.NewStyle().Bold(true),
	heading:  lipgloss.NewStyle().Bold(true).Underline(true).UnderlineSpaces(true),
	brand:    lipgloss.NewStyle().Bold(true).Reverse(true),
	good:     lipgloss.NewStyle().Foreground(lipgloss.Green),
	warn:     lipgloss.NewStyle().Foreground(lipgloss.Yellow).Bold(true),
	bad:      lipgloss.NewStyle().Foreground(lipgloss.Red).Bold(true),
	sent:     lipgloss.NewStyle().Foreground(lipgloss.Green),
	received: lipgloss.NewStyle().Foreground(lipgloss.Blue),
	tcp:      lipgloss.NewStyle().Foreground(lipgloss.Cyan),
	udp:      lipgloss.NewStyle().Foreground(lipgloss.Yellow),
	icmp:     lipgloss.NewStyle().Foreground(lipgloss.Magenta),
	graph:    lipgloss.NewStyle().Foreground(lipgloss.Cyan),
	chosen:   lipgloss.NewStyle().Reverse(true),
	keyName:  lipgloss.NewStyle().Bold(true),
}

// line builds one line of the screen, never wider than width.
type line struct {
	b     strings.Builder
	width int
	used  int
	force style // when not plain: every piece has this style
}

func newLine(width int) *line { return &line{width: width} }

// put adds a text without control characters; what does not fit is cut.
func (l *line) put(st style, s string) *line {
	if l.force != plain {
		st = l.force
	}
	s = fit(s, l.width-l.used)
	if s == "" {
		return l
	}
	l.used += ansi.StringWidth(s)
	if st == plain {
		l.b.WriteString(s)
	} else {
		l.b.WriteString(palette[st].Render(s))
	}
	return l
}

// space adds n columns of nothing.
func (l *line) space(n int) *line { return l.put(plain, spaces(n)) }

// to adds spaces up to a column.
func (l *line) to(column int) *line { return l.space(column - l.used) }

// free returns how many columns are left.
func (l *line) free() int { return l.width - l.used }

func (l *line) String() string { return l.b.String() }

// bar returns a horizontal bar of width columns, filled for part of whole, in eighths.
func bar(part, whole uint64, width int) string {
	if width <= 0 || whole == 0 {
		return spaces(width)
	}
	eighths := int(float64(part) / float64(whole) * float64(width*8))
	if part > 0 && eighths == 0 {
		eighths = 1
	}
	full := eighths / 8
	b := strings.Repeat("█", full)
	if rest := eighths % 8; rest > 0 {
		b += string([]rune("▏▎▍▌▋▊▉")[rest-1])
		full++
	}
	return b + spaces(width-full)
}

var levels = []rune("▁▂▃▄▅▆▇█")

// sparkline draws values in columns: each column shows the mean of the values that fall
// into it. The highest column is the tallest sign; nothing is a space.
func sparkline(values []uint64, columns int) string {
	columns = min(columns, len(values))
	if columns <= 0 {
		return ""
	}
	means := make([]float64, columns)
	highest := 0.0
	for i := range means {
		from, to := i*len(values)/columns, (i+1)*len(values)/columns
		sum := 0.0
		for _, v := range values[from:to] {
			sum += float64(v)
		}
		means[i] = sum / float64(to-from)
		highest = max(highest, means[i])
	}
	var b strings.Builder
	for _, v := range means {
		if v == 0 {
			b.WriteByte(' ')
			continue
		}
		b.WriteRune(levels[min(int(v/highest*float64(len(levels))), len(levels)-1)])
	}
	return b.String()
}
