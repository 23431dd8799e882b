package app

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"io"
	"math/big"
	mrand "math/rand/v2"
	"net"
	"sync"
	"testing"
	"time"
)

// exampleHello is a ClientHello of ordinary size.
func exampleHello(t testing.TB) []byte {
	t.Helper()
	h := helloSpec{
		ciphers:    hexList(t, "1301,1302,1303,c02b,c02f,c02c,c030,cca9,cca8,c013,c014,009c,009d,002f,0035"),
		extensions: hexList(t, "001b,0000,0033,0010,4469,0017,002d,000d,0005,0023,0012,002b,ff01,000b,000a,0015"),
		signatures: hexList(t, "0403,0804,0401,0503,0805,0501,0806,0601"),
		versions:   []int{0x0304, 0x0303}, sni: "www.example.com", alpn: []string{"h2", "http/1.1"},
	}
	return message(msgClientHello, h.body())
}

const exampleJA4 = "t13d1516h2_8daaf6152771_e5627efa2ab1"

func TestClientHelloInRecords(t *testing.T) {
	hello := exampleHello(t)
	for _, size := range []int{1, 3, 4, 5, 40, len(hello) - 1, len(hello)} {
		r, st, o := one(Segment{Transport: 6, FromClient: true, Payload: record(hello, size)})
		if o != OutcomeFields || st.Protocol() != TLS {
			t.Fatalf("records of %d: outcome %v", size, o)
		}
		expect(t, r, FieldTLSServerName, "www.example.com")
		expect(t, r, FieldJA4, exampleJA4)
		expect(t, r, FieldTLSVersion, "771")
		expect(t, r, FieldTLSSupportedVersion, "772", "771")
	}
}

// TestClientHelloInSegments cuts the bytes at every place and brings the two pieces in
// order, in the wrong order, with an overlap and twice.
func TestClientHelloInSegments(t *testing.T) {
	whole := record(exampleHello(t), 100)
	const seq = 0xffffff80 // wraps within the message
	for cut := 1; cut < len(whole); cut++ {
		first := Segment{Transport: 6, FromClient: true, Seq: seq, Payload: whole[:cut]}
		second := Segment{Transport: 6, FromClient: true, Seq: seq + uint32(cut), Payload: whole[cut:]}
		late := second
		late.Missing = uint32(cut)
		overlap := second
		back := min(cut, 7)
		overlap.Seq -= uint32(back)
		overlap.Payload = whole[cut-back:]
		for name, order := range map[string][]Segment{
			"in order": {first, second}, "second first": {late, first}, "overlap": {first, overlap}, "first twice": {first, first, second},
		} {
			r := NewRecognizer(Options{})
			var st FlowState
			var o Outcome
			for i := range order {
				if o = r.Segment(&st, &order[i]); i < len(order)-1 && o != OutcomePartial {
					t.Fatalf("cut at %d, %s: segment %d: outcome %v", cut, name, i, o)
				}
			}
			if o != OutcomeFields || r.Partials() != 0 {
				t.Fatalf("cut at %d, %s: outcome %v, %d partial messages left", cut, name, o, r.Partials())
			}
			expect(t, r, FieldJA4, exampleJA4)
		}
	}
}

func TestClientHelloByteByByte(t *testing.T) {
	whole := record(exampleHello(t), maxRecord)
	for _, step := range []int{len(whole)/maxFeeds + 1, 100} {
		r := NewRecognizer(Options{})
		var st FlowState
		found := false
		for at := 0; at < len(whole); at += step {
			s := Segment{Transport: 6, FromClient: true, Seq: uint32(at), Payload: whole[at:min(at+step, len(whole))]}
			found = r.Segment(&st, &s) == OutcomeFields
		}
		if !found {
			t.Errorf("steps of %d: not found", step)
		}
	}
	// One byte at a time is more segments than are waited for; what has come is read.
	r := NewRecognizer(Options{})
	var st FlowState
	for at := range whole {
		r.Segment(&st, &Segment{Transport: 6, FromClient: true, Seq: uint32(at), Payload: whole[at : at+1]})
	}
	if c := r.Counters(); c.PartialsGivenUp != 1 || r.Partials() != 0 {
		t.Errorf("given up %d, left %d", c.PartialsGivenUp, r.Partials())
	}
}

// TestTruncatedHello: the snap length cut the packet, so that there is a name but no
// fingerprint.
func TestTruncatedHello(t *testing.T) {
	whole := record(exampleHello(t), maxRecord)
	at := bytes.Index(whole, []byte("www.example.com"))
	r, st, o := one(Segment{Transport: 6, FromClient: true, Truncated: true, Payload: whole[:at+30]})
	if o != OutcomeFields || st.Protocol() != TLS || r.Partials() != 0 {
		t.Fatalf("outcome %v, protocol %v", o, st.Protocol())
	}
	expect(t, r, FieldTLSServerName, "www.example.com")
	expect(t, r, FieldJA4)
}

// pipeConn notes what is written to it.
type pipeConn struct {
	net.Conn
	mu     *sync.Mutex
	log    *[]flight
	client bool
}

type flight struct {
	client bool
	data   []byte
}

func (c pipeConn) Write(b []byte) (int, error) {
	c.mu.Lock()
	*c.log = append(*c.log, flight{c.client, bytes.Clone(b)})
	c.mu.Unlock()
	return c.Conn.Write(b)
}

// handshake lets Go's own TLS speak with itself and gives what went over the wire.
func handshake(t *testing.T, client, server *tls.Config) []flight {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	a, err := net.Dial("tcp", listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = a.Close() }()
	b, err := listener.Accept()
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = b.Close() }()
	var log []flight
	var mu sync.Mutex
	done := make(chan error, 1)
	go func() {
		s := tls.Server(pipeConn{b, &mu, &log, false}, server)
		err := s.Handshake()
		if err == nil {
			_, err = s.Write([]byte("hello"))
		}
		done <- err
	}()
	c := tls.Client(pipeConn{a, &mu, &log, true}, client)
	if err := c.Handshake(); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadFull(c, make([]byte, 5)); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	return log
}

func certificate(t *testing.T, cn string, names ...string) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: cn, Organization: []string{"Example"}},
		NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0), DNSNames: names, IPAddresses: []net.IP{{192, 0, 2, 1}},
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der, der, der}, PrivateKey: key}
}

// TestRealHandshakes feeds handshakes of Go's TLS in segments of random sizes.
func TestRealHandshakes(t *testing.T) {
	cert := certificate(t, "cn.example.com", "a.example.com", "*.b.example.com")
	cases := []struct {
		name       string
		min, max   uint16
		curves     []tls.CurveID
		version    []string
		cn, san    []string
		clientSeen int // ClientHellos
	}{
		{name: "TLS 1.2", max: tls.VersionTLS12, cn: []string{"cn.example.com"}, san: []string{"a.example.com", "*.b.example.com"}, clientSeen: 1},
		{name: "TLS 1.3", min: tls.VersionTLS13, version: []string{"772"}, clientSeen: 1},
		{name: "TLS 1.3 after a HelloRetryRequest", min: tls.VersionTLS13, curves: []tls.CurveID{tls.CurveP384}, version: []string{"772", "772"}, clientSeen: 2},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			server := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: c.min, MaxVersion: c.max, CurvePreferences: c.curves, NextProtos: []string{"h2"}}
			client := &tls.Config{InsecureSkipVerify: true, ServerName: "server.example.com", MinVersion: c.min, MaxVersion: c.max, NextProtos: []string{"h2", "http/1.1"}}
			log := handshake(t, client, server)
			rng := mrand.New(mrand.NewPCG(3, 4))
			for range 50 {
				r := NewRecognizer(Options{})
				var st FlowState
				var seq [2]uint32
				found := map[FieldID][]string{}
				step := 60 + rng.IntN(1500)
				for _, f := range log {
					d := 1
					if f.client {
						d = 0
					}
					for data := f.data; len(data) > 0; {
						n := min(len(data), step)
						s := Segment{Transport: 6, FromClient: f.client, Seq: seq[d], Payload: data[:n]}
						r.Segment(&st, &s)
						for _, f := range r.Fields() {
							found[f.ID] = append(found[f.ID], f.text())
						}
						seq[d] += uint32(n)
						data = data[n:]
					}
				}
				if st.Protocol() != TLS || !st.Done() || r.Partials() != 0 {
					t.Fatalf("steps of %d: protocol %v, done %v, %d partial messages left", step, st.Protocol(), st.Done(), r.Partials())
				}
				check := func(id FieldID, got, want []string) {
					if len(got) != len(want) {
						t.Fatalf("steps of %d: %s: got %q, want %q", step, id, got, want)
					}
					for i := range got {
						if got[i] != want[i] {
							t.Fatalf("steps of %d: %s: got %q, want %q", step, id, got, want)
						}
					}
				}
				sni := []string{"server.example.com", "server.example.com"}[:c.clientSeen]
				check(FieldTLSServerName, found[FieldTLSServerName], sni)
				check(FieldCertificateCN, found[FieldCertificateCN], c.cn)
				check(FieldCertificateDNSName, found[FieldCertificateDNSName], c.san)
				if len(found[FieldTLSCipherSuite]) == 0 || len(found[FieldJA4]) != c.clientSeen {
					t.Fatalf("cipher %q, ja4 %q", found[FieldTLSCipherSuite], found[FieldJA4])
				}
				if c.version != nil {
					// The last entries are the server's.
					v := found[FieldTLSSupportedVersion]
					check(FieldTLSSupportedVersion, v[len(v)-len(c.version):], c.version)
				}
			}
		})
	}
}

func TestCertificateNames(t *testing.T) {
	many := make([]string, maxCertificateNames+3)
	for i := range many {
		many[i] = string(rune('a'+i%26)) + ".example"
	}
	for _, c := range []struct {
		name, cn string
		names    []string
		dropped  uint64
	}{
		{"common name and alternatives", "x", []string{"a", "b"}, 0},
		{"no alternatives", "only", nil, 0},
		{"no common name", "", []string{"a"}, 0},
		{"too many", "x", many, 3},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := NewRecognizer(Options{})
			der := certificate(t, c.cn, c.names...).Certificate[0]
			r.certificateNames(der)
			want := c.names
			if len(want) > maxCertificateNames {
				want = want[:maxCertificateNames]
			}
			expect(t, r, FieldCertificateDNSName, want...)
			if c.cn != "" {
				expect(t, r, FieldCertificateCN, c.cn)
			}
			if got := r.Counters().FieldsDropped; got != c.dropped {
				t.Errorf("dropped %d, want %d", got, c.dropped)
			}
			// Every beginning of it must be survived.
			for n := range der {
				r.nfields = 0
				r.certificateNames(der[:n])
			}
		})
	}
}

// TestStartTLS: mail that turns to TLS stays mail and still has a name.
func TestStartTLS(t *testing.T) {
	r := NewRecognizer(Options{})
	var st FlowState
	say := func(client bool, data string) Outcome {
		return r.Segment(&st, &Segment{Transport: 6, FromClient: client, Payload: []byte(data)})
	}
	if o := say(false, "220 mail.example.com ESMTP\r\n"); o != OutcomeProtocol {
		t.Fatalf("greeting: %v", o)
	}
	say(true, "EHLO me\r\n")
	say(false, "250-mail.example.com\r\n250 STARTTLS\r\n")
	say(true, "STARTTLS\r\n")
	say(false, "220 go ahead\r\n")
	if st.Encrypted() {
		t.Error("encrypted too early")
	}
	if o := say(true, string(record(exampleHello(t), maxRecord))); o != OutcomeFields {
		t.Fatalf("ClientHello: %v", o)
	}
	expect(t, r, FieldTLSServerName, "www.example.com")
	if st.Protocol() != SMTP || !st.Encrypted() {
		t.Errorf("protocol %v, encrypted %v", st.Protocol(), st.Encrypted())
	}
}

// TestTunnelThroughProxy: CONNECT, then TLS.
func TestTunnelThroughProxy(t *testing.T) {
	r := NewRecognizer(Options{})
	var st FlowState
	s := Segment{Transport: 6, FromClient: true, Payload: []byte("CONNECT www.example.com:443 HTTP/1.1\r\nHost: www.example.com:443\r\n\r\n")}
	r.Segment(&st, &s)
	expect(t, r, FieldHTTPURI, "www.example.com:443")
	s.Payload = record(exampleHello(t), maxRecord)
	if o := r.Segment(&st, &s); o != OutcomeFields || !st.Encrypted() || st.Protocol() != HTTP {
		t.Fatalf("outcome %v, encrypted %v, protocol %v", o, st.Encrypted(), st.Protocol())
	}
	expect(t, r, FieldJA4, exampleJA4)
}

func TestTLSFromTheMiddle(t *testing.T) {
	data := join([]byte{recordData, 3, 3, 0, 40}, make([]byte, 40))
	_, st, o := one(Segment{Transport: 6, FromClient: true, Payload: data})
	if o != OutcomeProtocol || st.Protocol() != TLS || !st.Done() {
		t.Errorf("outcome %v, protocol %v", o, st.Protocol())
	}
}

func TestEndlessTLS(t *testing.T) {
	// A handshake that never says anything must not be followed for ever.
	r := NewRecognizer(Options{})
	var st FlowState
	hello := record(message(0, nil), maxRecord) // HelloRequest
	looked := 0
	for !st.Done() && looked < 1000 {
		r.Segment(&st, &Segment{Transport: 6, Seq: uint32(looked * len(hello)), Payload: hello})
		looked++
	}
	if looked > maxLooksTLS+2 {
		t.Errorf("%d segments were looked at", looked)
	}
}

func TestDTLS(t *testing.T) {
	h := helloSpec{
		version: 0xfefd, ciphers: []int{0xc02b, 0xc02f}, extensions: []int{0, 0x0d}, signatures: []int{0x0403}, sni: "dtls.example", dtls: true,
	}
	body := h.body()
	hello := join([]byte{msgClientHello}, u24(len(body)), u16(0), u24(0), u24(len(body)), body)
	packet := join([]byte{recordHandshake, 0xfe, 0xff}, make([]byte, 8), vec(2, hello))
	r, st, o := one(Segment{Transport: 17, FromClient: true, Payload: packet})
	if o != OutcomeFields || st.Protocol() != DTLS {
		t.Fatalf("outcome %v, protocol %v", o, st.Protocol())
	}
	expect(t, r, FieldTLSServerName, "dtls.example")
	expect(t, r, FieldJA4, "dd2d020200_"+hash12("c02b,c02f")+"_"+hash12("000d_0403"))
}
