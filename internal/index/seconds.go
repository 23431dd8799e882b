package index

import (
	"cmp"
	"slices"
)

// second counts the packets of one second, IP version and protocol.
type second struct {
	at      int64 // seconds since 1970
	version uint8 // of the outermost IP header; 0: none
	proto   uint8 // the outermost IP header's
	amount
}

// secondsMax bounds the counts by second. Times that jump about can make as many of them
// as there are packets; a segment with more has none.
const secondsMax = 1 << 20

// seconds counts packets by second and protocol.
type seconds struct {
	list  []second
	start int // of the second in hand in list
	over  bool
}

func (s *seconds) reset() { s.list, s.start, s.over = s.list[:0], 0, false }

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b < 0 {
		q--
	}
	return q
}

func (s *seconds) add(time int64, version, proto uint8, size uint32) {
	at := floorDiv(time, 1e9)
	if s.start < len(s.list) && s.list[s.start].at != at {
		s.start = len(s.list)
	}
	for i := s.start; i < len(s.list); i++ {
		if e := &s.list[i]; e.proto == proto && e.version == version {
			e.packets++
			e.bytes += uint64(size)
			return
		}
	}
	if len(s.list) >= secondsMax {
		s.settle()
		if len(s.list) > secondsMax/2 {
			s.over = true
			s.list = s.list[:0]
		}
		s.start = len(s.list)
	}
	s.list = append(s.list, second{at: at, version: version, proto: proto, amount: amount{1, uint64(size)}})
}

// settle sorts the counts and adds up those of the same second and protocol: times that
// go back and forth make several.
func (s *seconds) settle() {
	slices.SortFunc(s.list, func(a, b second) int {
		return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.version, b.version), cmp.Compare(a.proto, b.proto))
	})
	out := s.list[:0]
	for _, e := range s.list {
		if n := len(out); n > 0 && out[n-1].at == e.at && out[n-1].version == e.version && out[n-1].proto == e.proto {
			out[n-1].packets += e.packets
			out[n-1].bytes += e.bytes
			continue
		}
		out = append(out, e)
	}
	s.list = out
}

const (
	secTime Column = iota
	secVersion
	secProto
	secPackets
	secBytes
)

var secondSpecs = []spec{
	secTime:    {name: "time", wide: true, time: true, enc: delta},
	secVersion: {name: "ip_version", unsigned: 8, enc: dict},
	secProto:   {name: "proto", unsigned: 8, enc: dict},
	secPackets: {name: "packets", wide: true, enc: delta},
	secBytes:   {name: "bytes", wide: true, enc: delta},
}

const (
	adrAddress Column = iota
	adrVersion
	adrCounts // two columns a role
)

var addressSpecs = []spec{
	{name: "address", text: addressText, enc: dict},
	{name: "ip_version", unsigned: 8, enc: dict},
	{name: "src_packets", wide: true, enc: delta},
	{name: "src_bytes", wide: true, enc: delta},
	{name: "dst_packets", wide: true, enc: delta},
	{name: "dst_bytes", wide: true, enc: delta},
	{name: "any_src_packets", wide: true, enc: delta},
	{name: "any_src_bytes", wide: true, enc: delta},
	{name: "any_dst_packets", wide: true, enc: delta},
	{name: "any_dst_bytes", wide: true, enc: delta},
	{name: "any_packets", wide: true, enc: delta},
	{name: "any_bytes", wide: true, enc: delta},
}
