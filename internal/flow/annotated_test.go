package flow

import (
	"slices"
	"testing"
)

// Where tshark 4.0.17 shows tcp.analysis, also with nothing in it: a SYN that was expected,
// and data that was acknowledged before it came.
func TestAnnotated(t *testing.T) {
	const a, b = "10.0.0.1:1000", "10.0.0.2:80"
	for _, c := range []struct {
		name string
		segs []segment
		want []bool
	}{
		{"a connection begins", []segment{
			{src: a, dst: b, flags: "S", seq: 100},
			{src: b, dst: a, flags: "SA", seq: 500, ack: 101},
			{src: a, dst: b, flags: "A", seq: 101, ack: 501},
		}, []bool{false, true, true}},
		{"the answer comes first", []segment{
			{src: b, dst: a, flags: "SA", seq: 500, ack: 101},
			{src: a, dst: b, flags: "S", seq: 100},
		}, []bool{false, true}},
		{"the refusal comes first", []segment{
			{src: b, dst: a, flags: "RA", seq: 0, ack: 101},
			{src: a, dst: b, flags: "S", seq: 100},
		}, []bool{false, true}},
		{"an expected SYN with ACK", []segment{
			{src: a, dst: b, flags: "A", seq: 101, ack: 501},
			{src: b, dst: a, flags: "SA", seq: 500, ack: 101},
		}, []bool{false, false}},
		{"data that was acknowledged already", []segment{
			{src: b, dst: a, flags: "A", seq: 501, ack: 111},
			{src: b, dst: a, flags: "A", seq: 501, ack: 141},
			{src: a, dst: b, flags: "A", seq: 111, ack: 501, length: 10},
		}, []bool{false, false, true}},
	} {
		var sc scene
		for _, g := range c.segs {
			g.after, g.window = 1e6, 1000
			sc.add(g)
		}
		notes := sc.apply(NewTable(Options{}))
		var got []bool
		for i := range notes {
			got = append(got, notes[i].Annotated)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}

// A datagram without payload does not count for udp.time_delta, as in tshark 4.0.17.
func TestEmptyDatagramTimes(t *testing.T) {
	const a, b = "10.0.0.1:1000", "10.0.0.2:2000"
	var sc scene
	for _, length := range []int{0, 5, 0, 5, 5} {
		sc.add(segment{after: 1e6, src: a, dst: b, proto: 17, length: length})
	}
	var got []int64
	for _, n := range sc.apply(NewTable(Options{})) {
		got = append(got, n.TimeDelta)
	}
	if want := []int64{0, 1e6, 1e6, 2e6, 1e6}; !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}
