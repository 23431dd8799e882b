package packet

import (
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// The link types that are another one behind a few bytes.
func TestLinksBehindAShim(t *testing.T) {
	inner := packettest.IPv4(6, packettest.TCP([]byte("hello"), 2, 4, 5, 180))
	frame := packettest.Ethernet(0x0800, inner)
	for _, c := range []struct {
		name string
		link LinkType
		head string
		data []byte
	}{
		{"PPP_WITH_DIR, HDLC framing", LinkPPPWithDir, "00 ff03 0021", inner},
		{"PPP_WITH_DIR, no framing", LinkPPPWithDir, "01 0021", inner},
		{"PPP_WITH_DIR, short protocol", LinkPPPWithDir, "01 21", inner},
		{"PPP_PPPD", LinkPPPD, "00 03 0021", inner},
		{"PPP_PPPD, short protocol", LinkPPPD, "01 03 21", inner},
		{"NETANALYZER", LinkNetAnalyzer, "51000000", frame},
		{"NETANALYZER_TRANSPARENT", LinkNetAnalyzerT, "51000000 55555555555555d5", frame},
	} {
		t.Run(c.name, func(t *testing.T) {
			data := packettest.Join(packettest.Hex(c.head), c.data)
			p, s := decodeBoth(data, len(data), c.link)
			if p.Outcome != OutcomeTransport || s.Outcome != OutcomeTransport || s.Inner.Proto != ProtoTCP || s.PayloadLen != 5 {
				t.Errorf("%s", describe(p, s))
			}
			for n := range data { // cut anywhere
				p, s := decodeBoth(data[:n], len(data), c.link)
				if p.Outcome != s.Outcome {
					t.Errorf("%d bytes: %s and %s", n, p.Outcome, s.Outcome)
				}
			}
		})
	}
}
