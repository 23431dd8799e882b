package analysis_test

import (
	"encoding/binary"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// madeFields are the fields that earlier packets decide, or that are put together from the
// headers and from what is known of the connection.
var madeFields = []string{
	"tcp.completeness", "tcp.nxtseq", "tcp.options.sack_le", "tcp.options.sack_re",
	"dns.time", "dns.id", "dns.flags", "dns.count.queries", "dns.count.auth_rr", "dns.qry.name.len", "dns.count.labels",
	"dns.qry.class", "dns.resp.class", "dns.resp.ttl", "dns.resp.len", "dns.flags.recdesired", "dns.flags.recavail",
	"http.time", "http.request.full_uri",
}

// maker writes conversations between two machines into a capture.
type maker struct {
	t    *testing.T
	w    *pcapgo.Writer
	at   time.Time
	port uint16
}

func (m *maker) put(frame []byte) {
	m.t.Helper()
	m.at = m.at.Add(13 * time.Millisecond)
	ci := gopacket.CaptureInfo{Timestamp: m.at, CaptureLength: len(frame), Length: len(frame)}
	if err := m.w.WritePacket(ci, frame); err != nil {
		m.t.Fatal(err)
	}
}

func (m *maker) ip(client bool, proto uint8, payload []byte) {
	m.t.Helper()
	src, dst := "10.0.0.1", "10.0.0.2"
	if !client {
		src, dst = dst, src
	}
	m.put(packettest.Ethernet(0x0800, packettest.IPv4Between(src, dst, proto, payload)))
}

// connection is a TCP connection, or what looks like one.
type connection struct {
	*maker
	client, server uint16
	next           [2]uint32 // sequence numbers of the client and of the server
}

func (m *maker) connect(server uint16) *connection {
	m.port++
	return &connection{m, m.port, server, [2]uint32{100, 500}}
}

func (c *connection) send(client bool, flags byte, text string, options ...byte) {
	c.t.Helper()
	s := packettest.TCP([]byte(text), options...)
	from, to, own, other := c.client, c.server, 0, 1
	if !client {
		from, to, own, other = to, from, 1, 0
	}
	binary.BigEndian.PutUint16(s, from)
	binary.BigEndian.PutUint16(s[2:], to)
	binary.BigEndian.PutUint32(s[4:], c.next[own])
	binary.BigEndian.PutUint32(s[8:], c.next[other])
	s[13] = flags
	c.next[own] += uint32(len(text))
	if flags&0x03 != 0 {
		c.next[own]++
	}
	c.ip(client, 6, s)
}

// strange makes connections whose flags nobody would send in that order.
func (m *maker) strange(r *rand.Rand) {
	flags := []byte{0x02, 0x12, 0x10, 0x11, 0x01, 0x04, 0x14, 0x00, 0x18, 0x03, 0x13, 0x06, 0x15, 0x16}
	for range 300 {
		c := m.connect(9000)
		for range 2 + r.IntN(9) {
			flag := flags[r.IntN(len(flags))]
			var options []byte
			if flag&0x10 != 0 && r.IntN(4) == 0 { // SACK goes with ACK
				options = packettest.Hex("0101050a0000025800000300")
			}
			c.send(r.IntN(2) == 0, flag, []string{"", "", "x", "hello"}[r.IntN(4)], options...)
		}
	}
}

const (
	question = "0001 0000 0000 0000 07 6578616d706c65 03 636f6d 00 0001 0001"
	answer   = "0001 0002 0000 0001 07 6578616d706c65 03 636f6d 00 0001 0001" +
		"c00c 0001 0001 80000005 0004 01020304 c00c 0010 0001 0000000a 0003 02 6162 00 0029 04d0 00008000 0000"
)

func (m *maker) dns(client bool, id uint16, flags uint16, rest string) {
	msg := binary.BigEndian.AppendUint16(binary.BigEndian.AppendUint16(nil, id), flags)
	msg = append(msg, packettest.Hex(rest)...)
	from, to := m.port, uint16(53)
	if !client {
		from, to = to, from
	}
	m.ip(client, 17, packettest.UDP(from, to, msg))
}

// resolve makes DNS queries and responses that are sent again, missing, or not asked for.
func (m *maker) resolve() {
	const query, response = 0x0100, 0x8580
	for _, order := range []string{"qr", "qqr", "qrr", "r", "q", "qrqr", "qqrr", "rqr", "qrrqr"} {
		m.port++
		for _, c := range order {
			if c == 'q' {
				m.dns(true, m.port, query, question)
			} else {
				m.dns(false, m.port, response, answer)
			}
		}
	}
	m.port++
	for _, name := range []string{"00", "016d 00", "026162 00", "03612e62 0163 00", "012e 00", "0161 0162 0163 00"} {
		m.dns(true, 7, query, "0001 0000 0000 0000"+name+"0001 8001")
	}
	m.dns(true, 8, 0x2800, question) // a dynamic update
	c := m.connect(53)
	c.send(true, 0x02, "")
	c.send(false, 0x12, "")
	c.send(true, 0x10, "")
	over := func(head, rest string) string {
		b := packettest.Hex(head + rest)
		return string(binary.BigEndian.AppendUint16(nil, uint16(len(b)))) + string(b)
	}
	c.send(true, 0x18, over("0015 0100", question))
	c.send(false, 0x18, over("0015 8580", answer))
	c.send(true, 0x18, over("0016 0100", question)+over("0017 0100", question))
	c.send(false, 0x18, over("0017 8580", answer)+over("0016 8580", answer))
}

// browse makes HTTP requests and responses, some of them in one segment.
func (m *maker) browse() {
	const ok, named = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", " HTTP/1.1\r\nHost: h.example\r\n\r\n"
	for _, talk := range [][]string{
		{"GET /a" + named, ok},
		{"GET http://other.example/x" + named, ok},
		{"GET /none HTTP/1.0\r\n\r\n", ok},
		{"CONNECT c.example:443 HTTP/1.1\r\nHost: c.example:443\r\n\r\n", "HTTP/1.1 200 Connection established\r\n\r\n"},
		{"OPTIONS *" + named, ok, "GET /b HTTP/1.1\r\n\r\n", ok},
		{"GET /1" + named + "GET /2" + named, ok + ok},
		{"GET /1" + named, "", "GET /2" + named, ok, "", ok},
		{"GET /go" + named, "HTTP/1.1 100 Continue\r\n\r\n", "", ok},
		{"", ok, "GET HTTPS://u.example/ HTTP/1.1\r\nHost: \r\n\r\n", "HTTP/1.1 304 Not Modified\r\n\r\n"},
		{"POST /post?a=b HTTP/1.1\r\nHost: h.example\r\nContent-Length: 5\r\n\r\n12", "", "345", "HTTP/1.1 201 Created\r\nContent-Length: 6\r\n\r\nabc", "", "def"},
		{"GET /two HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", ok},
	} {
		c := m.connect(80)
		c.send(true, 0x02, "")
		c.send(false, 0x12, "")
		c.send(true, 0x10, "")
		for i, text := range talk {
			if text != "" {
				c.send(i%2 == 0, 0x18, text)
			}
		}
		c.send(true, 0x11, "")
		c.send(false, 0x11, "")
	}
}

// TestMadeFieldsAgree compares fields with tshark over conversations made to be odd.
func TestMadeFieldsAgree(t *testing.T) {
	needs(t)
	path := filepath.Join(t.TempDir(), "made.pcap")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	m := &maker{t: t, w: pcapgo.NewWriterNanos(f), at: time.Unix(1_700_000_000, 0), port: 2000}
	if err := m.w.WriteFileHeader(262144, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	m.strange(rand.New(rand.NewPCG(5, 17)))
	m.resolve()
	m.browse()
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	args := []string{"-T", "fields"}
	for _, name := range madeFields {
		args = append(args, "-e", name)
	}
	theirs := rows(run(t, "tshark", append([]string{"-n", "-r", path}, args...)...))
	ours := rows(tarrafa(t, append(append([]string{"read"}, args...), path)...))
	if len(theirs) != len(ours) || len(ours) < 1000 {
		t.Fatalf("%d packets, tshark %d", len(ours), len(theirs))
	}
	present := make([]int, len(madeFields))
	for i := range theirs {
		for n, name := range madeFields {
			if theirs[i][n] != "" {
				present[n]++
			}
			if ours[i][n] != theirs[i][n] {
				t.Errorf("packet %d: %s is %q, tshark says %q", i+1, name, ours[i][n], theirs[i][n])
			}
		}
	}
	for n, name := range madeFields {
		if present[n] < 6 {
			t.Errorf("%s is in %d packets only", name, present[n])
		}
	}
	for _, filter := range []string{
		"tcp.completeness == 31 || tcp.completeness & 32", "tcp.nxtseq > 5 && !(tcp.options.sack_le < 200)",
		"dns.time > 0.013 || dns.time && dns.count.labels == 2", "dns.flags.recdesired == 1 && dns.count.queries == 1 && dns.resp.ttl > 10",
		`http.time || http.request.full_uri contains "https"`, "all dns.resp.ttl > 5", "dns.id in {0x0015 .. 0x0016} || dns.resp.len == 0",
	} {
		theirs := run(t, "tshark", "-n", "-r", path, "-Y", filter, "-T", "fields", "-e", "frame.number")
		ours := tarrafa(t, "read", "-Y", filter, "-T", "fields", "-e", "frame.number", path)
		if len(ours) == 0 || string(ours) != string(theirs) {
			t.Errorf("%s: %q, tshark %q", filter, ours, theirs)
		}
	}
}
