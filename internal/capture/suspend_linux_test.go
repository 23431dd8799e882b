package capture

import (
	"encoding/binary"
	"slices"
	"testing"
)

// What passes while the capture is suspended is in no counter and comes never; what came
// before and after is all there, by the same filter.
func TestSuspend(t *testing.T) {
	for _, tc := range []struct {
		name    string
		program Compile
		want    []uint32
	}{
		{"without a filter", nil, []uint32{1, 2, 5, 6}},
		{"with a filter", udpPort(53), []uint32{1, 5}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			newNetns(t)
			veth(t)
			s := open(t, Options{Interfaces: []string{"vb"}, Program: tc.program})
			out := newSender(t, "va")
			number := 0
			send := func() {
				for port := uint16(53); port < 55; port++ {
					number++
					out.send(t, frame(60, number, port))
				}
			}
			send()
			for range 2 {
				if err := s.Suspend(); err != nil {
					t.Fatal(err)
				}
			}
			send()
			if err := s.Resume(); err != nil {
				t.Fatal(err)
			}
			send()
			var got []uint32
			for _, p := range drain(t, s) {
				got = append(got, binary.BigEndian.Uint32(p.data[42:]))
			}
			if !slices.Equal(got, tc.want) {
				t.Errorf("packets %v, want %v", got, tc.want)
			}
			c := s.Counters()
			if n := uint64(len(tc.want)); c.Received != n || c.Delivered != n || c.Dropped != 0 || c.Skipped != 0 {
				t.Errorf("%+v, want %d packets", c, n)
			}
			var kinds []EventKind
			for _, e := range s.Events() {
				if e.Kind != InterfaceChanged { // links come up when they please
					kinds = append(kinds, e.Kind)
				}
			}
			if !slices.Equal(kinds, []EventKind{InterfaceHeld, InterfaceFreed}) {
				t.Errorf("events %v", kinds)
			}
			if s.Suspend() == nil || s.Resume() == nil {
				t.Error("a capture that has ended was suspended or resumed")
			}
		})
	}
}
