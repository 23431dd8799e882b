package packet

import (
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// SummarizeApart says the same as Summarize, but for packets with fragments, of which it
// leaves everything to others.
func TestSummarizeApart(t *testing.T) {
	whole, apart := NewDecoder(), NewDecoder()
	check := func(name string, data []byte, link uint16) (left bool) {
		t.Helper()
		start := Summary{Number: 7, Time: 9, CapLen: uint32(len(data)), WireLen: uint32(len(data))}
		want, got := start, start
		before := whole.frags.count
		whole.Summarize(data, &want, LinkType(link))
		met := whole.frags.count != before
		ok := apart.SummarizeApart(data, &got, LinkType(link))
		if ok == met {
			t.Errorf("%s: left to others %v, has a fragment %v", name, !ok, met)
		}
		if ok && got != want {
			t.Errorf("%s: apart %+v\nelse %+v", name, got, want)
		}
		return !ok
	}
	for _, s := range packettest.Samples() {
		for n := range len(s.Data) + 1 {
			check(s.Name, s.Data[:n], s.Link)
		}
	}
	frame := packettest.Ethernet(0x0800, packettest.IPv4(17, packettest.UDP(1, 2, make([]byte, 3000))))
	for _, f := range packettest.Fragments4(frame, 7, 1480) {
		if !check("fragment", f, uint16(LinkEthernet)) {
			t.Error("a fragment is not left to others")
		}
	}
	if apart.Counters().Fragments != (FragmentCounters{}) {
		t.Errorf("%+v", apart.Counters().Fragments)
	}
}
