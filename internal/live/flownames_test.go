package live

import (
	"fmt"
	"net/netip"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// TestFlowNames: a flow has one name whichever way it is asked for, the newest flows have
// theirs, and however many come it takes no more memory.
func TestFlowNames(t *testing.T) {
	n := FlowNames{names: map[flowKey]string{}}
	tuple := func(i int) *packet.Tuple {
		return &packet.Tuple{
			Src: packet.AddrFrom4([4]byte{10, byte(i >> 16), byte(i >> 8), byte(i)}), Dst: packet.AddrFrom4([4]byte{10, 99, 0, 2}),
			SrcPort: 40000, DstPort: 443, Version: 4, Proto: packet.ProtoTCP,
		}
	}
	of := func(i int, turned bool) string {
		s := tuple(i)
		a, b := netip.AddrPortFrom(s.Src.Netip(4), s.SrcPort), netip.AddrPortFrom(s.Dst.Netip(4), s.DstPort)
		if turned {
			a, b = b, a
		}
		return n.Of(packet.ProtoTCP, a, b)
	}
	const flows = 3*maxFlowNames + 5
	for i := range flows {
		n.put(tuple(i), fmt.Appendf(nil, "name %d", i))
	}
	n.put(tuple(flows-2), []byte("another"))
	n.put(tuple(flows-1), []byte("a\x1b[31m\u202e"+strings.Repeat("x", 1000)))
	if _, gone := n.Progress(); gone != flows-maxFlowNames || len(n.names) != maxFlowNames || len(n.order) != maxFlowNames {
		t.Errorf("%d names, %d in order", len(n.names), len(n.order))
	}
	for i, want := range map[int]string{0: "", flows - maxFlowNames - 1: "", flows - maxFlowNames: fmt.Sprintf("name %d", flows-maxFlowNames), flows - 2: "another"} {
		if a, b := of(i, false), of(i, true); a != want || b != want {
			t.Errorf("flow %d: %q, %q, want %q", i, a, b, want)
		}
	}
	if s := of(flows-1, false); len(s) > 4*maxFlowNameText || strings.ContainsAny(s, "\x1b\u202e") || !strings.HasPrefix(s, "a") {
		t.Errorf("foreign bytes: %q", s)
	}
}
