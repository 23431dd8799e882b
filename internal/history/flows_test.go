package history

import (
	"testing"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/track"
)

// TestFirstFlows: of flows that end in any order those with the smallest IDs are kept, and
// all that have a packet in the scope are counted.
func TestFirstFlows(t *testing.T) {
	f := &firstFlows{most: 3, in: map[uint64]struct{}{}}
	const flows = 5000
	for id := uint64(flows); id > 0; id-- {
		if id%2 == 0 {
			f.in[id] = struct{}{}
		}
		f.ended(&track.Conversation{Flow: flow.Flow{ID: id}})
	}
	f.trim()
	if f.total != flows/2 || len(f.in) != 0 {
		t.Errorf("%d counted, %d not ended", f.total, len(f.in))
	}
	var got []uint64
	for _, r := range f.rows {
		got = append(got, r.ID)
	}
	if len(got) != 3 || got[0] != 2 || got[1] != 4 || got[2] != 6 {
		t.Errorf("kept %v", got)
	}
	if cap(f.rows) > 8*1024 {
		t.Errorf("room for %d flows", cap(f.rows))
	}
}
