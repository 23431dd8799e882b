package track

import (
	"slices"
	"testing"

	"github.com/tarrafa/tarrafa/internal/app"
)

// Packets of a TLS connection that tshark 4.0.17 shows as TLS: where a record begins or
// ends, and where nobody knows of one.
func TestRecordEnds(t *testing.T) {
	header := []byte{23, 3, 3, 0x0b, 0xb8} // 3000 bytes
	stream := slices.Concat(header, make([]byte, 3000), header, make([]byte, 3000), header, make([]byte, 3000))
	type seg struct {
		from, to int
		shown    bool
	}
	for _, c := range []struct {
		name string
		late app.Order // what the segments are that come late
		segs []seg
	}{
		{"in order", app.FastResent, []seg{{0, 1000, true}, {1000, 2000, false}, {2000, 3000, false}, {3000, 4000, true}, {4000, 5000, false}, {5000, 6010, true}, {6010, 7010, true}}},
		{"header in two", app.FastResent, []seg{{0, 3, true}, {3, 1000, true}, {1000, 2000, false}}},
		{"sent again", app.FastResent, []seg{{0, 1000, true}, {0, 1000, false}, {1000, 2000, false}, {1000, 2000, false}}},
		{"lost inside of a record, which nobody can put together", app.FastResent, []seg{{0, 1000, true}, {2000, 3005, false}, {3005, 4000, true}, {4000, 5000, false}}},
		{"the next one begins behind a loss", app.FastResent, []seg{{0, 1000, true}, {2000, 4000, true}, {4000, 5000, false}}},
		{"a loss that is made good inside of the record", app.FastResent, []seg{{0, 1000, true}, {2000, 2500, false}, {1000, 2000, false}, {2500, 3005, true}}},
		{"and behind its end", app.FastResent, []seg{{0, 1000, true}, {2000, 3005, false}, {3005, 4000, true}, {1000, 2000, true}, {4000, 5000, false}}},
		{"a header is lost", app.FastResent, []seg{{0, 1000, true}, {3100, 4100, true}, {4100, 5100, true}, {6010, 7000, true}, {7000, 8000, false}}},
		{"made good out of order", app.OutOfOrder, []seg{{0, 1000, true}, {2000, 3005, false}, {1000, 2000, false}, {3005, 4000, true}, {6010, 7000, true}, {4000, 6010, false}}},
		{"made good by a retransmission", app.Resent, []seg{{0, 1000, true}, {2000, 3005, false}, {1000, 2000, false}, {3005, 4000, true}}},
		{"from the middle on", app.FastResent, []seg{{500, 1500, true}, {1500, 3005, true}, {3005, 4000, true}, {4000, 5000, false}}},
	} {
		a := &Analysis{records: map[uint64]*records{}}
		high := 0
		for i, s := range c.segs {
			g := piece{seq: uint32(s.from), length: uint32(s.to - s.from), negotiated: true}
			if s.from < high {
				g.order = c.late
			}
			high = max(high, s.to)
			if got := a.recordEnds(1, 0, stream[s.from:s.to], g); got != s.shown {
				t.Errorf("%s: segment %d: %t", c.name, i, got)
			}
		}
	}
}
