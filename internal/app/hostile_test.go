package app

import (
	"path/filepath"
	"strings"
	"testing"
	"unicode"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
)

// TestHostileNames reads names that were made to hurt whoever shows them: they are found
// as they are, the same in DNS, HTTP and TLS, and Printable disarms them.
func TestHostileNames(t *testing.T) {
	path := filepath.Join(filepath.Dir(capturesDir(t)), "hostile", "strings.pcap")
	p := newReplay(Options{})
	found := map[FieldID]map[string]bool{FieldDNSQueryName: {}, FieldHTTPHost: {}, FieldTLSServerName: {}}
	malformed := 0
	readCapture(t, path, func(n int, link layers.LinkType, data []byte, ci gopacket.CaptureInfo) {
		if _, o, ok := p.packet(link, data, ci); ok && o == OutcomeMalformed {
			malformed++
		}
		for _, f := range p.r.Fields() {
			for _, r := range string(Printable(nil, f.Value)) {
				if !unicode.IsPrint(r) {
					t.Errorf("packet %d %s: %q is not disarmed", n, f.ID, f.Value)
				}
			}
			if names := found[f.ID]; names != nil {
				names[string(f.Value)] = true
			}
		}
	})
	if malformed != 1 {
		t.Errorf("%d malformed messages, want the one with the pointer loop", malformed)
	}
	if len(found[FieldTLSServerName]) < 25 {
		t.Errorf("%d server names", len(found[FieldTLSServerName]))
	}
	for name := range found[FieldTLSServerName] {
		// A line end cannot be in a Host header, and what is around a name is trimmed there.
		if !strings.ContainsAny(name, "\r\n\t") && !found[FieldHTTPHost][name] {
			t.Errorf("%q is in TLS, but not in HTTP", name)
		}
		if !strings.Contains(name, ".") && len(name) < 60 && !found[FieldDNSQueryName][name+".com"] {
			t.Errorf("%q is in TLS, but not in DNS", name)
		}
	}
}

// TestHostileCaptures: none of the other captures made to hurt does.
func TestHostileCaptures(t *testing.T) {
	dir := filepath.Join(filepath.Dir(capturesDir(t)), "hostile")
	for _, file := range []string{"big.pcap", "clock.pcap", "frags.pcap", "holes.pcap", "ips.pcap", "synflood.pcap", "trunc.pcap"} {
		p := newReplay(Options{Partials: 8})
		readCapture(t, filepath.Join(dir, file), func(n int, link layers.LinkType, data []byte, ci gopacket.CaptureInfo) {
			if f, _, ok := p.packet(link, data, ci); ok && f.state.Protocol() != Unknown {
				t.Errorf("%s packet %d: taken for %v", file, n, f.state.Protocol())
			}
		})
		if p.r.Partials() > 8 {
			t.Errorf("%s: %d partial messages", file, p.r.Partials())
		}
	}
}
