package main

import (
	"bufio"
	"io"
	"os"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"golang.org/x/term"
)

// widthOf is the width of the terminal that w is, 0 when it is none.
func widthOf(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok || !isTerminal(f) {
		return 0
	}
	n, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return n
}

// flowTable prints flows as a table. Columns are as wide as the first flows want them, and
// as the terminal allows.
type flowTable struct {
	w       *bufio.Writer
	width   int // of the terminal, 0: none
	waiting [][]string
	columns []int // widths; nil until they are known
}

// sizing is how many flows decide about the width of the columns.
const sizing = 1000

// The columns. Those with a lower rank are left out first when the terminal is narrow;
// rank 0 is never.
var flowColumns = []struct {
	title string
	right bool
	rank  int
	most  int // widest on a terminal, 0: no limit
}{
	{"STREAM", true, 4, 0},
	{"START", false, 5, 0},
	{"PROTO", false, 0, 0},
	{"CLIENT", false, 0, 28},
	{"SERVER", false, 0, 28},
	{"STATE", false, 8, 0},
	{"DURATION", true, 6, 0},
	{"PACKETS", true, 2, 0},
	{"SENT", true, 9, 0},
	{"RECEIVED", true, 9, 0},
	{"RTT", true, 3, 0},
	{"RETR", true, 3, 0},
	{"APP", false, 7, 0},
	{"NAME", false, 7, 40},
}

func (t *flowTable) add(d *flowDocument) {
	stream := ""
	if d.Stream != nil {
		stream = strconv.FormatUint(uint64(*d.Stream), 10)
	}
	start, _, _ := strings.Cut(d.Start, ".")
	start = strings.TrimSuffix(start, "Z")
	if _, clock, ok := strings.Cut(start, "T"); ok && t.width > 0 {
		start = clock
	}
	name := d.Name
	if name == "" {
		name = d.Host
	}
	rtt := ""
	if d.InitialRTT > 0 {
		rtt = shortDuration(d.InitialRTT)
	}
	retransmissions := ""
	if n := d.FromClient.Retransmissions + d.FromServer.Retransmissions; n > 0 {
		retransmissions = strconv.FormatUint(uint64(n), 10)
	}
	state := ""
	if d.Protocol == "tcp" {
		state = d.ConnState
	}
	row := []string{
		stream, start, d.Protocol, endpointOf(d.Client, d.ClientPort), endpointOf(d.Server, d.ServerPort), state,
		shortDuration(d.DurationNS), strconv.FormatUint(d.FromClient.Packets+d.FromServer.Packets, 10),
		formatSize(int64(d.FromClient.Bytes)), formatSize(int64(d.FromServer.Bytes)), rtt, retransmissions, d.App, safeText(name),
	}
	if t.columns != nil {
		t.print(row)
		return
	}
	if t.waiting = append(t.waiting, row); len(t.waiting) == sizing {
		t.flush()
	}
}

// endpointOf writes an address with its port, 0: without.
func endpointOf(address string, port uint16) string {
	switch {
	case port == 0:
		return address
	case strings.Contains(address, ":"):
		return "[" + address + "]:" + strconv.Itoa(int(port))
	}
	return address + ":" + strconv.Itoa(int(port))
}

// flush prints what waits for the columns' widths.
func (t *flowTable) flush() {
	if t.columns == nil {
		t.fit()
		titles := make([]string, len(flowColumns))
		for i := range flowColumns {
			titles[i] = flowColumns[i].title
		}
		t.print(titles)
	}
	for _, row := range t.waiting {
		t.print(row)
	}
	t.waiting = nil
}

// fit decides how wide the columns are; -1: left out.
func (t *flowTable) fit() {
	t.columns = make([]int, len(flowColumns))
	total := -2
	for i, c := range flowColumns {
		n := len(c.title)
		for _, row := range t.waiting {
			n = max(n, utf8.RuneCountInString(row[i]))
		}
		if t.width > 0 && c.most > 0 {
			n = min(n, c.most)
		}
		t.columns[i] = n
		total += n + 2
	}
	for rank := 1; t.width > 0 && total > t.width && rank < 10; rank++ {
		for i, c := range flowColumns {
			if c.rank == rank && total > t.width {
				total -= t.columns[i] + 2
				t.columns[i] = -1
			}
		}
	}
}

func (t *flowTable) print(row []string) {
	var line []byte
	for i, cell := range row {
		n := t.columns[i]
		if n < 0 {
			continue
		}
		if len(line) > 0 {
			line = append(line, "  "...)
		}
		have := utf8.RuneCountInString(cell)
		if t.width > 0 && have > n {
			cell, have = string([]rune(cell)[:n-1])+"…", n
		}
		pad := strings.Repeat(" ", max(n-have, 0))
		if flowColumns[i].right {
			line = append(append(line, pad...), cell...)
		} else {
			line = append(append(line, cell...), pad...)
		}
	}
	_, _ = t.w.WriteString(strings.TrimRight(string(line), " ") + "\n") // Flush tells of an error
}

// shortDuration writes nanoseconds with three digits or so and a unit.
func shortDuration(ns int64) string {
	d := time.Duration(ns)
	switch {
	case d >= 100*time.Second:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	}
	return d.String()
}
