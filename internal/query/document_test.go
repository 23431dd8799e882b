package query

import (
	"encoding/binary"
	"flag"
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

var update = flag.Bool("update", false, "rewrite golden files and the list of fields in the document")

const document = "../../docs/query.md"

func documentText(t testing.TB) string {
	t.Helper()
	text, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// documentBlocks returns the lines of the document's blocks of one kind.
func documentBlocks(t testing.TB, kind string) (lines []string) {
	t.Helper()
	inside := false
	for line := range strings.Lines(documentText(t)) {
		line = strings.TrimRight(line, "\n")
		switch {
		case line == "```"+kind:
			inside = true
		case line == "```":
			inside = false
		case inside:
			lines = append(lines, line)
		}
	}
	if len(lines) == 0 {
		t.Fatalf("no %s in %s", kind, document)
	}
	return lines
}

// documentFilters returns the document's examples without their comments.
func documentFilters(t testing.TB) (list []string) {
	for _, line := range documentBlocks(t, "display") {
		text, _, _ := strings.Cut(line, "  #")
		list = append(list, strings.TrimSpace(text))
	}
	return list
}

// documentRows returns the packets that the examples are asked of.
func documentRows() (rows []Row) {
	at := time.Date(2024, 1, 30, 12, 0, 0, 0, time.UTC).UnixNano()
	var r Row
	add := func(after time.Duration, d packet.Direction, data []byte, notes ...Note) {
		at += int64(after)
		p := &packet.Packet{
			Number: uint64(len(rows) + 1), Time: at, WireLen: uint32(len(data)), Link: packet.LinkEthernet, Direction: d,
			Interface: uint16(len(rows) % 2), Data: data,
		}
		packet.NewDecoder().Decode(p)
		r.InterfaceName, r.HasInterface = fmt.Sprintf("eth%d", p.Interface), true
		r.Next(p)
		r.Notes = notes
		rows = append(rows, r)
	}
	note := func(name, text string, n uint64) Note { return Note{LookupField(name), Value{Text: text, Num: n}} }
	const out, in = packet.DirectionSent, packet.DirectionReceived
	add(0, out, docTCP("10.0.0.1", "192.0.2.1", 50000, 80, 0x02, ""))
	add(time.Millisecond, in, docTCP("192.0.2.1", "10.0.0.1", 80, 50000, 0x12, ""))
	add(time.Millisecond, out, docTCP("10.0.0.1", "192.0.2.1", 50000, 80, 0x18, "GET / HTTP/1.1\r\n\r\n"),
		note("flow", "", 12), note("http.host", "www.example.com", 0))
	add(time.Second, in, docTCP("192.0.2.1", "10.0.0.1", 80, 50000, 0x04, ""),
		note("tcp.stream", "", 3), note("tcp.analysis.retransmission", "", 1))
	add(time.Hour, out, docUDP("10.0.0.2", "192.168.1.255", 40001, 53, "a question"), note("dns.qry.name", "host.example", 0))
	add(time.Hour, in, packettest.Ethernet(0x86dd, packettest.IPv6(17, packettest.UDP(5000, 5001, []byte("hi")))))
	add(time.Hour, 0, packettest.Ethernet(0x0800, packettest.IPv4(47, packettest.Join(packettest.Hex("0000 0800"),
		packettest.IPv4Between("192.0.2.1", "192.0.2.2", 6, packettest.TCP([]byte("inside")))))))
	add(time.Hour, in, docUDP("10.9.0.1", "10.0.0.7", 123, 123, strings.Repeat("x", 1200)))
	add(48*time.Hour, in, docTCP("10.0.0.3", "10.0.0.1", 443, 443, 0x18, "hello world!"),
		note("app", "tls", 0), note("tls.handshake.extensions_server_name", "www.example.com", 0))
	other := docTCP("198.51.100.1", "198.51.100.2", 22, 8022, 0x10, "\x00\xff")
	copy(other[6:], "\x00\x00\x5e\x00\x53\x01") // the sender's address
	copy(other, "\x00\x00\x5e\x00\x53\x02")
	other[14+8] = 63 // the time to live
	add(time.Hour, in, other)
	return rows
}

func docTCP(src, dst string, from, to uint16, flags byte, text string) []byte {
	s := packettest.TCP([]byte(text))
	binary.BigEndian.PutUint16(s, from)
	binary.BigEndian.PutUint16(s[2:], to)
	s[13] = flags
	return packettest.Ethernet(0x0800, packettest.IPv4Between(src, dst, 6, s))
}

func docUDP(src, dst string, from, to uint16, text string) []byte {
	return packettest.Ethernet(0x0800, packettest.IPv4Between(src, dst, 17, packettest.UDP(from, to, []byte(text))))
}

// TestDocumentedFilters asks the document's examples of a few packets. Each example lets
// some of them pass and others not; which, stands in the golden file.
func TestDocumentedFilters(t *testing.T) {
	utc(t)
	var b strings.Builder
	rows := documentRows()
	for _, text := range documentFilters(t) {
		f, err := Parse(text)
		if err != nil {
			t.Errorf("%s: %v", text, err)
			continue
		}
		b.WriteString(text + "\n\t")
		passed := 0
		for i := range rows {
			if f.Match(&rows[i]) {
				passed++
				fmt.Fprintf(&b, " %d", i+1)
			}
		}
		b.WriteByte('\n')
		if passed == 0 || passed == len(rows) {
			t.Errorf("%s: %d of %d packets pass: no example", text, passed, len(rows))
		}
	}
	const golden = "testdata/document.golden"
	if *update {
		if err := os.WriteFile(golden, []byte(b.String()), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatal(err)
	}
	if b.String() != string(want) {
		t.Errorf("the packets that pass are not those of %s (rewrite with -update)\n%s", golden, b.String())
	}
}

func TestDocumentedErrors(t *testing.T) {
	lines := documentBlocks(t, "error")
	for i := 0; i+1 < len(lines); i += 2 {
		if _, err := Parse(lines[i]); err == nil || err.Error() != lines[i+1] {
			t.Errorf("%s: %v, the document says %s", lines[i], err, lines[i+1])
		}
	}
}

// TestDocumentedFields holds that the document lists all fields.
func TestDocumentedFields(t *testing.T) {
	groups := map[string][]string{}
	for _, name := range FieldNames() {
		f := LookupField(name)
		mark := ""
		if probe, err := Parse(name); err == nil && !probe.Needs().Bytes && !f.noted() && !slices.Contains(besides, name) {
			mark = "∗"
		}
		if f.noted() {
			mark = "†"
		}
		protocol, _, _ := strings.Cut(name, ".")
		text := "`" + name + "`" + mark
		if f.Type != TypeProtocol {
			text += " " + f.Type.String()
		}
		groups[protocol] = append(groups[protocol], text)
	}
	var order []string
	for protocol := range groups {
		order = append(order, protocol)
	}
	slices.Sort(order)
	var b strings.Builder
	b.WriteString("\n| protocol | fields |\n|---|---|\n")
	for _, protocol := range order {
		fmt.Fprintf(&b, "| %s | %s |\n", protocol, strings.Join(groups[protocol], ", "))
	}
	b.WriteString("\n")
	const begin, end = "-update -->\n", "<!-- end of fields -->"
	text := documentText(t)
	from := strings.Index(text, begin) + len(begin)
	to := strings.Index(text, end)
	if from < len(begin) || to < from {
		t.Fatal("the list of fields is not marked")
	}
	if *update {
		if err := os.WriteFile(document, []byte(text[:from]+b.String()+text[to:]), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if text[from:to] != b.String() {
		t.Error("the list of fields is not up to date: go test ./internal/query -run DocumentedFields -update")
	}
}
