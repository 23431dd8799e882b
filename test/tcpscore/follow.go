package main

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"fmt"
	"os/exec"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// turn is what one side said until the other one spoke.
type turn struct {
	fromClient bool
	data       []byte
}

// dialogue is one followed conversation.
type dialogue struct {
	turns []turn
	gaps  int
}

func (d *dialogue) add(fromClient bool, data []byte) {
	if n := len(d.turns); n > 0 && d.turns[n-1].fromClient == fromClient {
		d.turns[n-1].data = append(d.turns[n-1].data, data...)
		return
	}
	d.turns = append(d.turns, turn{fromClient, bytes.Clone(data)})
}

// difference says where two dialogues differ, "" when they do not.
func (d *dialogue) difference(o *dialogue) string {
	for i := range max(len(d.turns), len(o.turns)) {
		if i >= len(d.turns) || i >= len(o.turns) {
			return fmt.Sprintf("%d turns and %d", len(d.turns), len(o.turns))
		}
		a, b := d.turns[i], o.turns[i]
		if a.fromClient != b.fromClient {
			return fmt.Sprintf("turn %d: direction", i)
		}
		if !bytes.Equal(a.data, b.data) {
			at := 0
			for at < min(len(a.data), len(b.data)) && a.data[at] == b.data[at] {
				at++
			}
			return fmt.Sprintf("turn %d: %d bytes and %d, different from byte %d on", i, len(a.data), len(b.data), at)
		}
	}
	return ""
}

// followAll reassembles every conversation of a protocol in a capture. A gap is written as
// tshark writes it.
func followAll(path string, proto uint8) (map[uint32]*dialogue, error) {
	out := map[uint32]*dialogue{}
	streams := map[uint32]*flow.Reassembler{}
	table := flow.NewTable(flow.Options{Memory: 1 << 30})
	again := packet.NewDecoder()
	var p packet.Packet
	feed := func(stream uint32, s *packet.Summary, data []byte, off uint32) {
		r := streams[stream]
		if r == nil {
			d := &dialogue{}
			out[stream] = d
			r = flow.NewReassembler(packet.Tuple{}, flow.StreamLimits{}, nil, d.piece)
			streams[stream] = r
		}
		r.Add(s, data[min(int(off), len(data)):])
	}
	err := each(path, func(b *track.Batch) {
		notes := make([]flow.Note, len(b.Rows))
		table.Apply(b.Rows, b.Chunk.Bytes, notes)
		for i := range b.Rows {
			s, n := &b.Rows[i], &notes[i]
			p = packet.Packet{
				Number: s.Number, Time: s.Time, WireLen: s.WireLen,
				Link: b.Chunk.Interfaces[s.Interface].Link, Data: b.Data(s),
			}
			again.Decode(&p)
			if n.OuterStream != flow.NoStream && proto == 17 {
				outer := *s
				outer.Inner, outer.PayloadLen = s.Outer, s.OuterPayloadLen
				feed(n.OuterStream, &outer, b.Data(s), s.OuterPayloadOff)
			}
			if n.Stream == flow.NoStream || s.Inner.Proto != proto {
				continue
			}
			data := b.Data(s)
			if s.Flags&packet.Reassembled != 0 {
				data = p.Reassembled
			}
			feed(n.Stream, s, data, s.PayloadOff)
		}
	})
	for _, r := range streams {
		r.Close()
	}
	return out, err
}

// piece adds what a Reassembler delivers, less what tshark does not print.
func (d *dialogue) piece(p flow.Piece) {
	if p.Late {
		return
	}
	if p.Gap > 0 {
		d.gaps++
		d.add(p.FromClient, fmt.Appendf(nil, "[%d bytes missing in capture file]", p.Gap))
		return
	}
	d.add(p.FromClient, p.Data)
}

// followTShark runs tshark's follow over streams from to to (inclusive) of a capture.
func followTShark(path, kind string, from, to int) (map[uint32]*dialogue, error) {
	args := []string{"-n", "-q", "-r", path}
	for i := from; i <= to; i++ {
		args = append(args, "-z", fmt.Sprintf("follow,%s,raw,%d", kind, i))
	}
	var out, stderr bytes.Buffer
	cmd := exec.Command("tshark", args...)
	cmd.Stdout, cmd.Stderr = &out, &stderr
	if err := cmd.Run(); err != nil {
		if _, ok := errors.AsType[*exec.ExitError](err); !ok {
			return nil, fmt.Errorf("tshark: %w: %s", err, stderr.String())
		}
	}
	found := map[uint32]*dialogue{}
	var d *dialogue
	sc := bufio.NewScanner(&out)
	sc.Buffer(nil, 16<<20)
	for sc.Scan() {
		line := sc.Text()
		if number, ok := strings.CutPrefix(line, "Filter: "+kind+".stream eq "); ok {
			n, err := strconv.ParseUint(number, 10, 32)
			if err != nil {
				return nil, err
			}
			d = &dialogue{}
			found[uint32(n)] = d
			continue
		}
		if d == nil || line == "" || strings.HasPrefix(line, "=") || strings.HasPrefix(line, "Node") || strings.HasPrefix(line, "Follow") {
			continue
		}
		text := strings.TrimPrefix(line, "\t")
		data, err := hex.DecodeString(text)
		if err != nil {
			return nil, fmt.Errorf("tshark: line %q: %w", line, err)
		}
		if bytes.Contains(data, []byte(" bytes missing in capture file]")) {
			d.gaps++
			data = bytes.TrimRight(data, "\x00")
		}
		d.add(text == line, data)
	}
	return found, sc.Err()
}

// followScore counts how many conversations are equal.
type followScore struct {
	streams, equal, bytes, gaps int
	list                        []string
}

// compareFollow compares every conversation of a capture, a few hundred a run.
func compareFollow(path, kind string, proto uint8) (*followScore, error) {
	ours, err := followAll(path, proto)
	if err != nil {
		return nil, err
	}
	s := &followScore{}
	const run = 200
	for from := 0; from < len(ours); from += run {
		theirs, err := followTShark(path, kind, from, min(from+run, len(ours))-1)
		if err != nil {
			return nil, err
		}
		for i := from; i < min(from+run, len(ours)); i++ {
			mine, truth := ours[uint32(i)], theirs[uint32(i)]
			if mine == nil {
				mine = &dialogue{}
			}
			if truth == nil {
				truth = &dialogue{}
			}
			s.streams++
			s.gaps += truth.gaps
			for _, t := range mine.turns {
				s.bytes += len(t.data)
			}
			if d := mine.difference(truth); d != "" {
				s.list = append(s.list, fmt.Sprintf("%s stream %d: %s", kind, i, d))
			} else {
				s.equal++
			}
		}
	}
	return s, nil
}
