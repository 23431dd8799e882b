package main

import (
	"bufio"
	"encoding/binary"
	"math/rand/v2"
	"os"
)

const sample = "GET /index.html?session=0123456789 HTTP/1.1\r\nHost: www.example.org\r\nAccept: */*\r\n\r\n"

// makeCapture writes a pcap file of TCP packets: a third without payload, a third short,
// a third full frames; every other payload is text.
func makeCapture(path string, packets int) error {
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	defer f.Close()
	w := bufio.NewWriter(f)
	le := binary.LittleEndian
	head := make([]byte, 24)
	le.PutUint32(head, 0xa1b2c3d4)
	le.PutUint16(head[4:], 2)
	le.PutUint16(head[6:], 4)
	le.PutUint32(head[16:], 262144)
	le.PutUint32(head[20:], 1) // Ethernet
	_, _ = w.Write(head)
	rng := rand.New(rand.NewPCG(1, 2))
	for i := range packets {
		size := 0
		switch i % 3 {
		case 1:
			size = rng.IntN(300)
		case 2:
			size = 1448
		}
		payload := make([]byte, size)
		for j := range payload {
			if i%2 == 0 {
				payload[j] = sample[j%len(sample)]
			} else {
				payload[j] = byte(rng.Uint32())
			}
		}
		frame := tcpFrame(i, payload)
		rec := make([]byte, 16)
		le.PutUint32(rec, 1_700_000_000+uint32(i/1000))
		le.PutUint32(rec[4:], uint32(i%1000*1000))
		le.PutUint32(rec[8:], uint32(len(frame)))
		le.PutUint32(rec[12:], uint32(len(frame)))
		_, _ = w.Write(rec)
		_, _ = w.Write(frame)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return f.Close()
}

// tcpFrame returns an Ethernet frame with TCP over IPv4, padded to 60 bytes.
func tcpFrame(i int, payload []byte) []byte {
	be := binary.BigEndian
	b := make([]byte, 54, max(60, 54+len(payload)))
	copy(b, []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2, 8, 0, 0x45})
	be.PutUint16(b[16:], uint16(40+len(payload)))
	be.PutUint16(b[18:], uint16(i))
	b[22], b[23] = 64, 6
	copy(b[26:], []byte{10, 0, byte(i % 7), byte(i % 250), 192, 168, 1, byte(i % 5)})
	be.PutUint16(b[34:], uint16(49152+i%1000))
	be.PutUint16(b[36:], 443)
	be.PutUint32(b[38:], uint32(i)*1000)
	be.PutUint32(b[42:], uint32(i)*7)
	b[46], b[47] = 0x50, 0x18
	be.PutUint16(b[48:], 65535)
	b = append(b, payload...)
	return b[:max(60, len(b))]
}
