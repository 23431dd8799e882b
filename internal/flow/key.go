package flow

import (
	"encoding/binary"
	"math/bits"
	"math/rand/v2"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// key is a conversation without direction: the endpoint that sorts first (by address,
// then by port) is a. It is what tshark keys its conversations on: neither VLAN nor
// tunnel belong to it.
type key struct {
	a0, a1, b0, b1 uint64 // the addresses' halves, most significant byte first
	rest           uint64 // port of a, port of b, IP version, protocol
}

// makeKey returns the key of a tuple, and 0 when a is the source, 1 when b is.
func makeKey(t *packet.Tuple) (k key, side uint8) {
	side = k.set(t)
	return k, side
}

// set makes k the key of a tuple and returns 0 when a is the source, 1 when b is. Which it
// is changes from packet to packet without a pattern: there is no branch on it.
func (k *key) set(t *packet.Tuple) (side uint8) {
	s0, s1 := binary.BigEndian.Uint64(t.Src[:8]), binary.BigEndian.Uint64(t.Src[8:])
	d0, d1 := binary.BigEndian.Uint64(t.Dst[:8]), binary.BigEndian.Uint64(t.Dst[8:])
	sp, dp := uint64(t.SrcPort), uint64(t.DstPort)
	_, less := bits.Sub64(dp, sp, 0)
	_, less = bits.Sub64(d1, s1, less)
	_, less = bits.Sub64(d0, s0, less) // 1: the destination sorts first
	swap := -less
	x := (s0 ^ d0) & swap
	k.a0, k.b0 = s0^x, d0^x
	x = (s1 ^ d1) & swap
	k.a1, k.b1 = s1^x, d1^x
	x = (sp ^ dp) & swap
	k.rest = (sp^x)<<48 | (dp^x)<<32 | uint64(t.Version)<<8 | uint64(t.Proto)
	return uint8(less)
}

// tuple returns the key as a tuple sent by endpoint from (0: a, 1: b).
func (k *key) tuple(from uint8) packet.Tuple {
	var t packet.Tuple
	t.Version, t.Proto = uint8(k.rest>>8), uint8(k.rest)
	binary.BigEndian.PutUint64(t.Src[:8], k.a0)
	binary.BigEndian.PutUint64(t.Src[8:], k.a1)
	binary.BigEndian.PutUint64(t.Dst[:8], k.b0)
	binary.BigEndian.PutUint64(t.Dst[8:], k.b1)
	t.SrcPort, t.DstPort = uint16(k.rest>>48), uint16(k.rest>>32)
	if from == 1 {
		t.Src, t.Dst = t.Dst, t.Src
		t.SrcPort, t.DstPort = t.DstPort, t.SrcPort
	}
	if hasPorts(t.Proto) {
		t.Flags = packet.TupleHasPorts
	}
	return t
}

func (k *key) same(l *key) bool {
	return k.a1 == l.a1 && k.b1 == l.b1 && k.rest == l.rest && k.a0 == l.a0 && k.b0 == l.b0
}

func (k *key) proto() uint8 { return uint8(k.rest) }

// The protocols that the package treats apart (IANA protocol numbers).
const (
	protoICMP    = 1
	protoTCP     = 6
	protoUDP     = 17
	protoDCCP    = 33
	protoICMPv6  = 58
	protoSCTP    = 132
	protoUDPLite = 136
)

func hasPorts(proto uint8) bool {
	switch proto {
	case protoTCP, protoUDP, protoDCCP, protoSCTP, protoUDPLite:
		return true
	}
	return false
}

// hasher hashes keys with a secret, so that nobody can send packets that all land in one
// place of the table.
type hasher struct{ s0, s1, s2, s3 uint64 }

func newHasher() hasher {
	return hasher{rand.Uint64() | 1, rand.Uint64() | 1, rand.Uint64() | 1, rand.Uint64() | 1}
}

// sum returns 32 well mixed bits: table index and tag in one.
func (h *hasher) sum(k *key) uint32 {
	ah, al := bits.Mul64(k.a1^h.s0, k.b1^h.s1)
	bh, bl := bits.Mul64(k.a0^h.s2, k.b0^h.s3)
	ch, cl := bits.Mul64(ah^al^k.rest, bh^bl^h.s0)
	return uint32((ch ^ cl) >> 16)
}
