package app

import (
	"bytes"
	"math/rand/v2"
	"net/netip"
	"slices"
	"strings"
	"testing"
)

var (
	pointerToQuestion = []byte{0xc0, dnsHeader}
	address4          = []byte{192, 0, 2, 7}
	address6          = netip.MustParseAddr("2001:db8::7").AsSlice()
)

// dnsSegment is a message in a datagram of port 53.
func dnsSegment(msg []byte) Segment {
	return Segment{Transport: 17, FromClient: true, DstPort: portDNS, SrcPort: 40000, Payload: msg, Time: 1e18}
}

func TestDNSMessages(t *testing.T) {
	long := strings.Repeat("a", 63)
	longest := strings.Join([]string{long, long, long, strings.Repeat("b", 61)}, ".")
	for _, c := range []struct {
		name string
		msg  []byte
		want map[FieldID][]string
		bad  bool
	}{
		{
			name: "query", msg: dnsMessage(0x0100, 1, 0, 0, 0, question("www.Example.com", typeAAAA)),
			want: map[FieldID][]string{FieldDNSQueryName: {"www.Example.com"}, FieldDNSQueryType: {"28"}, FieldDNSResponse: {"0"}, FieldDNSRcode: nil},
		},
		{name: "root", msg: dnsMessage(0x0100, 1, 0, 0, 0, question("", 2)), want: map[FieldID][]string{FieldDNSQueryName: {"<Root>"}}},
		{
			name: "answer with an alias", msg: dnsMessage(0x8180, 1, 3, 0, 0, question("a.example", typeA),
				resource(pointerToQuestion, typeCNAME, 60, encodeName("b.example")),
				resource(encodeName("b.example"), typeA, 60, address4),
				resource(encodeName("b.example"), typeAAAA, 60, address6)),
			want: map[FieldID][]string{
				FieldDNSQueryName: {"a.example"}, FieldDNSCNAME: {"b.example"}, FieldDNSA: {"192.0.2.7"}, FieldDNSAAAA: {"2001:db8::7"},
				FieldDNSRespName: {"a.example", "b.example", "b.example"}, FieldDNSResponse: {"1"}, FieldDNSRcode: {"0"},
			},
		},
		{
			name: "pointer answer", msg: dnsMessage(0x8180, 1, 1, 0, 0, question("7.2.0.192.in-addr.arpa", typePTR),
				resource(pointerToQuestion, typePTR, 60, encodeName("host.example"))),
			want: map[FieldID][]string{FieldDNSPTR: {"host.example"}},
		},
		{
			name: "service", msg: dnsMessage(0x8180, 1, 1, 0, 1, question("_sip._tcp.example", typeSRV),
				resource(pointerToQuestion, typeSRV, 60, join(u16(1), u16(2), u16(5060), encodeName("a.example"))), resource(encodeName("a.example"), typeA, 60, address4)),
			want: map[FieldID][]string{FieldDNSQueryName: {"_sip._tcp.example"}, FieldDNSRespName: {"a.example"}, FieldDNSRespType: {"33", "1"}},
		},
		{
			name: "no such name", msg: dnsMessage(0x8183, 1, 0, 1, 0, question("no.example", typeA), resource(encodeName("example"), 6, 60, make([]byte, 22))),
			want: map[FieldID][]string{FieldDNSRcode: {"3"}, FieldDNSQueryName: {"no.example"}, FieldDNSRespName: {"example"}},
		},
		{
			name: "address of a name server", msg: dnsMessage(0x8180, 1, 0, 1, 1, question("x.example", typeA),
				resource(encodeName("example"), 2, 60, encodeName("ns.example")), resource(encodeName("ns.example"), typeA, 60, address4)),
			want: map[FieldID][]string{FieldDNSA: {"192.0.2.7"}, FieldDNSRespName: {"example", "ns.example"}},
		},
		{
			name: "multicast answer without a question", msg: dnsMessage(0x8400, 0, 1, 0, 0, resource(encodeName("printer.local"), typeA, 120, address4)),
			want: map[FieldID][]string{FieldDNSQueryName: nil, FieldDNSRespName: {"printer.local"}, FieldDNSA: {"192.0.2.7"}},
		},
		{name: "the longest name", msg: dnsMessage(0, 1, 0, 0, 0, question(longest, 1)), want: map[FieldID][]string{FieldDNSQueryName: {longest}}},
		{name: "foreign bytes stay", msg: dnsMessage(0, 1, 0, 0, 0, question("\x00\x1b[2J.<b>\xff", 1)), want: map[FieldID][]string{FieldDNSQueryName: {"\x00\x1b[2J.<b>\xff"}}},
		{name: "a name that is too long", msg: dnsMessage(0, 1, 0, 0, 0, question(longest+"b", 1)), bad: true},
		{name: "pointer to itself", msg: dnsMessage(0, 1, 0, 0, 0, []byte{0xc0, 12, 0, 1, 0, 1}), bad: true},
		{name: "pointer forward", msg: dnsMessage(0, 1, 0, 0, 0, []byte{0xc0, 14, 1, 'a', 0, 0, 1, 0, 1}), bad: true},
		{name: "two pointers at each other", msg: dnsMessage(0, 2, 0, 0, 0, []byte{1, 'a', 0xc0, 16, 0, 1, 0, 1, 0xc0, 12, 0, 1, 0, 1}), bad: true},
		{name: "label into itself", msg: dnsMessage(0, 1, 0, 0, 0, []byte{1, 'a', 0xc0, 12, 0, 1, 0, 1}), bad: true},
		{name: "withdrawn label type", msg: dnsMessage(0, 1, 0, 0, 0, []byte{0x41, 'a', 0, 0, 1, 0, 1}), bad: true},
		{name: "cut in the name", msg: dnsMessage(0, 1, 0, 0, 0, []byte{9, 'a', 'b', 'c', 'd'}), bad: true},
		{name: "record longer than the message", msg: dnsMessage(0x8000, 0, 1, 0, 0, []byte{0, 0, 1, 0, 1, 0, 0, 0, 0, 0, 5, 1}), bad: true},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, st, o := one(dnsSegment(c.msg))
			want := OutcomeFields
			if c.bad {
				want = OutcomeMalformed
			}
			if o != want || st.Protocol() != DNS || st.Done() {
				t.Fatalf("outcome %v, want %v; protocol %v, done %v", o, want, st.Protocol(), st.Done())
			}
			for id, values := range c.want {
				expect(t, r, id, values...)
			}
		})
	}
}

// TestDNSPointerChain: pointers that lead backwards step by step are allowed, as many as
// a name may have labels.
func TestDNSPointerChain(t *testing.T) {
	parts := []byte{0}
	for range 100 {
		at := dnsHeader + len(parts) - 2 // of the element before
		if len(parts) == 1 {
			at = dnsHeader
		}
		parts = append(parts, 0xc0|byte(at>>8), byte(at))
	}
	r := NewRecognizer(Options{})
	msg := dnsMessage(0, 1, 0, 0, 0, parts)
	if name, next, ok := r.dnsName(msg, len(msg)-2); !ok || next != len(msg) || string(name) != "<Root>" {
		t.Errorf("name %q, next %d of %d, ok %v", name, next, len(msg), ok)
	}
}

func TestDNSBounds(t *testing.T) {
	var questions, answers []byte
	for range 20 {
		questions = append(questions, question("q.example", 1)...)
	}
	r, _, _ := one(dnsSegment(dnsMessage(0, 20, 0, 0, 0, questions)))
	if got := len(texts(r, FieldDNSQueryName)); got != maxQuestions {
		t.Errorf("%d questions were reported", got)
	}
	if got := r.Counters().FieldsDropped; got != 20-maxQuestions {
		t.Errorf("%d questions were counted as dropped", got)
	}
	for range 500 {
		answers = append(answers, resource(pointerToQuestion, typeA, 60, address4)...)
	}
	r, _, o := one(dnsSegment(dnsMessage(0x8180, 1, 500, 0, 0, question("many.example", 1), answers)))
	if got := len(texts(r, FieldDNSA)); o != OutcomeFields || got > maxRecords || len(r.Fields()) > maxFields {
		t.Errorf("outcome %v, %d addresses, %d fields", o, got, len(r.Fields()))
	}
	if r.Counters().FieldsDropped == 0 {
		t.Error("nothing was counted as dropped")
	}
	// Names that fill the scratch memory are left out and counted, not cut.
	long := strings.Repeat("x", 60) + "." + strings.Repeat("y", 60) + "." + strings.Repeat("z", 60)
	var aliases []byte
	for range 40 {
		aliases = append(aliases, resource(pointerToQuestion, typeCNAME, 60, encodeName(long))...)
	}
	r, _, _ = one(dnsSegment(dnsMessage(0x8180, 1, 40, 0, 0, question(long, 5), aliases)))
	for _, v := range texts(r, FieldDNSCNAME) {
		if v != long {
			t.Fatalf("a name was cut: %q", v)
		}
	}
	if r.Counters().FieldsDropped == 0 {
		t.Error("names beyond the scratch memory were not counted")
	}
}

func TestDNSPorts(t *testing.T) {
	query := dnsMessage(0x0100, 1, 0, 0, 0, question("www.example.com", 1))
	optional := dnsMessage(0x0120, 1, 0, 0, 1, question("www.example.com", 1), []byte{0, 0, 41, 4, 208, 0, 0, 0, 0, 0, 0})
	for _, c := range []struct {
		name string
		port uint16
		msg  []byte
		want Protocol
	}{
		{"its own", 53, query, DNS},
		{"multicast", 5353, query, MDNS},
		{"link-local", 5355, query, LLMNR},
		{"another port", 9953, query, DNS},
		{"another port, with EDNS", 9953, optional, DNS},
		{"another port, one byte more", 9953, append(bytes.Clone(query), 0), Unknown},
		{"another port, cut", 9953, query[:len(query)-1], Unknown},
		{"another port, class CHAOS", 9953, dnsMessage(0x0100, 1, 0, 0, 0, encodeName("version.bind"), []byte{0, 16, 0, 3}), Unknown},
		{"its own port, but no DNS", 53, []byte("\xff\xff\xff\xff hello, is there anybody out there"), Unknown},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, st, _ := one(Segment{Transport: 17, SrcPort: 30000, DstPort: c.port, Payload: c.msg, FromClient: true})
			if st.Protocol() != c.want {
				t.Errorf("protocol %v, want %v", st.Protocol(), c.want)
			}
		})
	}
}

func TestDNSOverTCP(t *testing.T) {
	first := vec(2, dnsMessage(0x0100, 1, 0, 0, 0, question("one.example", 1)))
	second := vec(2, dnsMessage(0x0100, 1, 0, 0, 0, question("two.example", 1)))
	stream := join(first, second)
	for _, port := range []uint16{53, 853} {
		for cut := 1; cut < len(stream); cut++ {
			if port != 53 && cut != len(first) {
				continue // on another port a segment must be one whole message
			}
			r := NewRecognizer(Options{})
			var st FlowState
			var names []string
			for _, part := range [][2]int{{0, cut}, {cut, len(stream)}} {
				r.Segment(&st, &Segment{Transport: 6, FromClient: true, DstPort: port, Seq: 100 + uint32(part[0]), Payload: stream[part[0]:part[1]]})
				names = append(names, texts(r, FieldDNSQueryName)...)
			}
			if !slices.Equal(names, []string{"one.example", "two.example"}) {
				t.Fatalf("port %d, cut at %d: %q", port, cut, names)
			}
			if st.Protocol() != DNS || r.Partials() != 0 {
				t.Fatalf("port %d, cut at %d: protocol %v, %d partial messages", port, cut, st.Protocol(), r.Partials())
			}
		}
	}
}

func TestPassiveDNSLearnsFromAnswers(t *testing.T) {
	r := NewRecognizer(Options{})
	r.Passive = NewPassiveDNS(0)
	var st FlowState
	feed := func(msg []byte) {
		s := dnsSegment(msg)
		r.Segment(&st, &s)
	}
	feed(dnsMessage(0x8180, 1, 3, 0, 0, question("Shop.example", typeA),
		resource(pointerToQuestion, typeCNAME, 60, encodeName("cdn.example")),
		resource(encodeName("CDN.example"), typeA, 60, address4),
		resource(encodeName("else.example"), typeAAAA, 60, address6)))
	for addr, want := range map[string]string{"192.0.2.7": "Shop.example", "2001:db8::7": "else.example"} {
		if name, fresh := r.Passive.Lookup(netip.MustParseAddr(addr), 1e18+59e9); string(name) != want || !fresh {
			t.Errorf("%s: %q, fresh %v, want %q", addr, name, fresh, want)
		}
	}
	if _, fresh := r.Passive.Lookup(netip.MustParseAddr("192.0.2.7"), 1e18+61e9); fresh {
		t.Error("an expired name is called fresh")
	}
	// Neither questions nor errors teach.
	feed(dnsMessage(0x8183, 1, 1, 0, 0, question("evil.example", typeA), resource(pointerToQuestion, typeA, 60, []byte{10, 0, 0, 1})))
	if r.Passive.Len() != 2 {
		t.Errorf("%d addresses held", r.Passive.Len())
	}
}

// An answer that is not to be kept is true for the connection that follows it, as often as it comes;
// mDNS says goodbye so.
func TestPassiveDNSTimeToLiveZero(t *testing.T) {
	for _, c := range []struct {
		port uint16
		held int
	}{{portDNS, 1}, {portMDNS, 0}} {
		r := NewRecognizer(Options{})
		r.Passive = NewPassiveDNS(0)
		var st FlowState
		s := dnsSegment(dnsMessage(0x8180, 1, 1, 0, 0, question("a.example", typeA), resource(pointerToQuestion, typeA, 0, address4)))
		s.DstPort = c.port
		r.Segment(&st, &s)
		r.Segment(&st, &s)
		if r.Passive.Len() != c.held {
			t.Errorf("port %d: %d addresses held after two answers with time to live 0, want %d", c.port, r.Passive.Len(), c.held)
		}
	}
}

func TestPassiveDNSMap(t *testing.T) {
	p := NewPassiveDNS(4)
	ip := func(n int) netip.Addr { return netip.AddrFrom4([4]byte{10, 0, byte(n >> 8), byte(n)}) }
	name := func(a netip.Addr) string { b, _ := p.Lookup(a, 0); return string(b) }
	for i := range 4 {
		p.Learn(ip(i), []byte{'a' + byte(i)}, 60, 0)
	}
	p.Learn(ip(0), []byte("a"), 60, 10e9) // in use: it goes to the end of the queue
	p.Learn(ip(4), []byte("e"), 60, 0)    // for which the oldest makes room
	p.Learn(ip(3), []byte("D"), 60, 0)    // another name
	p.Learn(netip.Addr{}, []byte("x"), 1, 0)
	p.Learn(ip(9), nil, 1, 0)
	p.Learn(ip(9), make([]byte, 256), 1, 0)
	if got := []string{name(ip(0)), name(ip(1)), name(ip(3)), name(ip(4))}; !slices.Equal(got, []string{"a", "", "D", "e"}) {
		t.Errorf("got %q", got)
	}
	if c := p.Counters(); c.Evicted == 0 || c.Refreshed != 1 || c.Learned != 6 {
		t.Errorf("counters %+v", c)
	}
	p.Learn(ip(4), []byte("other"), 0, 0) // not the name that is held: a new one, for a second
	if name(ip(4)) != "other" {
		t.Errorf("got %q", name(ip(4)))
	}
	p.Learn(ip(4), []byte("other"), 0, 0) // goodbye
	if name(ip(4)) != "" || p.Counters().Forgotten != 1 {
		t.Error("not forgotten")
	}
	// An IPv4 address is the same inside of IPv6.
	if got := name(netip.MustParseAddr("::ffff:10.0.0.0")); got != "a" {
		t.Errorf("mapped address: %q", got)
	}
	// A time to live beyond a week ends after a week.
	p.Learn(ip(5), []byte("w"), 1<<32-1, 0)
	if _, fresh := p.Lookup(ip(5), 8*24*3600*1e9); fresh {
		t.Error("a name lives longer than a week")
	}
}

// TestPassiveDNSAgainstMap holds the map against a plain one under random use.
// An address that many names share had at a time the name that was answered last by then.
func TestPassiveDNSOfThen(t *testing.T) {
	p := NewPassiveDNS(8)
	a := netip.MustParseAddr("192.0.2.1")
	for _, l := range []struct {
		at   int64
		name string
	}{{10, "first"}, {20, "second"}, {30, "second"}, {40, "third"}, {50, "first"}} {
		p.Learn(a, []byte(l.name), 60, l.at)
	}
	check := func(want map[int64]string) {
		t.Helper()
		for at, name := range want {
			if got, _ := p.Lookup(a, at); string(got) != name {
				t.Errorf("at %d the name was %q, want %q", at, got, name)
			}
		}
	}
	check(map[int64]string{5: "first", 10: "first", 19: "first", 20: "second", 39: "second", 40: "third", 50: "first", 99: "first"})
	// The older names make room for other addresses; the address keeps what is left.
	for i := range byte(6) {
		p.Learn(netip.AddrFrom4([4]byte{10, 0, 0, i}), []byte("other"), 60, 60)
	}
	check(map[int64]string{5: "third", 45: "third", 50: "first"})
}

func TestPassiveDNSAgainstMap(t *testing.T) {
	rng := rand.New(rand.NewPCG(9, 10))
	p := NewPassiveDNS(64)
	last := map[netip.Addr]string{}
	for i := range 200000 {
		a := netip.AddrFrom4([4]byte{1, 2, 3, byte(rng.IntN(200))})
		n := strings.Repeat(string(rune('a'+rng.IntN(26))), 1+rng.IntN(200))
		if rng.IntN(3) == 0 && last[a] != "" {
			n = last[a]
		}
		p.Learn(a, []byte(n), 30, int64(i))
		last[a] = n
		if got, _ := p.Lookup(a, int64(i)); string(got) != n {
			t.Fatalf("step %d: just learnt %q, got %q", i, n, got)
		}
		b := netip.AddrFrom4([4]byte{1, 2, 3, byte(rng.IntN(200))})
		if got, _ := p.Lookup(b, int64(i)); got != nil && string(got) != last[b] {
			t.Fatalf("step %d: %v is %q, got %q", i, b, last[b], got)
		}
		if p.Len() > 64 {
			t.Fatalf("%d addresses held", p.Len())
		}
	}
	count := 0
	for _, slot := range p.table {
		if slot != 0 {
			count++
		}
	}
	if count != p.Len() {
		t.Errorf("the table has %d entries, Len says %d", count, p.Len())
	}
}
