package query

import (
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// FuzzFilter reads any text as a filter and asks it of a packet of any bytes: nothing
// panics, the canonical text means the same, and the Summary never contradicts the bytes.
func FuzzFilter(f *testing.F) {
	samples := packettest.Samples()
	for i, c := range benchFilters {
		f.Add(c.text, samples[i%len(samples)].Data)
	}
	for _, text := range []string{
		`!(ip.src#[1,-1][0:2] & ff:00 == 0a:00) ^^ all udp.port in {1..5, 0x50 99} || frame matches r"a(b|c){2}$"`,
		`max(tcp.srcport, tcp.dstport) - 3 * {2 + 1} >= 9 and frame.time > "2024-01-01T00:00:00Z" or "\x41\u00e9`,
		`upper(http.host) == 'A' && ipv6.addr == 2001:db8::/32 && frame.time_delta in {-1.5 .. 2}`,
	} {
		f.Add(text, samples[0].Data)
	}
	names := LookupField("dns.qry.name")
	host := LookupField("http.host")
	f.Fuzz(func(t *testing.T, text string, data []byte) {
		if len(text) > 2048 || len(data) > 4096 {
			return
		}
		start := time.Now()
		_ = Complete(text, len(text)/2)
		filter, err := Parse(text)
		if err != nil || filter == nil {
			if err != nil && err.Error() == "" {
				t.Fatal("an error without words")
			}
			return
		}
		canonical := filter.String()
		again, err := Parse(canonical)
		if err != nil || again.String() != canonical {
			t.Fatalf("%q becomes %q, which is read as %v: %v", text, canonical, again, err)
		}
		p := packet.Packet{Number: 1, Time: 1_700_000_000_000_000_000, WireLen: uint32(len(data)), Link: packet.LinkEthernet, Data: data}
		packet.NewDecoder().Decode(&p)
		s := packet.Summary{Number: 1, Time: p.Time, CapLen: uint32(len(data)), WireLen: uint32(len(data))}
		packet.NewDecoder().Summarize(data, &s, p.Link)
		var r Row
		r.Next(&p)
		want := filter.Match(&r)
		if got := filter.MatchSummary(&s); got != Unknown && (got == Yes) != want {
			t.Fatalf("%s: the Summary says %d, the bytes %t", canonical, got, want)
		}
		if again.Match(&r) != want {
			t.Fatalf("%q and %q differ", text, canonical)
		}
		r.Notes = append(r.Notes, Note{names, Value{Text: string(data)}}, Note{host, Value{Text: text}}, Note{names, Value{Text: "a"}})
		filter.Match(&r)
		if d := time.Since(start); d > 5*time.Second {
			t.Fatalf("%q took %s", text, d)
		}
	})
}
