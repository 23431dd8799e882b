package query

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
)

func TestParseErrors(t *testing.T) {
	for _, c := range []struct {
		text       string
		pos, end   int
		what       string // contained in the message
		candidates string
	}{
		{"tcp.prot == 80", 0, 8, `no field "tcp.prot"`, "tcp.port"},
		{"TCP", 0, 3, `no field "TCP"`, "tcp"},
		{"ip.addr == 10.0.0.1 && tcp.flgs.syn == 1", 23, 35, "no field", "tcp.flags.syn"},
		{"host == 10.0.0.1", 0, 4, "no field", "ip.addr"},
		{"tcp.flags.rst", 0, 13, "no field", "tcp.flags.reset"},
		{"tcp.port = 80", 9, 10, `"=" cannot stand here`, "=="},
		{"tcp.port == ", 12, 12, "ends too early", ""},
		{"(tcp", 4, 4, "expected &&, || or )", ""},
		{"tcp)", 3, 4, `")" cannot stand here`, ""},
		{"tcp udp", 4, 7, `"udp" cannot stand here`, ""},
		{"tcp.port == 70000", 12, 17, "out of the field's range, 0 to 65535", ""},
		{"tcp.port == eighty", 12, 18, "no number", ""},
		{"ip.addr == 10.0.0.0/33", 11, 22, "no IPv4 address", ""},
		{"ip.addr == 300.1.1.1", 11, 20, "no IPv4 address", ""},
		{"ipv6.addr == 10.0.0.1", 13, 21, "no IPv6 address", ""},
		{"eth.addr == 00:11:22", 12, 20, "no Ethernet address", ""},
		{"frame.time > yesterday", 13, 22, "no time", ""},
		{"ip.addr == eth.addr", 11, 19, "expected values of one type", ""},
		{`payload contains ""`, 17, 19, "nothing to look for", ""},
		{`payload matches "("`, 16, 19, "missing closing )", ""},
		{`payload matches "a(?=b)"`, 16, 24, "no lookahead", ""},
		{`payload matches "(a{999}){999}"`, 16, 31, "repeat", ""},
		{`payload matches "(a{100}){9}b{200}"`, 16, 35, "larger than", ""},
		{"payload matches get", 16, 19, "in quotation marks", ""},
		{`http.host == "a`, 13, 15, "not closed", ""},
		{`http.host == "a\q"`, 15, 17, "no escape", ""},
		{"eth.src[0:3", 7, 11, "[ is not closed", ""},
		{"eth.src[3-1] == 00", 7, 12, "no range", ""},
		{"tcp.port[0] == 00", 0, 11, "no bytes to slice", ""},
		{"udp[8:2] == 00:00", 0, 8, "udp.payload", ""},
		{"tcp == 80", 0, 3, "is a protocol", ""},
		{"80 == tcp.port", 0, 2, "80 is a value", ""},
		{"tcp.port in 80", 12, 14, "expected {", ""},
		{"tcp.port in {}", 13, 14, "cannot stand here", ""},
		{"tcp.port in {80, ", 17, 17, "ends too early", ""},
		{"tcp.port > 80 < 100", 14, 15, "do not chain", ""},
		{"all tcp.port", 12, 12, "a comparison", ""},
		{"lenn(payload) > 3", 0, 4, "no function", "len"},
		{"len(tcp.port) > 3", 4, 12, "does not take", ""},
		{"len(payload)", 0, 12, "alone is no condition", ""},
		{"tcp.srcport / 0 == 1", 14, 15, "division by 0", ""},
		{"tcp.seq_raw + 1 == 1", 0, 15, "32 bits", ""},
		{"frame.len & \x01", 12, 13, "cannot stand here", ""},
		{"tcp ∧ udp", 4, 7, "cannot stand here", ""},
		{"ip.src#0x == 1.2.3.4", 7, 9, "number of a layer", ""},
		{"frame.number#1", 0, 14, "layer", ""},
		{strings.Repeat("(", 200) + "tcp", 101, 102, "more than 100 levels", ""},
		{strings.Repeat("not ", 200) + "tcp", 404, 407, "more than 100 levels", ""},
		{strings.Repeat("tcp or ", 3000) + "tcp", 16384, 21003, "longer than 16384 bytes", ""},
		{strings.Repeat(`frame matches "a{400}" or `, 9) + "tcp", 66, 74, "with the others larger", ""},
	} {
		f, err := Parse(c.text)
		short := c.text[:min(len(c.text), 60)]
		var e *SyntaxError
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v, filter %v", short, err, f)
			continue
		}
		if e.Pos != c.pos || e.End != c.end {
			t.Errorf("%s: wrong text from %d to %d, want %d to %d: %v", short, e.Pos, e.End, c.pos, c.end, e)
		}
		if !strings.Contains(e.Error(), c.what) || strings.Contains(e.Error(), "\n") {
			t.Errorf("%s: %q does not say %q", short, e.Error(), c.what)
		}
		if got := strings.Join(e.Candidates, ","); c.candidates != "" && !strings.HasPrefix(got, c.candidates) {
			t.Errorf("%s: candidates %s, want %s", short, got, c.candidates)
		}
	}
}

func TestErrorText(t *testing.T) {
	_, err := Parse("ip.adr == 1.2.3.4")
	const want = `display filter, column 1: no field "ip.adr"; did you mean ip.addr?`
	if err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
}

func TestEmptyFilter(t *testing.T) {
	for _, text := range []string{"", " ", "\t\n"} {
		if f, err := Parse(text); f != nil || err != nil {
			t.Errorf("%q: %v, %v", text, f, err)
		}
	}
}

func TestCanonicalText(t *testing.T) {
	utc(t)
	for _, c := range []struct{ text, want string }{
		{"tcp.port eq 80 and not udp", "tcp.port == 80 && !udp"},
		{"(tcp or udp) and ip", "(tcp || udp) && ip"},
		{"tcp or (udp and ip)", "tcp || udp && ip"},
		{"tcp or (udp or ip)", "tcp || (udp || ip)"},
		{"tcp xor udp", "tcp ^^ udp"},
		{"tcp.port ne 80", "tcp.port != 80"},
		{"tcp.port ~= 80", "tcp.port !== 80"},
		{"all tcp.port == 80", "tcp.port === 80"},
		{"any tcp.port != 80", "tcp.port !== 80"},
		{"all tcp.port > 0x50", "all tcp.port > 80"},
		{"tcp.flags == 0x2", "tcp.flags == 0x0002"},
		{"tcp.flags & 2", "{tcp.flags & 0x0002}"},
		{"tcp.flags.syn == True", "tcp.flags.syn == 1"},
		{"tcp.port in {80 443, 8000..8080}", "tcp.port in {80, 443, 8000 .. 8080}"},
		{"tcp.port not in {80}", "!(tcp.port in {80})"},
		{"ip.addr == 10.1.2.3/8", "ip.addr == 10.0.0.0/8"},
		{"ipv6.addr == 2001:DB8::1/32", "ipv6.addr == 2001:db8::/32"},
		{"eth.addr == 00-11-22-AA-BB-CC", "eth.addr == 00:11:22:aa:bb:cc"},
		{`payload contains "GET"`, "payload contains 47:45:54"},
		{"payload contains 474554", "payload contains 47:45:54"},
		{"payload contains 'G'", "payload contains 47"},
		{`payload matches r"^get\s"`, `payload matches "^get\\s"`},
		{`http.host == "a\"b\n\xff"`, `http.host == "a\"b\n\xff"`},
		{"http.host contains example.com", `http.host contains "example.com"`},
		{"interface == eth0", `frame.interface_name == "eth0"`},
		{"direction == sent", `direction == "sent"`},
		{"eth.src[0:3] == 00:00:5e", "eth.src[0:3] == 00:00:5e"},
		{"eth.src[1-2,-1] == 00:00:5e", "eth.src[1:2,-1:1] == 00:00:5e"},
		{"ip.addr#2 == 10.0.0.1", "ip.addr#[2:1] == 10.0.0.1"},
		{`frame.time >= "2024-01-01 10:00:00"`, `frame.time >= "2024-01-01T10:00:00Z"`},
		{`frame.time >= "Jan  1, 2024 10:00:00.5"`, `frame.time >= "2024-01-01T10:00:00.5Z"`},
		{"frame.time_delta > 0.500", "frame.time_delta > 0.5"},
		{"frame.time_delta > -1", "frame.time_delta > -1"},
		{"tcp.srcport == tcp.dstport", "tcp.srcport == tcp.dstport"},
		{"count(ip.addr) > 2", "count(ip.addr) > 2"},
		{"max(tcp.srcport, tcp.dstport) < 1024", "max(tcp.srcport, tcp.dstport) < 1024"},
		{"tcp.srcport + 2 * 3 == 86", "{tcp.srcport + 6} == 86"},
		{"ip.proto == TCP", "ip.proto == 6"},
		{"eth.type == IPv6", "eth.type == 0x86dd"},
		{".tcp", "tcp"},
	} {
		f := must(t, c.text)
		if got := f.String(); got != c.want {
			t.Errorf("%s: %s, want %s", c.text, got, c.want)
			continue
		}
		if again := must(t, c.want).String(); again != c.want {
			t.Errorf("%s: read again it is %s", c.want, again)
		}
	}
}

func TestNeeds(t *testing.T) {
	for _, c := range []struct {
		text   string
		want   Needs
		fields string
	}{
		{"ip.addr == 10.0.0.1 && tcp.port == 80 && ip.addr != 10.0.0.2", Needs{}, "ip.addr tcp.port"},
		{"frame.time > 2024-01-01 && direction == sent", Needs{}, "frame.time direction"},
		{`payload contains "x"`, Needs{Bytes: true}, "payload"},
		{"tcp && eth.src[0] == 00", Needs{Bytes: true}, "tcp eth.src"},
		{"tcp.stream == 3", Needs{Notes: true}, "tcp.stream"},
		{"tcp.stream == 3 || ip.ttl < 5", Needs{Notes: true, Bytes: true}, "tcp.stream ip.ttl"},
		{"interface == eth0", Needs{Interface: true}, "frame.interface_name"},
		{"frame.time_delta > 1", Needs{History: true}, "frame.time_delta"},
		{"ip.src == ip.dst", Needs{Bytes: true}, "ip.src ip.dst"},
	} {
		f := must(t, c.text)
		if got := f.Needs(); got != c.want {
			t.Errorf("%s: %+v, want %+v", c.text, got, c.want)
		}
		var names []string
		for _, field := range f.Fields() {
			names = append(names, field.Name)
		}
		if got := strings.Join(names, " "); got != c.fields {
			t.Errorf("%s: fields %s, want %s", c.text, got, c.fields)
		}
	}
}

// TestFiltersOverNotes asks for what tshark does not have and for what later stages find.
func TestFiltersOverNotes(t *testing.T) {
	var r Row
	p := sample(t, "tcp4")
	p.Direction = packet.DirectionSent
	r.InterfaceName, r.HasInterface = "eth0", true
	r.Next(p)
	note := func(name string, v Value) {
		f := LookupField(name)
		if f == nil || !f.noted() {
			t.Fatalf("%s is no field of notes", name)
		}
		r.Notes = append(r.Notes, Note{f, v})
	}
	note("flow", Value{Num: 12})
	note("tcp.stream", Value{Num: 0})
	note("tcp.analysis.retransmission", Value{Num: 1})
	note("tcp.analysis.ack_rtt", Value{Num: 25_000_000})
	note("http.host", Value{Text: "Example.com"})
	note("dns.qry.name", Value{Text: "a.example"})
	note("dns.qry.name", Value{Text: "b.example"})
	note("dns.a", Value{Bytes: []byte{192, 0, 2, 7}})
	for text, want := range map[string]bool{
		"flow == 12": true, "flow == 13": false, "flow in {1..20}": true, "flow": true,
		"direction == sent": true, "direction == received": false, "direction != received": true, `direction matches "^S"`: true,
		"interface == eth0": true, `interface == "eth1"`: false, "interface contains th": true,
		`payload contains "world"`: true, "payload[0:5] == \"hello\"": true, "payload": true, "len(payload) == 12": true,
		"tcp.stream == 0": true, "udp.stream": false, "!(udp.stream == 0)": true, "udp.stream != 0": false,
		"tcp.analysis.retransmission": true, "tcp.analysis.lost_segment": false, "tcp.analysis.ack_rtt > 0.02": true,
		`http.host == "Example.com"`: true, `http.host == "example.com"`: false, `lower(http.host) == "example.com"`: true,
		`upper(http.host) == "EXAMPLE.COM"`: true, `http.host contains "ample"`: true, `http.host matches "^example\\."`: true,
		`dns.qry.name == "b.example"`: true, `dns.qry.name === "b.example"`: false, `all dns.qry.name contains "example"`: true,
		"count(dns.qry.name) == 2": true, `dns.qry.name > "a.z"`: true, `dns.qry.name[0] == "b"`: true,
		`dns.qry.name in {"b.example", "x"}`: true, `max(tcp.stream) == 0`: true, "len(http.host) == 11": true,
		"dns.a == 192.0.2.0/24": true, "dns.aaaa": false, `string(dns.a) == "192.0.2.7"`: true, "tcp xor udp": true, "tcp ^^ ip": false,
	} {
		f := must(t, text)
		if got := f.Match(&r); got != want {
			t.Errorf("%s: %t, want %t", text, got, want)
		}
	}
}

// TestManyValues holds that a packet with thousands of values in two fields costs little
// and is answered as one by one.
func TestManyValues(t *testing.T) {
	names, hosts := LookupField("dns.qry.name"), LookupField("dns.resp.name")
	pick := func(n int, f *Field, first byte) (list []Note) {
		for i := range n {
			list = append(list, Note{f, Value{Text: string([]byte{first + byte(i%7), 'a' + byte(i/7%26)})}})
		}
		return list
	}
	ops := []string{"==", "!=", "===", "!==", "<", "<=", ">", ">="}
	for _, first := range []byte{'a', 'b', 'e', 'h', 'z'} {
		var few, many Row
		few.Next(sample(t, "tcp4"))
		many.Next(sample(t, "tcp4"))
		few.Notes = append(pick(14, names, 'a'), pick(14, hosts, first)...)
		many.Notes = append(slices.Repeat(pick(14, names, 'a'), 300), slices.Repeat(pick(14, hosts, first), 300)...)
		for _, op := range ops {
			for _, quant := range []string{"", "any ", "all "} {
				f, err := Parse(quant + "dns.qry.name " + op + " dns.resp.name")
				if err != nil {
					continue // === says itself how many
				}
				if f.Match(&few) != f.Match(&many) {
					t.Errorf("%s, from %c on: %t one by one, %t sorted", f, first, f.Match(&few), f.Match(&many))
				}
			}
		}
	}
}

func TestConcurrentMatch(t *testing.T) {
	f := must(t, `ip.src == 10.0.0.1 && upper(frame.interface_name) == "ETH0" && payload matches "world"`)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			row, _ := benchRow("tcp4")
			for range 200 {
				if !f.Match(row) {
					t.Error("no match")
					return
				}
			}
		})
	}
	wg.Wait()
}

// TestFieldsOfLaterStages holds that what the applications and the TCP analysis find has a
// field.
func TestFieldsOfLaterStages(t *testing.T) {
	for _, id := range app.FieldIDs() {
		if f := LookupField(id.String()); f == nil || !f.noted() {
			t.Errorf("no field %s", id)
		}
	}
	for i := range flow.AnalysisCount {
		if name := "tcp.analysis." + flow.Analysis(1<<i).Name(); LookupField(name) == nil {
			t.Errorf("no field %s", name)
		}
	}
}

func TestComplete(t *testing.T) {
	for _, c := range []struct {
		text string
		pos  int
		want string // one of the candidates, with what it replaces
		not  string
	}{
		{"", 0, "tcp 0-0", "tcp.port 0-0"},
		{"tcp.po", 6, "tcp.port 0-6", "udp.port 0-6"},
		{"ip.addr == 10.0.0.1 && udp.d", 28, "udp.dstport 23-28", ""},
		{"ip.addr == 10.0.0.1 and not ud", 30, "udp 28-30", ""},
		{"tcp.port ", 9, "== 9-9", "contains 9-9"},
		{"http.host ", 10, "contains 10-10", "& 10-10"},
		{"tcp.flags.syn ", 14, "== 14-14", "> 14-14"},
		{"tcp.flags.syn == ", 17, "1 17-17", "tcp 17-17"},
		{"direction == ", 13, "sent 13-13", ""},
		{"direction == se", 15, "sent 13-15", "received 13-15"},
		{"direction in {sent, rec", 23, "received 20-23", ""},
		{"ip.proto == ", 12, "TCP 12-12", ""},
		{"tcp.srcport == tcp.d", 20, "tcp.dstport 15-20", "tcp.flags.syn 15-20"},
		{"tcp.port == 80 ", 15, "and 15-15", "tcp.port 15-15"},
		{"(tcp", 1, "tcp 1-1", ""},
		{"le", 2, "len 0-2", ""},
		{"interf", 6, "interface 0-6", ""},
		{`http.host == "tcp`, 17, "", "tcp 14-17"},
		{"tls.handshake.ext", 17, "tls.handshake.extensions_server_name 0-17", ""},
	} {
		var got []string
		for _, cand := range Complete(c.text, c.pos) {
			got = append(got, strings.TrimSpace(cand.Text)+" "+span2(cand))
		}
		if c.want != "" && !slices.Contains(got, c.want) {
			t.Errorf("%q at %d: no %q in %q", c.text, c.pos, c.want, got)
		}
		if c.not != "" && slices.Contains(got, c.not) {
			t.Errorf("%q at %d: %q in %q", c.text, c.pos, c.not, got)
		}
	}
}

func span2(c Candidate) string {
	return string(appendNumber(nil, uint64(c.From), Decimal)) + "-" + string(appendNumber(nil, uint64(c.To), Decimal))
}
