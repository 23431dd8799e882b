package filter

import (
	"errors"
	"strings"
	"testing"
)

func TestErrors(t *testing.T) {
	for _, c := range []struct {
		expr    string
		reason  Reason
		near    string
		message string // a part of the line
		suggest string
	}{
		{"tcp prot 80", BadSyntax, "prot", "unexpected word", "port"},
		{"tpc port 80", BadSyntax, "tpc", "unknown word", "tcp"},
		{"TCP", BadSyntax, "TCP", "unknown word", "tcp"},
		{"80", BadSyntax, "80", "without a qualifier", "port 80"},
		{"10.0.0.1", BadSyntax, "10.0.0.1", "without a qualifier", "host 10.0.0.1"},
		{"10.0.0.0/8", BadSyntax, "10.0.0.0", "without a qualifier", "net 10.0.0.0/8"},
		{"02:00:00:00:00:01", BadSyntax, "02:00:00:00:00:01", "without a qualifier", "ether host 02:00:00:00:00:01"},
		{"ip.addr == 10.0.0.1", BadSyntax, "ip.addr", "Wireshark", "host 10.0.0.1"},
		{"tcp.port == 80", BadSyntax, "tcp.port", "Wireshark", "tcp port 80"},
		{"host 10.0.0.1 and", BadSyntax, "", "at the end", ""},
		{"tcp and (udp", BadSyntax, "", "')'", ""},
		{"tcp[13", BadSyntax, "", "']'", ""},
		{"proto tcp", BadSyntax, "tcp", "backslash", `proto \tcp`},
		{"port 080", BadSyntax, "080", "octal", ""},
		{"len > 99999999999", BadSyntax, "99999999999", "32 bits", ""},
		{"ether host 1:2:3", BadSyntax, "1:2:", "MAC or IPv6", ""},
		{"port htpp", BadName, "htpp", "unknown port", ""},
		{"udp port http", BadName, "http", "is tcp, not udp", "tcp port http"},
		{"host nowhere", BadName, "nowhere", "unknown host", ""},
		{"ip proto nothing", BadName, "nothing", "unknown IP protocol", ""},
		{"host 1.2.3.256", BadName, "1.2.3.256", "above 255", ""},
		{"net 10.0.0.1/24", BadUse, "10.0.0.1", "outside of its network", "net 10.0.0.0/24"},
		{"host 10.0.0.0/8", BadUse, "10.0.0.0", "net", "net 10.0.0.0 …"},
		{"tcp host 10.0.0.1", BadUse, "10.0.0.1", `"tcp" does not go with "host"`, ""},
		{"port 65536", BadUse, "65536", "above 65535", ""},
		{"vlan 4096", BadUse, "vlan", "above 4095", ""},
		{"ip[0:3] = 1", BadUse, "ip", "1, 2 or 4", ""},
		{"ip[0] / 0 = 1", BadUse, "/", "division by zero", ""},
		{"mpls and arp", WrongLink, "arp", "MPLS", ""},
		{"inbound", WrongLink, "inbound", "live", ""},
		{"wlan type mgt", WrongLink, "wlan", "802.11", ""},
		{"ifname eth0", WrongLink, "ifname", "not in capture files", "ifindex N"},
		{"gateway foo", Unsupported, "foo", "gateway", "ether host MAC and not host NAME"},
		{"ip6 protochain 6", Unsupported, "6", "protochain", "ip6 proto N"},
		{"vpi 5", Unsupported, "vpi", "ATM", ""},
		{"tcp and arp", MatchesNothing, "", "no packet can match", ""},
	} {
		t.Run(c.expr, func(t *testing.T) {
			_, err := Compile(c.expr, Target{LinkType: linkEther, Resolver: noNames{}})
			var e *Error
			if !errors.As(err, &e) {
				t.Fatalf("no *Error: %v", err)
			}
			if e.Reason != c.reason || e.Near != c.near || !strings.Contains(e.Error(), c.message) {
				t.Errorf("got %q, reason %d near %q", e.Error(), e.Reason, e.Near)
			}
			if c.suggest != "" && e.Suggestion != c.suggest {
				t.Errorf("suggests %q, want %q", e.Suggestion, c.suggest)
			}
			if got := c.expr[e.Pos:]; !strings.HasPrefix(got, e.Near) {
				t.Errorf("position %d is not at %q", e.Pos, e.Near)
			}
		})
	}
}

// Foreign bytes do not reach a terminal, and the cause of an error can be asked for.
func TestErrorIsPlain(t *testing.T) {
	for _, s := range []string{"host \x1b[31m", "tcp\x00", "port é", "\xff\xfe", "host \\\x1b[0m"} {
		_, err := Compile(s, Target{LinkType: linkEther, Resolver: noNames{}})
		var e *Error
		if !errors.As(err, &e) {
			t.Fatalf("%q is taken", s)
		}
		if i := strings.IndexFunc(e.Error(), func(r rune) bool { return r < ' ' || r > '~' }); i >= 0 {
			t.Errorf("%q: %q", s, e.Error())
		}
	}
	_, err := Compile("host nowhere", Target{LinkType: linkEther, Resolver: noNames{}})
	if !errors.Is(err, errNoNames) {
		t.Errorf("%v does not wrap the resolver's error", err)
	}
}

func TestNames(t *testing.T) {
	compile := func(s string) string {
		t.Helper()
		p, err := Compile(s, Target{LinkType: linkEther, Resolver: noNames{}})
		if err != nil {
			t.Fatalf("%s: %v", s, err)
		}
		var b strings.Builder
		_ = p.Dump(&b, DumpText)
		return b.String()
	}
	for _, c := range [][2]string{
		{"host both", "host 10.0.0.1 or host 2001:db8::1 or host 10.0.0.9"},
		{"ip host both", "ip host 10.0.0.1 or ip host 10.0.0.9"},
		{"ip6 src both", "ip6 src 2001:db8::1"},
		{"ether host both", "ether host 02:00:00:00:00:01"},
		{"port http", "tcp port 80"},
		{"port domain", "port 53"},
		{"udp port domain", "udp port 53"},
		{"port tftp", "udp port 69"},
		{"portrange http-90", "portrange 80-90"},
		{`ip proto \ospf`, "ip proto 89"},
		{"net ten", "net 10"},
	} {
		if a, b := compile(c[0]), compile(c[1]); a != b && c[0] != "portrange http-90" {
			t.Errorf("%s:\n%s%s:\n%s", c[0], a, c[1], b)
		}
	}
}
