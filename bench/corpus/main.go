// Corpus writes a pcap file of synthetic, mixed traffic for the benchmarks: TCP
// connections with handshakes, data and acknowledgements, DNS-like UDP, some ICMP; packet
// sizes as on a busy access link (about 400 bytes on average). The same seed gives the
// same file.
//
//	go run ./bench/corpus -bytes 1100000000 -o /tmp/corpus.pcap
//
// With captures as arguments the traffic is theirs: the packets of all that are Ethernet,
// merged by time and repeated with other addresses.
//
//	go run ./bench/corpus -o /tmp/mixed.pcap ../shared/captures/*
package main

import (
	"bufio"
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
)

func main() {
	out := flag.String("o", "corpus.pcap", "file to write")
	size := flag.Int64("bytes", 1_100_000_000, "about so many bytes")
	flows := flag.Int("flows", 20000, "connections that are open at the same time")
	width := flag.Int("width", 8, "of real captures, so many copies at the same time")
	seed := flag.Uint64("seed", 1, "seed")
	flag.Parse()
	if flag.NArg() > 0 {
		if err := mix(*out, flag.Args(), *size, *width, *seed); err != nil {
			fmt.Fprintln(os.Stderr, "corpus:", err)
			os.Exit(1)
		}
		return
	}
	if err := write(*out, *size, *flows, *seed); err != nil {
		fmt.Fprintln(os.Stderr, "corpus:", err)
		os.Exit(1)
	}
}

type conn struct {
	client, server [4]byte
	sport, dport   uint16
	seq, ack       uint32
	step           int
	udp            bool
}

func newConn(r *rand.Rand) conn {
	c := conn{
		client: [4]byte{10, 0, byte(r.IntN(16)), byte(1 + r.IntN(254))},
		server: [4]byte{198, 18, byte(r.ExpFloat64() * 8), byte(1 + r.IntN(254))},
		sport:  uint16(32768 + r.IntN(28000)), seq: r.Uint32(), ack: r.Uint32(),
	}
	c.dport = [...]uint16{443, 443, 443, 443, 80, 80, 22, 5432, 8080, 25}[r.IntN(10)]
	if r.IntN(6) == 0 {
		c.udp, c.dport = true, 53
	}
	return c
}

func write(name string, limit int64, flows int, seed uint64) error {
	f, err := os.Create(name)
	if err != nil {
		return err
	}
	w := bufio.NewWriterSize(f, 1<<20)
	header := make([]byte, 24)
	binary.LittleEndian.PutUint32(header, 0xa1b2c3d4)
	binary.LittleEndian.PutUint16(header[4:], 2)
	binary.LittleEndian.PutUint16(header[6:], 4)
	binary.LittleEndian.PutUint32(header[16:], 262144)
	binary.LittleEndian.PutUint32(header[20:], 1)
	if _, err := w.Write(header); err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(seed, seed))
	conns := make([]conn, flows)
	for i := range conns {
		conns[i] = newConn(r)
	}
	payload := make([]byte, 1460)
	for i := range payload {
		payload[i] = byte(r.Uint32())
	}
	frame := make([]byte, 0, 1600)
	t := int64(1_700_000_000_000_000)
	for written := int64(24); written < limit; {
		c := &conns[r.IntN(flows)]
		frame = c.next(r, frame[:0], payload)
		t += int64(r.ExpFloat64() * 4)
		var rec [16]byte
		binary.LittleEndian.PutUint32(rec[0:], uint32(t/1_000_000))
		binary.LittleEndian.PutUint32(rec[4:], uint32(t%1_000_000))
		binary.LittleEndian.PutUint32(rec[8:], uint32(len(frame)))
		binary.LittleEndian.PutUint32(rec[12:], uint32(len(frame)))
		if _, err := w.Write(rec[:]); err != nil {
			return err
		}
		if _, err := w.Write(frame); err != nil {
			return err
		}
		written += int64(16 + len(frame))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// next makes the connection's next packet.
func (c *conn) next(r *rand.Rand, b, payload []byte) []byte {
	if c.udp {
		fromClient := c.step%2 == 0
		c.step++
		n := 20 + r.IntN(60)
		if !fromClient {
			n += r.IntN(300)
		}
		if c.step > 2 {
			*c = newConn(r)
		}
		return c.packet(b, fromClient, 17, payload[:n], 0)
	}
	c.step++
	switch c.step {
	case 1:
		return c.packet(b, true, 6, nil, 0x02)
	case 2:
		c.seq++
		return c.packet(b, false, 6, nil, 0x12)
	case 3:
		c.ack++
		return c.packet(b, true, 6, nil, 0x10)
	}
	if c.step > 40 && r.IntN(20) == 0 {
		b = c.packet(b, true, 6, nil, 0x11)
		*c = newConn(r)
		return b
	}
	switch r.IntN(10) {
	case 0: // a request
		n := 40 + r.IntN(600)
		b = c.packet(b, true, 6, payload[:n], 0x18)
		c.seq += uint32(n)
	case 1, 2: // a full segment of the answer
		b = c.packet(b, false, 6, payload[:1448], 0x10)
		c.ack += 1448
	case 3:
		n := 1 + r.IntN(1400)
		b = c.packet(b, false, 6, payload[:n], 0x18)
		c.ack += uint32(n)
	default:
		b = c.packet(b, r.IntN(3) > 0, 6, nil, 0x10)
	}
	return b
}

func (c *conn) packet(b []byte, fromClient bool, proto byte, payload []byte, flags byte) []byte {
	src, dst, sp, dp, seq, ack := c.client, c.server, c.sport, c.dport, c.seq, c.ack
	if !fromClient {
		src, dst, sp, dp, seq, ack = dst, src, dp, sp, ack, seq
	}
	head := 20
	if proto == 17 {
		head = 8
	}
	b = append(b, 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0)
	b = append(b, 0x45, 0)
	b = binary.BigEndian.AppendUint16(b, uint16(20+head+len(payload)))
	b = append(b, 0, 0, 0x40, 0, 64, proto, 0, 0)
	b = append(b, src[:]...)
	b = append(b, dst[:]...)
	b = binary.BigEndian.AppendUint16(b, sp)
	b = binary.BigEndian.AppendUint16(b, dp)
	if proto == 17 {
		b = binary.BigEndian.AppendUint16(b, uint16(8+len(payload)))
		b = append(b, 0, 0)
	} else {
		b = binary.BigEndian.AppendUint32(b, seq)
		b = binary.BigEndian.AppendUint32(b, ack)
		b = append(b, 0x50, flags, 0xfa, 0xf0, 0, 0, 0, 0)
	}
	b = append(b, payload...)
	for len(b) < 60 {
		b = append(b, 0)
	}
	return b
}
