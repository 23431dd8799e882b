package flow

import (
	"slices"
	"testing"
)

// What is new in Multipath TCP is told in duplicates (RFC 8684 4): the first one behind an
// operation that the conversation has not had is not counted, as in tshark 4.0.17.
func TestMultipathDuplicates(t *testing.T) {
	capable := []byte{30, 12, 0x00, 0x81, 1, 2, 3, 4, 5, 6, 7, 8}
	join := []byte{30, 12, 0x10, 0x01, 1, 2, 3, 4, 5, 6, 7, 8}
	data := []byte{30, 8, 0x20, 0x01, 1, 2, 3, 4}
	prio := []byte{30, 3, 0x50, 1}
	for _, c := range []struct {
		name  string
		first []byte
		acks  [][]byte
		want  []uint32
	}{
		{"one path", capable, [][]byte{nil, data, nil, nil, data, nil}, []uint32{1, 2, 0, 3, 4, 5}},
		{"two operations", capable, [][]byte{data, nil, prio, nil, prio, nil}, []uint32{1, 0, 2, 0, 3, 4}},
		{"a second path", join, [][]byte{nil, data, nil, prio, nil}, []uint32{1, 2, 3, 4, 0}},
		{"from the middle on", nil, [][]byte{data, nil, nil}, []uint32{1, 0, 2}},
	} {
		const a, b = "10.0.0.1:1000", "10.0.0.2:80"
		var sc scene
		sc.add(segment{after: 1e6, src: a, dst: b, flags: "S", seq: 100, window: 1000, options: c.first})
		sc.add(segment{after: 1e6, src: b, dst: a, flags: "SA", seq: 500, ack: 101, window: 1000, options: c.first})
		sc.add(segment{after: 1e6, src: a, dst: b, flags: "A", seq: 101, ack: 501, window: 1000, options: c.first})
		for _, o := range c.acks {
			sc.add(segment{after: 1e6, src: a, dst: b, flags: "A", seq: 101, ack: 501, window: 1000, options: o})
		}
		var got []uint32
		for _, n := range sc.apply(NewTable(Options{}))[3:] {
			got = append(got, n.DupAckNum)
		}
		if !slices.Equal(got, c.want) {
			t.Errorf("%s: %v, want %v", c.name, got, c.want)
		}
	}
}
