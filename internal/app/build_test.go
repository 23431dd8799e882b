package app

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"net/netip"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// unhex decodes hexadecimal text, white space left out.
func unhex(t testing.TB, s string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(s), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// hexFile reads the blocks of a file of testdata.
func hexFile(t testing.TB, name string) [][]byte {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	var blocks [][]byte
	for block := range strings.SplitSeq(string(text), "\n\n") {
		if !strings.HasPrefix(block, "#") {
			blocks = append(blocks, unhex(t, block))
		}
	}
	return blocks
}

func u16(n int) []byte { return binary.BigEndian.AppendUint16(nil, uint16(n)) }
func u24(n int) []byte { return []byte{byte(n >> 16), byte(n >> 8), byte(n)} }

func join(parts ...[]byte) []byte {
	var b []byte
	for _, p := range parts {
		b = append(b, p...)
	}
	return b
}

// vec puts a length of 1, 2 or 3 octets before b.
func vec(octets int, b []byte) []byte {
	return join(u24(len(b))[3-octets:], b)
}

// record wraps handshake bytes into TLS records of at most size octets of content.
func record(b []byte, size int) []byte {
	var out []byte
	for len(b) > 0 {
		n := min(size, len(b))
		out = append(out, recordHandshake, 3, 1, byte(n>>8), byte(n))
		out = append(out, b[:n]...)
		b = b[n:]
	}
	return out
}

func message(typ byte, body []byte) []byte { return join([]byte{typ}, vec(3, body)) }

// helloSpec describes a ClientHello by the lists that JA4 sees.
type helloSpec struct {
	version    int // legacy_version, 0 for 0x0303
	ciphers    []int
	extensions []int
	signatures []int
	versions   []int // supported_versions, when its extension is listed
	sni        string
	alpn       []string
	dtls       bool
}

// body builds the ClientHello.
func (h helloSpec) body() []byte {
	version := h.version
	if version == 0 {
		version = 0x0303
	}
	var ciphers, ext []byte
	for _, c := range h.ciphers {
		ciphers = append(ciphers, u16(c)...)
	}
	for _, e := range h.extensions {
		var data []byte
		switch e {
		case extServerName:
			data = vec(2, join([]byte{0}, vec(2, []byte(h.sni))))
		case extALPN:
			for _, a := range h.alpn {
				data = append(data, vec(1, []byte(a))...)
			}
			data = vec(2, data)
		case extSupportedVersions:
			for _, v := range h.versions {
				data = append(data, u16(v)...)
			}
			data = vec(1, data)
		case extSignatureAlgs:
			for _, s := range h.signatures {
				data = append(data, u16(s)...)
			}
			data = vec(2, data)
		}
		ext = append(ext, join(u16(e), vec(2, data))...)
	}
	b := join(u16(version), make([]byte, 32), []byte{0})
	if h.dtls {
		b = append(b, 0)
	}
	b = join(b, vec(2, ciphers), []byte{1, 0})
	if h.extensions != nil {
		b = join(b, vec(2, ext))
	}
	return b
}

// hexList reads "1301,1302".
func hexList(t testing.TB, s string) []int {
	t.Helper()
	var out []int
	if s == "" {
		return nil
	}
	for w := range strings.SplitSeq(s, ",") {
		n, err := strconv.ParseUint(w, 16, 16)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, int(n))
	}
	return out
}

// dnsName encodes a name without compression.
func encodeName(name string) []byte {
	var b []byte
	if name != "" {
		for l := range strings.SplitSeq(name, ".") {
			b = append(b, vec(1, []byte(l))...)
		}
	}
	return append(b, 0)
}

// dnsMessage builds a message: flags, counts by the number of parts, parts as they are.
func dnsMessage(flags int, questions, answers, authorities, additional int, parts ...[]byte) []byte {
	return join(u16(0x1234), u16(flags), u16(questions), u16(answers), u16(authorities), u16(additional), join(parts...))
}

func question(name string, typ int) []byte { return join(encodeName(name), u16(typ), u16(1)) }

func resource(owner []byte, typ int, ttl uint32, data []byte) []byte {
	return join(owner, u16(typ), u16(1), binary.BigEndian.AppendUint32(nil, ttl), vec(2, data))
}

func addressText(b []byte) string {
	a, _ := netip.AddrFromSlice(b)
	return a.String()
}

// sealInitial protects a client's Initial packet with the standard library's HKDF: the
// other way round and by another road than the code under test.
func sealInitial(t testing.TB, v *quicVersion, dcid []byte, number uint32, frames []byte) []byte {
	t.Helper()
	must := func(b []byte, err error) []byte {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	label := func(secret []byte, label string, n int) []byte {
		info := join(u16(n), vec(1, []byte("tls13 "+label)), []byte{0})
		return must(hkdf.Expand(sha256.New, secret, string(info), n))
	}
	initial := must(hkdf.Extract(sha256.New, dcid, v.salt[:]))
	client := label(initial, "client in", 32)
	return sealWith(t, v, label(client, v.key, 16), label(client, v.iv, 12), label(client, v.hp, 16), dcid, number, frames)
}

// sealWith protects an Initial packet with given keys.
func sealWith(t testing.TB, v *quicVersion, key, iv, hpKey, dcid []byte, number uint32, frames []byte) []byte {
	t.Helper()
	block, err := aes.NewCipher(key)
	if err != nil {
		t.Fatal(err)
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		t.Fatal(err)
	}
	hp, err := aes.NewCipher(hpKey)
	if err != nil {
		t.Fatal(err)
	}
	header := join([]byte{0xc3 | v.initial<<4}, binary.BigEndian.AppendUint32(nil, v.number), vec(1, dcid), []byte{0, 0},
		u16(0x4000|(4+len(frames)+aeadTag)), binary.BigEndian.AppendUint32(nil, number))
	nonce := append([]byte{}, iv...)
	for i := range 4 {
		nonce[8+i] ^= byte(number >> (24 - 8*i))
	}
	packet := aead.Seal(append([]byte{}, header...), nonce, frames, header)
	var mask [16]byte
	at := len(header) - 4
	hp.Encrypt(mask[:], packet[at+4:at+20])
	packet[0] ^= mask[0] & 0x0f
	for i := range 4 {
		packet[at+i] ^= mask[1+i]
	}
	return packet
}

// crypto builds a CRYPTO frame.
func crypto(offset int, data []byte) []byte {
	return join([]byte{6}, u16(0x4000|offset), u16(0x4000|len(data)), data)
}

// pad fills frames up so that the packet has 1200 octets.
func pad(frames []byte, dcid []byte) []byte {
	n := 1200 - len(frames) - (1 + 4 + 1 + len(dcid) + 1 + 1 + 2 + 4) - aeadTag
	return append(frames, make([]byte, max(n, 0))...)
}

// texts gives the values of one field that the last call found.
func texts(r *Recognizer, id FieldID) []string {
	var out []string
	for _, f := range r.Fields() {
		if f.ID == id {
			out = append(out, f.text())
		}
	}
	return out
}

// one feeds a single segment to a fresh flow and Recognizer.
func one(s Segment) (*Recognizer, FlowState, Outcome) {
	r := NewRecognizer(Options{})
	var st FlowState
	o := r.Segment(&st, &s)
	return r, st, o
}
