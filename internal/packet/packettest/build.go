// Package packettest builds packets for tests: headers one by one, and a collection of
// whole packets of every kind that the decoder knows. Nothing of it is taken from real
// traffic.
package packettest

import (
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"strings"
)

// Join puts the parts of a packet together.
func Join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// Hex returns the bytes that hexadecimal digits stand for. Spaces are ignored.
func Hex(s string) []byte {
	b, err := hex.DecodeString(strings.ReplaceAll(s, " ", ""))
	if err != nil {
		panic(err)
	}
	return b
}

// Ethernet returns a frame.
func Ethernet(etherType uint16, payload ...[]byte) []byte {
	h := []byte{2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2}
	return append(binary.BigEndian.AppendUint16(h, etherType), Join(payload...)...)
}

// LLC returns an 802.3 frame with a SNAP header.
func LLC(etherType uint16, payload []byte) []byte {
	p := append(Hex("aaaa03000000"), byte(etherType>>8), byte(etherType))
	p = append(p, payload...)
	return Ethernet(uint16(len(p)), p)
}

// IPv4 returns a packet from 10.0.0.1 to 10.0.0.2. options has a multiple of 4 bytes.
func IPv4(proto uint8, payload []byte, options ...byte) []byte {
	return IPv4Between("10.0.0.1", "10.0.0.2", proto, payload, options...)
}

// IPv4Between returns an IPv4 packet.
func IPv4Between(src, dst string, proto uint8, payload []byte, options ...byte) []byte {
	h := make([]byte, 20, 20+len(options)+len(payload))
	h[0] = 0x45 + byte(len(options)/4)
	binary.BigEndian.PutUint16(h[2:], uint16(20+len(options)+len(payload)))
	h[4], h[5], h[8], h[9] = 0x12, 0x34, 64, proto
	copy(h[12:], netip.MustParseAddr(src).AsSlice())
	copy(h[16:], netip.MustParseAddr(dst).AsSlice())
	h = append(h, options...)
	var sum uint32
	for i := 0; i < len(h); i += 2 {
		sum += uint32(binary.BigEndian.Uint16(h[i:]))
	}
	for sum > 0xffff {
		sum = sum>>16 + sum&0xffff
	}
	binary.BigEndian.PutUint16(h[10:], ^uint16(sum))
	return append(h, payload...)
}

// IPv6 returns a packet from 2001:db8::1 to 2001:db8::2. Payloads above 65 535 bytes get
// the length 0.
func IPv6(next uint8, payload []byte) []byte {
	h := make([]byte, 40, 40+len(payload))
	h[0], h[6], h[7] = 0x60, next, 64
	if len(payload) <= 0xffff {
		binary.BigEndian.PutUint16(h[4:], uint16(len(payload)))
	}
	copy(h[8:], netip.MustParseAddr("2001:db8::1").AsSlice())
	copy(h[24:], netip.MustParseAddr("2001:db8::2").AsSlice())
	return append(h, payload...)
}

// TCP returns a segment from port 1000 to 4321 with the sequence number 7, acknowledging
// 9, PSH and ACK set. options has a multiple of 4 bytes.
func TCP(payload []byte, options ...byte) []byte {
	h := Hex("03e8 10e1 00000007 00000009 5018 2000 abcd 0000")
	h[12] = byte(5+len(options)/4) << 4
	return Join(h, options, payload)
}

// UDP returns a datagram.
func UDP(src, dst uint16, payload ...[]byte) []byte {
	p := Join(payload...)
	h := make([]byte, 8, 8+len(p))
	binary.BigEndian.PutUint16(h, src)
	binary.BigEndian.PutUint16(h[2:], dst)
	binary.BigEndian.PutUint16(h[4:], uint16(8+len(p)))
	h[6], h[7] = 0xab, 0xcd
	return append(h, p...)
}

// Fragments4 cuts an Ethernet frame with an IPv4 packet into fragments of size bytes of
// payload; size is a multiple of 8.
func Fragments4(frame []byte, id uint16, size int) [][]byte {
	hlen := int(frame[14]&15) * 4
	head, payload := frame[:14+hlen], frame[14+hlen:]
	var out [][]byte
	for off := 0; off < len(payload); off += size {
		part := payload[off:min(off+size, len(payload))]
		f := Join(head, part)
		binary.BigEndian.PutUint16(f[16:], uint16(hlen+len(part)))
		binary.BigEndian.PutUint16(f[18:], id)
		where := uint16(off / 8)
		if off+size < len(payload) {
			where |= 0x2000
		}
		binary.BigEndian.PutUint16(f[20:], where)
		out = append(out, f)
	}
	return out
}

// Fragments6 cuts an Ethernet frame with an IPv6 packet into fragments, right behind the
// IPv6 header.
func Fragments6(frame []byte, id uint32, size int) [][]byte {
	head, payload := frame[:54], frame[54:]
	var out [][]byte
	for off := 0; off < len(payload); off += size {
		part := payload[off:min(off+size, len(payload))]
		where := uint16(off)
		if off+size < len(payload) {
			where |= 1
		}
		h := []byte{head[20], 0, byte(where >> 8), byte(where)}
		f := Join(head, binary.BigEndian.AppendUint32(h, id), part)
		binary.BigEndian.PutUint16(f[18:], uint16(8+len(part)))
		f[20] = 44
		out = append(out, f)
	}
	return out
}
