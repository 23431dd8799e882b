package feed

import (
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Story writes a capture in which things happen below dataDir, and returns its folder:
// names are asked for, pages and files are fetched, some of it in TLS, and segments are
// lost, come late and are sent again. It is the same every time.
func Story(dataDir string) (string, error) {
	s := &story{random: rand.New(rand.NewPCG(20, 26)), now: feedStart}
	for i := range 40 {
		site := sites[i%len(sites)]
		s.ask(site)
		c := &conversation{s: s, server: site.address, port: 52000 + uint16(i), seq: [2]uint32{s.random.Uint32(), s.random.Uint32()}}
		if site.tls {
			c.server16 = 443
			c.private(site)
		} else {
			c.server16 = 80
			c.fetch(site, i)
		}
		if i == 17 {
			s.scan([4]byte{203, 0, 113, 200})
		}
		s.now += int64(300_000_000 + s.random.IntN(700_000_000))
	}
	return write(dataDir, s.packets)
}

type site struct {
	name    string
	address [4]byte
	tls     bool
}

var sites = []site{
	{"www.example.org", [4]byte{192, 0, 2, 10}, false},
	{"api.example.net", [4]byte{198, 51, 100, 23}, true},
	{"cdn.example.com", [4]byte{203, 0, 113, 80}, false},
	{"login.example.org", [4]byte{192, 0, 2, 44}, true},
}

var (
	reader   = [4]byte{10, 20, 0, 7}
	resolver = [4]byte{10, 20, 0, 1}
)

// one is a packet of the story.
type one struct {
	time int64
	sent bool
	data []byte
}

type story struct {
	random  *rand.Rand
	now     int64 // nanoseconds since 1970
	packets []one
}

const (
	sent     = 0
	received = 1
)

// add appends an IPv4 packet between the reader and peer.
func (s *story) add(direction int, peer [4]byte, proto byte, segment []byte) {
	b := []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00, 0x45, 0, 0, 0, 0, 0, 0x40, 0, 64, proto, 0, 0}
	from, to := reader, peer
	if direction == received {
		from, to = to, from
	}
	b = append(append(b, from[:]...), to[:]...)
	binary.BigEndian.PutUint16(b[16:], uint16(20+len(segment)))
	s.packets = append(s.packets, one{s.now, direction == sent, append(b, segment...)})
}

// ask looks a name up.
func (s *story) ask(to site) {
	port := uint16(40000 + s.random.IntN(20000))
	id := uint16(s.random.Uint32())
	question := []byte{byte(id >> 8), byte(id), 1, 0, 0, 1, 0, 0, 0, 0, 0, 0}
	for label := range strings.SplitSeq(to.name, ".") {
		question = append(append(question, byte(len(label))), label...)
	}
	question = append(question, 0, 0, 1, 0, 1)
	answer := append([]byte{}, question...)
	answer[2], answer[3], answer[7] = 0x81, 0x80, 1
	answer = append(append(answer, 0xc0, 12, 0, 1, 0, 1, 0, 0, 0x0e, 0x10, 0, 4), to.address[:]...)
	udp := func(from, to uint16, payload []byte) []byte {
		be := binary.BigEndian
		b := be.AppendUint16(be.AppendUint16(nil, from), to)
		return append(append(be.AppendUint16(b, uint16(8+len(payload))), 0, 0), payload...)
	}
	s.add(sent, resolver, 17, udp(port, 53, question))
	s.now += int64(4_000_000 + s.random.IntN(9_000_000))
	s.add(received, resolver, 17, udp(53, port, answer))
	s.now += 1_200_000
}

// scan has somebody try the reader's ports.
func (s *story) scan(by [4]byte) {
	for port := range uint16(60) {
		c := &conversation{s: s, server: by, server16: 50123, port: 20 + port, seq: [2]uint32{0, s.random.Uint32()}}
		c.segment(received, c.seq[received], flagSYN, 1024, nil)
		c.seq[received]++
		c.wait(40_000)
		c.segment(sent, 0, flagRST|flagACK, 0, nil)
		c.wait(900_000)
	}
}

// conversation is a TCP connection of the reader.
type conversation struct {
	s        *story
	server   [4]byte
	server16 uint16 // the server's port
	port     uint16
	seq      [2]uint32 // next, of each direction
}

const (
	flagFIN, flagSYN, flagRST, flagPSH, flagACK = 1, 2, 4, 8, 16
)

// segment sends one from a sequence number on.
func (c *conversation) segment(direction int, seq uint32, flags byte, window uint16, payload []byte) {
	be := binary.BigEndian
	from, to := c.port, c.server16
	if direction == received {
		from, to = to, from
	}
	b := be.AppendUint16(be.AppendUint16(nil, from), to)
	ack := c.seq[1-direction]
	if flags&flagACK == 0 {
		ack = 0
	}
	b = be.AppendUint32(be.AppendUint32(b, seq), ack)
	b = be.AppendUint16(append(b, 0x50, flags), window)
	c.s.add(direction, c.server, 6, append(append(b, 0, 0, 0, 0), payload...))
}

// say sends data, in segments, and answers every second one.
func (c *conversation) say(direction int, data []byte) {
	const most = 1400
	for i := 0; len(data) > 0; i++ {
		part := data[:min(most, len(data))]
		data = data[len(part):]
		seq := c.seq[direction]
		lost := direction == received && c.s.random.IntN(60) == 0
		if !lost {
			c.segment(direction, seq, flagPSH|flagACK, 501, part)
		}
		c.seq[direction] += uint32(len(part))
		c.wait(200_000)
		if lost && len(data) > 0 {
			c.late(seq, part, data[:min(most, len(data))])
			data = data[min(most, len(data)):]
		} else if lost {
			c.segment(direction, seq, flagPSH|flagACK, 501, part)
		}
		if i%2 == 1 || len(data) == 0 {
			c.segment(1-direction, c.seq[1-direction], flagACK, 501, nil)
			c.wait(300_000)
		}
	}
}

// late lets the second of two segments come first; the gap is complained of, and filled.
func (c *conversation) late(seq uint32, first, second []byte) {
	c.segment(received, c.seq[received], flagPSH|flagACK, 501, second)
	c.wait(100_000)
	ahead := c.seq[received] + uint32(len(second))
	c.seq[received] = seq
	for range 3 {
		c.segment(sent, c.seq[sent], flagACK, 501, nil)
		c.wait(80_000)
	}
	c.wait(30_000_000)
	c.segment(received, seq, flagPSH|flagACK, 501, first)
	c.seq[received] = ahead
	c.wait(100_000)
}

func (c *conversation) wait(ns int) { c.s.now += int64(ns + c.s.random.IntN(ns)) }

func (c *conversation) open() {
	c.segment(sent, c.seq[sent], flagSYN, 64240, nil)
	c.seq[sent]++
	c.wait(9_000_000)
	c.segment(received, c.seq[received], flagSYN|flagACK, 65535, nil)
	c.seq[received]++
	c.wait(50_000)
	c.segment(sent, c.seq[sent], flagACK, 502, nil)
}

func (c *conversation) end() {
	for _, d := range []int{sent, received} {
		c.segment(d, c.seq[d], flagFIN|flagACK, 501, nil)
		c.seq[d]++
		c.wait(4_000_000)
	}
	c.segment(sent, c.seq[sent], flagACK, 501, nil)
}

// fetch asks for a page and gets it.
func (c *conversation) fetch(from site, i int) {
	c.open()
	path := []string{"/", "/style.css", "/map/tiles/7/42.png", "/search?q=tarrafa", "/missing"}[i%5]
	c.say(sent, []byte("GET "+path+" HTTP/1.1\r\nHost: "+from.name+"\r\nUser-Agent: Mozilla/5.0\r\nAccept: */*\r\n\r\n"))
	c.wait(12_000_000)
	status := "200 OK"
	if path == "/missing" {
		status = "404 Not Found"
	}
	body := strings.Repeat("<p>The net opens, sinks, closes, and nothing inside gets away.</p>\n", 20+90*(i%7))
	c.say(received, fmt.Appendf(nil, "HTTP/1.1 %s\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: %d\r\n\r\n%s", status, len(body), body))
	if i%13 == 6 {
		c.segment(sent, c.seq[sent], flagRST|flagACK, 0, nil)
		return
	}
	if i%9 == 4 { // the reader has no room for a moment
		c.segment(sent, c.seq[sent], flagACK, 0, nil)
		c.wait(40_000_000)
		c.segment(sent, c.seq[sent], flagACK, 501, nil)
	}
	c.end()
}

// private greets a server that has several names, and then nothing can be read any more.
func (c *conversation) private(with site) {
	c.open()
	c.say(sent, clientHello(c.s.random, with.name))
	c.wait(11_000_000)
	c.say(received, tlsRecord(22, append([]byte{2, 0, 0, 70, 3, 3}, noise(c.s.random, 68)...)))
	for range 3 {
		c.say(sent, tlsRecord(23, noise(c.s.random, 200+c.s.random.IntN(300))))
		c.wait(15_000_000)
		c.say(received, tlsRecord(23, noise(c.s.random, 900+c.s.random.IntN(9000))))
	}
	c.end()
}

func noise(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func tlsRecord(kind byte, body []byte) []byte {
	return append([]byte{kind, 3, 3, byte(len(body) >> 8), byte(len(body))}, body...)
}

// clientHello greets a server by its name (RFC 8446, section 4.1.2; RFC 6066, section 3).
func clientHello(r *rand.Rand, name string) []byte {
	n := len(name)
	sni := append([]byte{0, 0, 0, byte(n + 5), 0, byte(n + 3), 0, 0, byte(n)}, name...)
	extensions := append(sni, 0, 43, 0, 3, 2, 3, 4) // and supported_versions: TLS 1.3
	body := append([]byte{3, 3}, noise(r, 32)...)
	body = append(body, 0, 0, 4, 0x13, 0x01, 0x13, 0x02, 1, 0, 0, byte(len(extensions)))
	body = append(body, extensions...)
	return tlsRecord(22, append([]byte{1, 0, 0, byte(len(body))}, body...))
}

// direction is what the capture says of a packet.
func (o *one) direction() packet.Direction {
	if o.sent {
		return packet.DirectionSent
	}
	return packet.DirectionReceived
}
