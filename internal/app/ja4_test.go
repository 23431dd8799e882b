package app

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

// publishedJA4 are fingerprints that FoxIO published with the values that they were made
// of: the example of the algorithm's description (technical_details/JA4.md), the expected
// outputs of the reference implementations' tests (python/test/testdata, rust snapshots)
// and the table of its README.
var publishedJA4 = []struct {
	name                           string
	transport                      byte
	version                        int
	ciphers, extensions, sigs, ver string
	alpn                           []string
	want                           string
}{
	{
		"the example of the description", 't', 0x0303,
		"1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
		"001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015",
		"0403,0804,0401,0503,0805,0501,0806,0601", "0304,0303",
		[]string{"h2", "http/1.1"},
		"t13d1516h2_8daaf6152771_e5627efa2ab1",
	},
	{
		"latest.pcapng stream 5, with a pre-shared key", 't', 0x0303,
		"1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
		"000d,0010,0000,000b,0023,4469,ff01,0033,000a,002d,002b,0005,0017,0012,001b,0029",
		"0403,0804,0401,0503,0805,0501,0806,0601", "0304,0303",
		[]string{"h2"},
		"t13d1516h2_8daaf6152771_9b887d9acb53",
	},
	{
		"latest.pcapng stream 3, TLS 1.2 without ALPN", 't', 0x0303,
		"c02c,c02b,c030,c02f,c024,c023,c028,c027,c00a,c009,c014,c013,009d,009c,003d,003c,0035,002f,000a",
		"0000,0005,000a,000b,000d,0023,0017,ff01",
		"0804,0805,0806,0401,0501,0201,0403,0503,0203,0202,0601,0603", "",
		nil, "t12d190800_d83cc789557e_7af1ed941c26",
	},
	{
		"sigalg-grease.pcapng", 't', 0x0303,
		"1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035",
		"fe0d,0010,0017,0033,44cd,ff01,000a,000d,0023,002b,000b,ca34,002d,0000,0005,001b,0012",
		"0904,0905,0906,0403,0804,0401,0503,0805,0501,0806,0601", "0304,0303",
		[]string{"h2"},
		"t13d1517h2_8daaf6152771_cb7bf5808d99",
	},
	{
		"chrome-cloudflare-quic-with-secrets.pcapng", 'q', 0x0303,
		"1301,1302,1303", "0000,0010,000a,000d,001b,002b,002d,0033,0039,4469",
		"0403,0804,0401,0503,0805,0501,0806,0601,0201", "0304",
		[]string{"h3"},
		"q13d0310h3_55b375c5d22e_cd85d2d88918",
	},
	{
		"ssh2.pcapng stream 33", 'q', 0x0303,
		"1301,1302,1303", "0000,0010,000a,000d,001b,0029,002a,002b,002d,0033,0039,4469",
		"0403,0804,0401,0503,0805,0501,0806,0601,0201", "0304",
		[]string{"h3"},
		"q13d0312h3_55b375c5d22e_73e2d9e6cde6",
	},
	{
		"README, Chrome over QUIC", 'q', 0x0303,
		"1301,1302,1303", "0000,0010,000a,000d,001b,0029,002b,002d,0033,0039,4469,fe0d",
		"0403,0804,0401,0503,0805,0501,0806,0601,0201", "0304",
		[]string{"h3"},
		"q13d0312h3_55b375c5d22e_06cda9e17597",
	},
}

// fingerprintOf computes the JA4 of a described ClientHello.
func fingerprintOf(t testing.TB, h helloSpec, transport byte) string {
	t.Helper()
	r := NewRecognizer(Options{})
	if !r.hello.parse(h.body(), h.dtls) {
		t.Fatal("the ClientHello was not taken")
	}
	return string(r.fingerprint(transport))
}

func TestJA4Published(t *testing.T) {
	for _, c := range publishedJA4 {
		t.Run(c.name, func(t *testing.T) {
			h := helloSpec{
				version: c.version, ciphers: hexList(t, c.ciphers), extensions: hexList(t, c.extensions),
				signatures: hexList(t, c.sigs), versions: hexList(t, c.ver), sni: "example.com", alpn: c.alpn,
			}
			if got := fingerprintOf(t, h, c.transport); got != c.want {
				t.Errorf("got %s, want %s", got, c.want)
			}
			// GREASE changes nothing, wherever it is.
			h.ciphers = append([]int{0x0a0a}, h.ciphers...)
			h.extensions = append(append([]int{0x1a1a}, h.extensions...), 0xfafa)
			h.signatures = append(h.signatures, 0x3a3a)
			if h.versions != nil {
				h.versions = append([]int{0xeaea}, h.versions...)
			}
			if got := fingerprintOf(t, h, c.transport); got != c.want {
				t.Errorf("with GREASE: got %s, want %s", got, c.want)
			}
			// Nor does the order of ciphers and extensions.
			slices.Reverse(h.ciphers)
			slices.Reverse(h.extensions)
			if got := fingerprintOf(t, h, c.transport); got != c.want {
				t.Errorf("reversed: got %s, want %s", got, c.want)
			}
		})
	}
}

// TestJA4Chromium holds real bytes against fingerprints that others published of the same
// browser: FoxIO's test sigalg-grease.pcapng for TCP, and what several measured of Chrome
// 152 and later over QUIC.
func TestJA4Chromium(t *testing.T) {
	r := NewRecognizer(Options{})
	var st FlowState
	o := r.Segment(&st, &Segment{Transport: 6, FromClient: true, Payload: hexFile(t, "chromium-tls.hex")[0]})
	if o != OutcomeFields || st.Protocol() != TLS || !st.Encrypted() {
		t.Fatalf("outcome %v, protocol %v", o, st.Protocol())
	}
	expect(t, r, FieldJA4, "t13d1517h2_8daaf6152771_cb7bf5808d99")
	expect(t, r, FieldTLSServerName, "tcp.example.test")
	expect(t, r, FieldTLSALPN, "h2", "http/1.1")

	st = FlowState{}
	datagrams := hexFile(t, "chromium-quic.hex")
	s := Segment{Transport: 17, FromClient: true, DstPort: 443, Payload: datagrams[0]}
	if o := r.Segment(&st, &s); o != OutcomePartial {
		t.Fatalf("first datagram: outcome %v", o)
	}
	s.Payload = datagrams[1]
	if o := r.Segment(&st, &s); o != OutcomeFields || !st.Done() {
		t.Fatalf("second datagram: outcome %v, done %v", o, st.Done())
	}
	expect(t, r, FieldJA4, "q13d0312h3_55b375c5d22e_178839b6cec1")
	expect(t, r, FieldTLSServerName, "quic.example.test")
	expect(t, r, FieldTLSALPN, "h3")
	if r.Partials() != 0 {
		t.Errorf("%d partial messages left", r.Partials())
	}
}

// expect compares the values of a field that were found last.
func expect(t *testing.T, r *Recognizer, id FieldID, want ...string) {
	t.Helper()
	if got := texts(r, id); !slices.Equal(got, want) {
		t.Errorf("%s: got %q, want %q", id, got, want)
	}
}

func TestJA4Parts(t *testing.T) {
	plain := helloSpec{ciphers: []int{0x1301}, extensions: []int{}}
	cases := []struct {
		name  string
		hello func(h *helloSpec)
		want  string // prefix
	}{
		{"no extensions at all", func(h *helloSpec) { h.extensions = nil }, "t12i010000_" + hash12("1301") + "_000000000000"},
		{"an empty list of extensions", func(*helloSpec) {}, "t12i010000_" + hash12("1301") + "_000000000000"},
		{"no ciphers", func(h *helloSpec) { h.ciphers = nil }, "t12i000000_000000000000_000000000000"},
		{"only SNI and ALPN", func(h *helloSpec) {
			h.extensions, h.alpn, h.sni = []int{0, 0x10}, []string{"http/1.1"}, "a"
		}, "t12d0102h1_" + hash12("1301") + "_000000000000"},
		{"no signature algorithms: no underscore", func(h *helloSpec) {
			h.extensions = hexList(t, "0005,000a,000b,000d,0012,0015,0017,001b,0023,002b,002d,0033,4469,ff01")
			h.versions = []int{0x0304}
		}, "t13i011400_" + hash12("1301") + "_6d807ffa2a79"},
		{"SSL 3.0", func(h *helloSpec) { h.version = 0x0300 }, "t" + "s3i"},
		{"TLS 1.0", func(h *helloSpec) { h.version = 0x0301 }, "t10i"},
		{"TLS 1.1", func(h *helloSpec) { h.version = 0x0302 }, "t11i"},
		{"an unknown version", func(h *helloSpec) { h.version = 0x7f17 }, "t00i"},
		{"the newest of supported_versions", func(h *helloSpec) {
			h.extensions, h.versions = []int{0x2b}, []int{0x0301, 0x0303, 0x0302}
		}, "t12i"},
		{"more than 99 of each", func(h *helloSpec) {
			for i := range 150 {
				h.ciphers = append(h.ciphers, 0x4000+i)
				h.extensions = append(h.extensions, 0x4000+i)
			}
		}, "t12i999900_"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			h := plain
			c.hello(&h)
			if got := fingerprintOf(t, h, 't'); !strings.HasPrefix(got, c.want) || len(got) != ja4Length {
				t.Errorf("got %s, want %s…", got, c.want)
			}
		})
	}
	// The table of the description.
	for alpn, want := range map[string]string{
		"": "00", "h": "hh", "h2": "h2", "http/1.1": "h1", "\xab": "ab", "\xab\xcd": "ad",
		"0\xab": "3b", "01\xab\xcd": "3d", "0\xab\xcd1": "01",
	} {
		h := plain
		h.extensions, h.alpn = []int{0x10}, []string{alpn}
		if got := fingerprintOf(t, h, 't'); got[8:10] != want {
			t.Errorf("ALPN %q: got %q, want %q", alpn, got[8:10], want)
		}
	}
	h := plain
	h.extensions = []int{0x10}
	if got := fingerprintOf(t, h, 't'); got[8:10] != "00" {
		t.Errorf("ALPN without a value: got %q", got[8:10])
	}
}

func hash12(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// naiveJA4 is the algorithm once more, written for reading.
func naiveJA4(h helloSpec, transport string) string {
	text := func(list []int, sorted bool, without ...int) []string {
		var out []string
		for _, v := range list {
			grease := v>>8 == v&0xff && v&15 == 10
			if !grease && !slices.Contains(without, v) {
				out = append(out, fmt.Sprintf("%04x", v))
			}
		}
		if sorted {
			slices.Sort(out)
		}
		return out
	}
	ciphers := text(h.ciphers, true)
	all := text(h.extensions, true)
	some := text(h.extensions, true, 0, 16)
	sni := "i"
	if slices.Contains(h.extensions, 0) {
		sni = "d"
	}
	a := fmt.Sprintf("%s13%s%02d%02d%s", transport, sni, min(len(ciphers), 99), min(len(all), 99), "h2")
	list := strings.Join(some, ",")
	if sigs := text(h.signatures, false); len(sigs) > 0 {
		list += "_" + strings.Join(sigs, ",")
	}
	return a + "_" + hash12(strings.Join(ciphers, ",")) + "_" + hash12(list)
}

func TestJA4AgainstNaive(t *testing.T) {
	rng := rand.New(rand.NewPCG(1, 2))
	for range 300 {
		h := helloSpec{sni: "x.example", alpn: []string{"h2"}, versions: []int{0x0304}, extensions: []int{0, 0x10, 0x2b, 0x0d}}
		for range 1 + rng.IntN(maxHelloList-1) {
			h.ciphers = append(h.ciphers, rng.IntN(1<<16))
		}
		for range rng.IntN(100) {
			if e := rng.IntN(1 << 16); !slices.Contains(h.extensions, e) {
				h.extensions = append(h.extensions, e)
			}
		}
		for range 1 + rng.IntN(30) {
			h.signatures = append(h.signatures, 0x0400+rng.IntN(1<<12))
		}
		rng.Shuffle(len(h.extensions), func(i, j int) {
			h.extensions[i], h.extensions[j] = h.extensions[j], h.extensions[i]
		})
		if got, want := fingerprintOf(t, h, 't'), naiveJA4(h, "t"); got != want {
			t.Fatalf("got %s, want %s for %+v", got, want, h)
		}
	}
}

func TestJA4TooLong(t *testing.T) {
	h := helloSpec{ciphers: make([]int, maxHelloList+1), extensions: []int{0}, sni: "long.example"}
	for i := range h.ciphers {
		h.ciphers[i] = i + 1
	}
	r, _, o := one(Segment{Transport: 6, FromClient: true, Payload: record(message(msgClientHello, h.body()), maxRecord)})
	if o != OutcomeFields {
		t.Fatalf("outcome %v", o)
	}
	expect(t, r, FieldTLSServerName, "long.example")
	expect(t, r, FieldJA4)
	if r.Counters().JA4Skipped != 1 {
		t.Error("the missing fingerprint was not counted")
	}
}
