package query

import (
	"strings"
	"testing"
)

// TestRefusals holds that what is refused is not a field, and that what is named in its
// place is one.
func TestRefusals(t *testing.T) {
	for name, r := range refusals {
		asked := name
		if strings.HasSuffix(name, ".") {
			asked += "anything"
		}
		if LookupField(asked) != nil || LookupField(r.near) == nil {
			t.Errorf("%s is refused, %s is in its place", asked, r.near)
		}
		if why := WhyRefused(asked); why != r.why {
			t.Errorf("%s: %q", asked, why)
		}
		if near := Nearest(asked); len(near) != 1 || near[0] != r.near {
			t.Errorf("%s: nearest %v", asked, near)
		}
	}
}

func TestRefusedWords(t *testing.T) {
	for _, c := range []struct{ text, want string }{
		{"ip.host == 10.0.0.1", `display filter, column 1: no field "ip.host": names of addresses are not looked up; did you mean ip.addr?`},
		{"tcp && eth.src_resolved", `display filter, column 8: no field "eth.src_resolved": names of addresses are not looked up; did you mean eth.src?`},
		{"_ws.expert.message", `display filter, column 1: no field "_ws.expert.message": it is a remark of tshark's dissectors; did you mean tcp.analysis.flags?`},
		{"quic.packet_number == 1", `display filter, column 1: no field "quic.packet_number"; did you mean quic?`},
	} {
		if _, err := Parse(c.text); err == nil || err.Error() != c.want {
			t.Errorf("%s: %v", c.text, err)
		}
	}
}

// TestOldNames holds that DHCP and TLS are known by their old names.
func TestOldNames(t *testing.T) {
	for old, name := range map[string]string{
		"bootp": "dhcp", "bootp.option.hostname": "dhcp.option.hostname", "ssl": "tls", "ssl.handshake.type": "tls.handshake.type",
	} {
		if f := LookupField(old); f == nil || f.Name != name {
			t.Errorf("%s is %v", old, f)
		}
	}
	if LookupField("sslx") != nil || LookupField("ssl.no") != nil || LookupField("ssl.") != nil {
		t.Error("a name that begins like an old one is a field")
	}
	if f, err := Parse("ssl && bootp"); err != nil || f.String() != "tls && dhcp" {
		t.Errorf("%v, %v", f, err)
	}
}
