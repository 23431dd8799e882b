package app

import (
	"bytes"
	"crypto/hkdf"
	"crypto/sha256"
	"math/rand/v2"
	"slices"
	"testing"
)

// The sample packets of RFC 9001 appendix A and RFC 9369 appendix A: the connection
// identifier, the keys, and a client Initial with this CRYPTO frame, padded to 1162
// octets. Of the 1200 octets of the protected packet the header, the beginning and the
// authentication tag at the end are compared: the tag vouches for the rest.
const (
	rfcConnID = "8394c8f03e515708"
	rfcCrypto = `060040f1010000ed0303ebf8fa56f12939b9584a3896472ec40bb863cfd3e868
		04fe3a47f06a2b69484c00000413011302010000c000000010000e00000b6578
		616d706c652e636f6dff01000100000a00080006001d00170018001000070005
		04616c706e000500050100000000003300260024001d00209370b2c9caa47fba
		baf4559fedba753de171fa71f50f1ce15d43e994ec74d748002b000302030400
		0d0010000e0403050306030203080408050806002d00020101001c0002400100
		3900320408ffffffffffffffff05048000ffff07048000ffff08011001048000
		75300901100f088394c8f03e51570806048000ffff`
)

var rfcVersions = []struct {
	name        string
	version     *quicVersion
	key, iv, hp string
	begin, tag  string
}{
	{
		"RFC 9001", &quicV1,
		"1f369613dd76d5467730efcbe3b1a22d", "fa044b2f42a3fd3b46fb255c", "9f50449e04a0e810283a1e9933adedd2",
		"c000000001088394c8f03e5157080000449e7b9aec34d1b1c98dd7689fb8ec11d242b123dc9bd8bab936b47d92ec356c",
		"e221af44860018ab0856972e194cd934",
	},
	{
		"RFC 9369", &quicV2,
		"8b1a0bc121284290a29e0971b5cd045d", "91f73e2351d8fa91660e909f", "45b95e15235d6f45a6b19cbcb0294ba9",
		"d76b3343cf088394c8f03e5157080000449ea0c95e82ffe67b6abcdb4298b485dd04de806071bf03dceebfa162e75d6c",
		"a18b2faa745b6fe189cf772a9f84cbfc",
	},
}

func TestQUICVectors(t *testing.T) {
	for _, c := range rfcVersions {
		t.Run(c.name, func(t *testing.T) {
			dcid := unhex(t, rfcConnID)
			key, iv, hp := initialKeys(c.version, dcid)
			if !bytes.Equal(key[:], unhex(t, c.key)) || !bytes.Equal(iv[:], unhex(t, c.iv)) || !bytes.Equal(hp[:], unhex(t, c.hp)) {
				t.Errorf("keys %x %x %x", key, iv, hp)
			}
			frames := make([]byte, 1162)
			copy(frames, unhex(t, rfcCrypto))
			packet := sealInitial(t, c.version, dcid, 2, frames)
			if len(packet) != 1200 || !bytes.HasPrefix(packet, unhex(t, c.begin)) || !bytes.HasSuffix(packet, unhex(t, c.tag)) {
				t.Fatalf("the packet built by the test is not the RFC's: %x…%x", packet[:48], packet[1184:])
			}
			p, initial, ok := parseLong(packet)
			if !ok || !initial || p.end != len(packet) {
				t.Fatalf("header not taken: %+v", p)
			}
			var o quicOpener
			got, ok := o.open(packet, &p)
			if !ok || !bytes.Equal(got, frames) {
				t.Fatal("not decrypted")
			}
			r, st, outcome := one(Segment{Transport: 17, FromClient: true, DstPort: 4433, Payload: packet})
			if outcome != OutcomeFields || st.Protocol() != QUIC || !st.Done() {
				t.Fatalf("outcome %v, protocol %v", outcome, st.Protocol())
			}
			expect(t, r, FieldTLSServerName, "example.com")
			expect(t, r, FieldTLSALPN, "alpn")
			expect(t, r, FieldJA4, "q13d0211an_"+hash12("1301,1302")+"_"+
				hash12("0005,000a,000d,001c,002b,002d,0033,0039,ff01_0403,0503,0603,0203,0804,0805,0806"))
		})
	}
}

func TestHKDFAgainstStandard(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 6))
	for range 100 {
		secret := make([]byte, 1+rng.IntN(32))
		salt := make([]byte, 1+rng.IntN(64))
		for i := range secret {
			secret[i] = byte(rng.Uint32())
		}
		for i := range salt {
			salt[i] = byte(rng.Uint32())
		}
		want, err := hkdf.Extract(sha256.New, secret, salt)
		if err != nil {
			t.Fatal(err)
		}
		got := hmac256(salt, secret)
		if !bytes.Equal(got[:], want) {
			t.Fatal("extract differs")
		}
		for _, label := range []string{"client in", "quic key", "quicv2 iv"} {
			n := 1 + rng.IntN(32)
			info := join(u16(n), vec(1, []byte("tls13 "+label)), []byte{0})
			want, err := hkdf.Expand(sha256.New, got[:], string(info), n)
			if err != nil {
				t.Fatal(err)
			}
			out := expandLabel(got[:], label, n)
			if !bytes.Equal(out[:n], want) {
				t.Fatal("expand differs")
			}
		}
	}
}

// quicFlow feeds datagrams to one flow and gives the outcome of the last.
func quicFlow(datagrams ...[]byte) (*Recognizer, *FlowState, Outcome) {
	r := NewRecognizer(Options{})
	st := &FlowState{}
	o := OutcomeNone
	for _, d := range datagrams {
		o = r.Segment(st, &Segment{Transport: 17, FromClient: true, DstPort: 443, Payload: d})
	}
	return r, st, o
}

// TestQUICShuffled cuts the ClientHello into many CRYPTO frames over two packets, in any
// order, with PING and PADDING between, as browsers do on purpose.
func TestQUICShuffled(t *testing.T) {
	hello := exampleHello(t)
	dcid := unhex(t, "0102030405060708")
	rng := rand.New(rand.NewPCG(7, 8))
	for range 200 {
		var pieces [][]byte
		for at := 0; at < len(hello); {
			n := min(len(hello)-at, 1+rng.IntN(60))
			pieces = append(pieces, crypto(at, hello[at:at+n]))
			at += n
		}
		rng.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
		pieces = append(pieces, pieces[rng.IntN(len(pieces))]) // and one twice
		half := rng.IntN(len(pieces))
		mix := func(p [][]byte) []byte {
			var frames []byte
			for _, f := range p {
				frames = append(frames, f...)
				frames = append(frames, make([]byte, rng.IntN(3))...)
				if rng.IntN(4) == 0 {
					frames = append(frames, 1)
				}
			}
			return pad(frames, dcid)
		}
		r, st, o := quicFlow(sealInitial(t, &quicV1, dcid, 0, mix(pieces[:half])), sealInitial(t, &quicV1, dcid, 1, mix(pieces[half:])))
		if o != OutcomeFields && !st.Done() {
			t.Fatalf("outcome %v with %d pieces, counters %+v", o, len(pieces), r.Counters())
		}
		if o == OutcomeFields {
			expect(t, r, FieldJA4, "q"+exampleJA4[1:])
		}
		if r.Partials() != 0 {
			t.Fatal("a partial message is left")
		}
	}
}

func TestQUICDatagrams(t *testing.T) {
	hello := exampleHello(t)
	dcid := unhex(t, "0102030405060708")
	other := unhex(t, "a1a2a3a4a5a6a7a8a9")
	whole := sealInitial(t, &quicV1, dcid, 0, pad(crypto(0, hello), dcid))
	half := len(hello) / 2
	first := sealInitial(t, &quicV1, dcid, 0, pad(crypto(0, hello[:half]), dcid))
	second := sealInitial(t, &quicV1, dcid, 1, pad(crypto(half, hello[half:]), dcid))
	short := sealInitial(t, &quicV1, dcid, 0, crypto(0, hello[:half]))
	short2 := sealInitial(t, &quicV1, dcid, 1, crypto(half, hello[half:]))
	zeroRTT := join([]byte{0xd0}, []byte{0, 0, 0, 1}, vec(1, dcid), []byte{0}, u16(0x4000|100), make([]byte, 100))
	ack := []byte{2, 0x40, 5, 0, 1, 0, 1, 2}
	changed := bytes.Clone(whole)
	changed[700] ^= 1
	// The server has chosen another identifier in between; the keys stay the first ones.
	renamed := renamedInitial(t, dcid, other, pad(crypto(half, hello[half:]), other))

	for _, c := range []struct {
		name      string
		datagrams [][]byte
		want      Outcome
	}{
		{"one packet", [][]byte{whole}, OutcomeFields},
		{"two packets", [][]byte{first, second}, OutcomeFields},
		{"two packets, the second first", [][]byte{second, first}, OutcomeFields},
		{"two packets in one datagram", [][]byte{join(short, short2, make([]byte, 1200))}, OutcomeFields},
		{"behind a 0-RTT packet", [][]byte{join(zeroRTT, whole)}, OutcomeFields},
		{"behind an ACK", [][]byte{sealInitial(t, &quicV1, dcid, 3, pad(join(ack, crypto(0, hello)), dcid))}, OutcomeFields},
		{"version 2", [][]byte{sealInitial(t, &quicV2, dcid, 0, pad(crypto(0, hello), dcid))}, OutcomeFields},
		{"the identifier changes in the middle", [][]byte{first, renamed}, OutcomeFields},
		{"a changed byte", [][]byte{changed}, OutcomeMalformed},
		{"an unknown frame", [][]byte{sealInitial(t, &quicV1, dcid, 0, pad([]byte{0x30}, dcid))}, OutcomeMalformed},
		{"a datagram that is too short for a client", [][]byte{short}, OutcomeProtocol},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, st, o := quicFlow(c.datagrams...)
			if o != c.want || st.Protocol() != QUIC || !st.Encrypted() {
				t.Fatalf("outcome %v, want %v (protocol %v, %+v)", o, c.want, st.Protocol(), r.Counters())
			}
			if c.want == OutcomeFields {
				expect(t, r, FieldTLSServerName, "www.example.com")
				expect(t, r, FieldJA4, "q"+exampleJA4[1:])
			}
		})
	}
}

// renamedInitial builds a packet whose header carries another connection identifier than
// its keys were made of.
func renamedInitial(t *testing.T, keysOf, dcid, frames []byte) []byte {
	t.Helper()
	key, iv, hp := initialKeys(&quicV1, keysOf)
	return sealWith(t, &quicV1, key[:], iv[:], hp[:], dcid, 1, frames)
}

func TestQUICGivesUp(t *testing.T) {
	dcid := unhex(t, "0102030405060708")
	r := NewRecognizer(Options{})
	var st FlowState
	n := 0
	for ; n < 100 && !st.Done(); n++ {
		// Always the same piece: the ClientHello never becomes complete.
		d := sealInitial(t, &quicV1, dcid, uint32(n), pad(crypto(500, []byte("piece")), dcid))
		r.Segment(&st, &Segment{Transport: 17, FromClient: true, Payload: d})
	}
	if n > maxLooksQUIC+1 || r.Partials() != 0 || r.Counters().PartialsGivenUp != 1 {
		t.Errorf("%d packets were decrypted, %d partial messages left, %+v", n, r.Partials(), r.Counters())
	}
}

func TestQUICServerSide(t *testing.T) {
	// Only the server's packets were captured: known by the header, nothing to decrypt.
	packet := join([]byte{0xc1, 0, 0, 0, 1, 0}, vec(1, unhex(t, "f067a5502a4262b5")), []byte{0}, u16(0x4000|1100), make([]byte, 1100))
	r, st, o := one(Segment{Transport: 17, Payload: packet})
	if o != OutcomeProtocol || st.Protocol() != QUIC || r.Counters().QUICInitials != 0 {
		t.Errorf("outcome %v, protocol %v, %+v", o, st.Protocol(), r.Counters())
	}
}

func TestVarint(t *testing.T) {
	// RFC 9000 section A.1.
	for in, want := range map[string]int{"25": 37, "4025": 37, "7bbd": 15293, "9d7f3e7d": 494878333, "c00000000000ffff": 65535} {
		c := cursor{b: unhex(t, in)}
		if got := c.varint(); got != want || c.bad || len(c.b) != 0 {
			t.Errorf("%s: got %d, want %d", in, got, want)
		}
	}
	c := cursor{b: unhex(t, "c2197c5eff14e88c")}
	if got := c.varint(); got < 1<<22 || c.bad {
		t.Errorf("a huge number became %d", got)
	}
	c = cursor{b: unhex(t, "9d7f")}
	if c.varint(); !c.bad {
		t.Error("a cut number was taken")
	}
	if !slices.Equal(c.b, nil) {
		t.Error("bytes left behind a cut number")
	}
}
