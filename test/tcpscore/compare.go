package main

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// verdictFields are the fields that the score is about: the analysis flags and tcp.stream.
func verdictFields() []string {
	names := []string{"tcp.stream"}
	for i := range flow.AnalysisCount {
		names = append(names, flow.Analysis(1<<i).Name())
	}
	return names
}

// numberFields are compared too, but are not part of the verdict.
var numberFields = []struct {
	name  string
	ours  func(*flow.Note) int64
	time  bool // tshark prints seconds
	whole bool // tshark does not print it when the header's fixed part was cut off
}{
	{"tcp.analysis.initial_rtt", func(n *flow.Note) int64 { return n.InitialRTT }, true, false},
	{"tcp.analysis.ack_rtt", func(n *flow.Note) int64 { return n.AckRTT }, true, false},
	{"tcp.analysis.acks_frame", func(n *flow.Note) int64 { return int64(n.AcksFrame) }, false, false},
	{"tcp.analysis.duplicate_ack_num", func(n *flow.Note) int64 { return int64(n.DupAckNum) }, false, false},
	{"tcp.analysis.duplicate_ack_frame", func(n *flow.Note) int64 { return int64(n.DupAckFrame) }, false, false},
	{"tcp.analysis.bytes_in_flight", func(n *flow.Note) int64 { return int64(n.InFlight) }, false, false},
	{"tcp.seq", func(n *flow.Note) int64 { return int64(n.RelSeq) }, false, false},
	{"tcp.ack", func(n *flow.Note) int64 { return int64(n.RelAck) }, false, false},
	{"tcp.window_size", func(n *flow.Note) int64 { return int64(n.Window) }, false, false},
	{"tcp.time_relative", func(n *flow.Note) int64 { return n.TimeRelative }, true, true},
	{"tcp.time_delta", func(n *flow.Note) int64 { return n.TimeDelta }, true, true},
}

// noted is what the score needs of one of our packets.
type noted struct {
	note   flow.Note
	row    packet.Summary
	tunnel uint32 // udp.stream of the innermost tunnel
}

// analyse runs a capture through the tracker and the flow table. The map is by frame
// number.
func analyse(path string) (map[uint64]noted, error) {
	out := map[uint64]noted{}
	table := flow.NewTable(flow.Options{Memory: 1 << 30})
	var notes []flow.Note
	err := each(path, func(b *track.Batch) {
		if len(notes) < len(b.Rows) {
			notes = make([]flow.Note, len(b.Rows))
		}
		table.Apply(b.Rows, b.Chunk.Bytes, notes)
		headers := table.Headers()
		for i := range b.Rows {
			n := noted{notes[i], b.Rows[i], flow.NoStream}
			for ; len(headers) > 0 && int(headers[0].Row) == i; headers = headers[1:] {
				if !headers[0].Quoted {
					n.tunnel = headers[0].Stream
				}
			}
			out[b.Rows[i].Number] = n
		}
	})
	return out, err
}

// tshark returns the fields of the frames that a filter lets through. Of a field that
// occurs more than once the innermost, last one is printed. A file that tshark finds
// damaged gives the frames before the damage.
func tshark(path, filter string, fields []string, more ...string) ([][]string, error) {
	args := append(more, "-n", "-r", path, "-Y", filter, "-T", "fields", "-E", "occurrence=l")
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	cmd := exec.Command("tshark", args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	pipe, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("tshark: %w", err)
	}
	var rows [][]string
	sc := bufio.NewScanner(pipe)
	sc.Buffer(nil, 1<<20)
	for sc.Scan() {
		rows = append(rows, strings.Split(sc.Text(), "\t"))
	}
	var exit *exec.ExitError
	if err := cmd.Wait(); err != nil && !errors.As(err, &exit) {
		return nil, fmt.Errorf("tshark: %w: %s", err, stderr.String())
	}
	return rows, sc.Err()
}

// compare scores one capture.
func compare(path string) (*score, error) {
	fields := []string{"frame.number", "tcp.stream"}
	for i := range flow.AnalysisCount {
		fields = append(fields, "tcp.analysis."+flow.Analysis(1<<i).Name())
	}
	first := len(fields)
	for _, n := range numberFields {
		fields = append(fields, n.name)
	}
	truth, err := tshark(path, "tcp && !icmp && !icmpv6", fields)
	if err != nil {
		return nil, err
	}
	ours, err := analyse(path)
	if err != nil {
		return nil, err
	}
	s := &score{captures: 1, set: map[string]int{}, wrong: map[string]int{}}
	for _, row := range truth {
		number, err := strconv.ParseUint(row[0], 10, 64)
		if err != nil {
			return nil, err
		}
		if row[1] == "" {
			continue
		}
		got := ours[number]
		n := &got.note
		s.frames++
		if n.Stream == flow.NoStream || n.Flow == 0 {
			s.missing++
		}
		clean := true
		check := func(field, ours, theirs string, verdict bool) {
			if ours != "" || theirs != "" {
				s.set[field]++
			}
			if ours == theirs {
				return
			}
			clean = clean && !verdict
			s.wrong[field]++
			s.list = append(s.list, difference{number, field, ours, theirs, situation(&got)})
		}
		check("tcp.stream", strconv.Itoa(int(n.Stream)), row[1], true)
		for i := range flow.AnalysisCount {
			a := flow.Analysis(1 << i)
			mine, theirs := "", ""
			if n.Flags&a != 0 {
				mine = "yes"
			}
			if row[2+i] != "" {
				theirs = "yes"
			}
			check(a.Name(), mine, theirs, true)
		}
		for i, f := range numberFields {
			mine := f.ours(n)
			if f.whole && got.row.Inner.Flags&(packet.TupleCut|packet.TupleBad) != 0 {
				mine = 0
			}
			check(f.name, decimal(mine), value(row[first+i], f.time), false)
		}
		if clean {
			s.clean++
		}
	}
	return s, s.udp(path, ours)
}

// udp compares udp.stream of the innermost UDP header: the flow's or a tunnel's.
func (s *score) udp(path string, ours map[uint64]noted) error {
	truth, err := tshark(path, "udp && !icmp && !icmpv6", []string{"frame.number", "udp.stream"})
	if err != nil {
		return err
	}
	for _, row := range truth {
		number, err := strconv.ParseUint(row[0], 10, 64)
		if err != nil {
			return err
		}
		if row[1] == "" {
			continue
		}
		got := ours[number]
		stream := got.note.Stream
		if got.row.Inner.Proto != 17 || stream == flow.NoStream {
			stream = got.tunnel
		}
		s.set["udp.stream"]++
		if mine := strconv.Itoa(int(stream)); mine != row[1] {
			s.wrong["udp.stream"]++
			s.list = append(s.list, difference{number, "udp.stream", mine, row[1], situation(&got)})
		}
	}
	return nil
}

func situation(n *noted) string {
	return fmt.Sprintf("stream %d seq %d ack %d len %d flags %#x win %d outcome %v",
		n.note.Stream, n.note.RelSeq, n.note.RelAck, n.row.PayloadLen, n.row.TCPFlags, n.note.Window, n.row.Outcome)
}

func decimal(v int64) string {
	if v == 0 {
		return ""
	}
	return strconv.FormatInt(v, 10)
}

// value brings tshark's number into our form: nanoseconds for times, "" for 0.
func value(s string, seconds bool) string {
	if s == "" {
		return ""
	}
	if !seconds {
		v, err := strconv.ParseInt(s, 10, 64)
		if err != nil {
			return s
		}
		return decimal(v)
	}
	negative := strings.HasPrefix(s, "-")
	whole, fraction, _ := strings.Cut(strings.TrimPrefix(s, "-"), ".")
	v, err := strconv.ParseInt(whole+(fraction + "000000000")[:9], 10, 64)
	if err != nil {
		return s
	}
	if negative {
		v = -v
	}
	return decimal(v)
}
