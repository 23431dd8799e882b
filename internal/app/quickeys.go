package app

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/sha256"
)

// quicVersion holds what tells a version of QUIC from another one.
type quicVersion struct {
	number         uint32
	initial, retry byte // long packet types
	salt           [20]byte
	key, iv, hp    string // labels of HKDF-Expand-Label
}

// quicV1 is RFC 9001 section 5.2, quicV2 RFC 9369 section 3.
var (
	quicV1 = quicVersion{
		number: 0x00000001, initial: 0, retry: 3,
		salt: [20]byte{0x38, 0x76, 0x2c, 0xf7, 0xf5, 0x59, 0x34, 0xb3, 0x4d, 0x17, 0x9a, 0xe6, 0xa4, 0xc8, 0x0c, 0xad, 0xcc, 0xbb, 0x7f, 0x0a},
		key:  "quic key", iv: "quic iv", hp: "quic hp",
	}
	quicV2 = quicVersion{
		number: 0x6b3343cf, initial: 1, retry: 0,
		salt: [20]byte{0x0d, 0xed, 0xe3, 0xde, 0xf7, 0x00, 0xa6, 0xdb, 0x81, 0x93, 0x81, 0xbe, 0x6e, 0x26, 0x9d, 0xcb, 0xf9, 0xbd, 0x2e, 0xd9},
		key:  "quicv2 key", iv: "quicv2 iv", hp: "quicv2 hp",
	}
)

const (
	aeadTag  = 16
	hpSample = 16
)

// quicOpener decrypts the Initial packets of clients. It remembers the keys of the last
// connection, because a ClientHello often takes two packets in a row.
type quicOpener struct {
	version *quicVersion
	dcid    [maxConnID]byte
	dcidLen int
	iv      [12]byte
	hp      cipher.Block
	aead    cipher.AEAD

	// In memory of its own, because the cipher's methods are called over interfaces.
	header [maxInitialSize]byte
	plain  [maxInitialSize]byte
	nonce  [12]byte
	mask   [hpSample]byte
}

// initialKeys derives the keys that protect a client's Initial packets from the
// destination connection identifier of its first one. RFC 9001 sections 5.1 and 5.2.
func initialKeys(v *quicVersion, dcid []byte) (key [16]byte, iv [12]byte, hp [16]byte) {
	initial := hmac256(v.salt[:], dcid)
	client := expandLabel(initial[:], "client in", sha256.Size)
	k := expandLabel(client[:], v.key, len(key))
	copy(key[:], k[:])
	k = expandLabel(client[:], v.iv, len(iv))
	copy(iv[:], k[:])
	k = expandLabel(client[:], v.hp, len(hp))
	copy(hp[:], k[:])
	return key, iv, hp
}

// hmac256 is HMAC-SHA-256 (RFC 2104) of a short message: HKDF-Extract. Key and message are
// at most 64 bytes. Written out because the standard library's allocates.
func hmac256(key, msg []byte) [sha256.Size]byte {
	var inner [2 * sha256.BlockSize]byte
	var outer [sha256.BlockSize + sha256.Size]byte
	copy(inner[:sha256.BlockSize], key)
	copy(outer[:], inner[:sha256.BlockSize])
	for i := range sha256.BlockSize {
		inner[i] ^= 0x36
		outer[i] ^= 0x5c
	}
	n := copy(inner[sha256.BlockSize:], msg)
	sum := sha256.Sum256(inner[:sha256.BlockSize+n])
	copy(outer[sha256.BlockSize:], sum[:])
	return sha256.Sum256(outer[:])
}

// expandLabel is HKDF-Expand-Label of RFC 8446 section 7.1 with an empty context, for at
// most one block of output.
func expandLabel(secret []byte, label string, length int) [sha256.Size]byte {
	var buf [sha256.BlockSize]byte
	info := append(buf[:0], byte(length>>8), byte(length), byte(len("tls13 ")+len(label)))
	info = append(info, "tls13 "...)
	info = append(info, label...)
	info = append(info, 0, 1) // no context; the number of the block
	return hmac256(secret, info)
}

// rekey makes the ciphers for a connection, unless they are those of the last one.
func (o *quicOpener) rekey(v *quicVersion, dcid []byte) bool {
	if o.version == v && o.dcidLen == len(dcid) && string(o.dcid[:o.dcidLen]) == string(dcid) {
		return true
	}
	o.version = nil
	key, iv, hp := initialKeys(v, dcid)
	var err error
	if o.hp, err = aes.NewCipher(hp[:]); err != nil {
		return false
	}
	block, err := aes.NewCipher(key[:])
	if err != nil {
		return false
	}
	if o.aead, err = cipher.NewGCM(block); err != nil {
		return false
	}
	o.version, o.iv = v, iv
	o.dcidLen = copy(o.dcid[:], dcid)
	return true
}

// open removes the protection of the packet b, which parseLong took apart, and gives its
// frames. They lie in the opener until the next call. ok is false when the packet is not
// a client's Initial under its own connection identifier, or was changed.
//
// The packet number is taken as it stands in the packet: a client's first ones are small.
func (o *quicOpener) open(b []byte, p *quicInitial) (frames []byte, ok bool) {
	sample := p.number + 4
	if len(b) > maxInitialSize || sample+hpSample > len(b) || !o.rekey(p.version, p.dcid) {
		return nil, false
	}
	copy(o.mask[:], b[sample:])
	o.hp.Encrypt(o.mask[:], o.mask[:])

	copy(o.header[:], b[:sample])
	o.header[0] ^= o.mask[0] & 0x0f
	size := int(o.header[0]&3) + 1
	head := p.number + size
	if head+aeadTag > len(b) {
		return nil, false
	}
	o.nonce = o.iv
	for i := range size {
		o.header[p.number+i] ^= o.mask[1+i]
		o.nonce[len(o.nonce)-size+i] ^= o.header[p.number+i]
	}
	frames, err := o.aead.Open(o.plain[:0], o.nonce[:], b[head:], o.header[:head])
	return frames, err == nil
}
