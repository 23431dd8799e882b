package query

import (
	"slices"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// sample returns the decoded sample of that name.
func sample(t *testing.T, name string) *packet.Packet {
	t.Helper()
	for _, s := range packettest.Samples() {
		if s.Name == name {
			p := &packet.Packet{
				Number: 7, Time: 1_700_000_000_000_000_042, WireLen: uint32(len(s.Data)), Link: packet.LinkType(s.Link), Data: s.Data,
			}
			packet.NewDecoder().Decode(p)
			return p
		}
	}
	t.Fatalf("no sample %s", name)
	return nil
}

// lookup returns fields by name.
func lookup(t testing.TB, names ...string) []*Field {
	t.Helper()
	var fs []*Field
	for _, n := range names {
		f := LookupField(n)
		if f == nil {
			t.Fatalf("no field %s", n)
		}
		fs = append(fs, f)
	}
	return fs
}

func TestLine(t *testing.T) {
	for _, c := range []struct {
		name, sample string
		fields       string
		change       func(l *Line)
		want         string
	}{
		{"plain", "tcp4", "frame.number frame.time_epoch ip.src tcp.srcport tcp.flags tcp.len", nil,
			"7\t1700000000.000000042\t10.0.0.1\t1000\t0x0018\t12\n"},
		{"absent", "arp", "ip.src arp.opcode tcp.len", nil, "\t1\t\n"},
		{"tunnel", "gre", "ip.src ip.proto", nil, "10.0.0.1,192.0.2.1\t47,6\n"},
		{"first", "gre", "ip.src", func(l *Line) { l.Occurrence = FirstOccurrence }, "10.0.0.1\n"},
		{"last", "gre", "ip.src", func(l *Line) { l.Occurrence = LastOccurrence }, "192.0.2.1\n"},
		{"separators", "gre", "ip.src ip.dst", func(l *Line) { l.Separator, l.Aggregator = ';', ' ' },
			"10.0.0.1 192.0.2.1;10.0.0.2 192.0.2.2\n"},
		{"quotes", "arp", "ip.src arp.opcode", func(l *Line) { l.Quote = '"' }, "\t\"1\"\n"},
		{"several at once", "tcp4", "ip.addr tcp.port tcp.flags.str", nil, "10.0.0.1,10.0.0.2\t1000,4321\t·······AP···\n"},
		{"v6", "udp6", "ipv6.src udp.payload eth.src", nil, "2001:db8::1\t68656c6c6f20776f726c6421\t02:00:00:00:00:02\n"},
		{"labels", "mpls", "mpls.label mpls.bottom mpls.ttl", nil, "100,101\t0,1\t64,64\n"},
		{"quoted in an error", "unreachable", "ip.src tcp.srcport tcp.len tcp.seq_raw", nil, "10.0.0.1,10.0.0.2\t1000\t\t\n"},
	} {
		l := NewLine(lookup(t, strings.Fields(c.fields)...))
		if c.change != nil {
			c.change(l)
		}
		var r Row
		r.Next(sample(t, c.sample))
		if got := string(l.Append(nil, &r)); got != c.want {
			t.Errorf("%s: got %q, want %q", c.name, got, c.want)
		}
	}
}

func TestLineHeader(t *testing.T) {
	l := NewLine(lookup(t, "ip.src", "ip.dst"))
	if got := string(l.AppendHeader(nil)); got != "ip.src\tip.dst\n" {
		t.Errorf("header %q", got)
	}
}

func TestTimesOfRow(t *testing.T) {
	l := NewLine(lookup(t, "frame.time_relative", "frame.time_delta", "frame.time_delta_displayed"))
	var r Row
	var got []string
	for i, ns := range []int64{5e9, 6e9, 5.5e9, 9e9} {
		r.Next(&packet.Packet{Time: ns})
		if i != 1 { // one packet is not shown
			got = append(got, string(l.Append(nil, &r)))
		}
	}
	want := []string{
		"0.000000000\t0.000000000\t0.000000000\n",
		"0.500000000\t-0.500000000\t0.500000000\n",
		"4.000000000\t3.500000000\t3.500000000\n",
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

// TestNotes shows how a later stage gives values to a field.
func TestNotes(t *testing.T) {
	stream := &Field{Name: "tcp.stream", Type: TypeUint}
	var r Row
	r.Next(sample(t, "tcp4"))
	r.Notes = append(r.Notes, Note{Field: stream, Value: Value{Num: 3}})
	if got := string(NewLine([]*Field{stream}).Append(nil, &r)); got != "3\n" {
		t.Errorf("got %q", got)
	}
	r.Next(sample(t, "tcp4"))
	if got := stream.Append(&r, nil); len(got) != 0 {
		t.Errorf("the next packet has the notes of the last one: %v", got)
	}
}

func TestFieldNames(t *testing.T) {
	names := FieldNames()
	if !slices.IsSorted(names) || len(names) < 100 {
		t.Errorf("%d names, sorted %t", len(names), slices.IsSorted(names))
	}
	for _, n := range names {
		if f := LookupField(n); f == nil || f.Name != n {
			t.Errorf("%s is not found under its name", n)
		}
	}
	if LookupField("no.such") != nil {
		t.Error("found a field that is not there")
	}
}

// TestLineAllocatesNothing prints every field of every sample.
func TestLineAllocatesNothing(t *testing.T) {
	l := NewLine(lookup(t, comparableFields()...))
	buf := make([]byte, 0, 1<<20)
	for _, s := range packettest.Samples() {
		if len(s.Data) > 1000 {
			continue
		}
		p := &packet.Packet{WireLen: uint32(len(s.Data)), Link: packet.LinkType(s.Link), Data: s.Data}
		packet.NewDecoder().Decode(p)
		var r Row
		r.Next(p)
		l.Append(buf, &r)
		if n := testing.AllocsPerRun(5, func() { l.Append(buf[:0], &r) }); n != 0 {
			t.Errorf("%s: %v allocations", s.Name, n)
		}
	}
}

// FuzzFields asks every field of any packet.
func FuzzFields(f *testing.F) {
	for _, s := range packettest.Samples() {
		if len(s.Data) < 200 {
			f.Add(s.Link, uint16(0), s.Data)
		}
	}
	l := NewLine(lookup(f, FieldNames()...))
	d := packet.NewDecoder()
	f.Fuzz(func(t *testing.T, link, more uint16, data []byte) {
		p := &packet.Packet{WireLen: uint32(len(data) + int(more)), Link: packet.LinkType(link), Data: data}
		d.Decode(p)
		var r Row
		r.Remember(l.Fields...)
		r.Next(p)
		for _, known := range []*Field{fieldDNS, fieldSeq, fieldAck, fieldTCPStream, fieldUDPStream, fieldHTTPRequest} {
			r.Notes = append(r.Notes, Note{Field: known, Value: Value{Num: uint64(more)}})
		}
		r.Learn()
		line := l.Append(nil, &r)
		if n := strings.Count(string(line), "\t"); n != len(l.Fields)-1 {
			t.Fatalf("%d tabs for %d fields", n, len(l.Fields))
		}
	})
}

func BenchmarkLine(b *testing.B) {
	l := NewLine(lookup(b, issueFields...))
	s := packettest.Samples()[0]
	p := &packet.Packet{WireLen: uint32(len(s.Data)), Link: packet.LinkType(s.Link), Data: s.Data}
	d := packet.NewDecoder()
	var r Row
	var buf []byte
	b.ReportAllocs()
	for b.Loop() {
		d.Decode(p)
		r.Next(p)
		buf = l.Append(buf[:0], &r)
	}
}
