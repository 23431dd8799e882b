package main

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/binary"
	"io"
	"math/big"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"

	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// recordedConn notes what is written to a connection.
type recordedConn struct {
	net.Conn
	note func([]byte)
}

func (c recordedConn) Write(b []byte) (int, error) {
	c.note(b)
	return c.Conn.Write(b)
}

// encryptedTalk makes the frames of a question and an answer of HTTP over TLS 1.3, and the
// secrets that they are decrypted with.
func encryptedTalk(t *testing.T) (frames [][]byte, secrets string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), DNSNames: []string{"one.example"}}
	cert, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	seq := map[bool]uint32{true: 1000, false: 2000}
	add := func(up, syn bool, payload []byte) {
		mu.Lock()
		defer mu.Unlock()
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocolTCP, SrcIP: net.IP{10, 0, 0, 1}, DstIP: net.IP{10, 0, 0, 2}}
		tcp := &layers.TCP{SrcPort: 40000, DstPort: 443, Seq: seq[up], Ack: seq[!up], Window: 60000, SYN: syn, ACK: !up || !syn}
		if !up {
			ip.SrcIP, ip.DstIP, tcp.SrcPort, tcp.DstPort = ip.DstIP, ip.SrcIP, tcp.DstPort, tcp.SrcPort
		}
		if syn {
			seq[up]++
		}
		seq[up] += uint32(len(payload))
		if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Error(err)
		}
		buf := gopacket.NewSerializeBuffer()
		eth := &layers.Ethernet{SrcMAC: make([]byte, 6), DstMAC: make([]byte, 6), EthernetType: layers.EthernetTypeIPv4}
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, tcp, gopacket.Payload(payload)); err != nil {
			t.Error(err)
		}
		frames = append(frames, buf.Bytes())
	}
	add(true, true, nil)
	add(false, true, nil)
	var log strings.Builder
	near, far := net.Pipe()
	client := tls.Client(recordedConn{near, func(b []byte) { add(true, false, b) }}, &tls.Config{InsecureSkipVerify: true, ServerName: "one.example", KeyLogWriter: &log})
	server := tls.Server(recordedConn{far, func(b []byte) { add(false, false, b) }}, &tls.Config{
		Certificates: []tls.Certificate{{Certificate: [][]byte{cert}, PrivateKey: key}}, SessionTicketsDisabled: true,
	})
	var answered sync.WaitGroup
	answered.Go(func() {
		b := make([]byte, 1000)
		if _, err := server.Read(b); err != nil {
			t.Error(err)
		}
		if _, err := io.WriteString(server, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nheard"); err != nil {
			t.Error(err)
		}
	})
	if _, err := io.WriteString(client, "GET /secret HTTP/1.1\r\nHost: one.example\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Read(make([]byte, 1000)); err != nil {
		t.Fatal(err)
	}
	answered.Wait()
	return frames, log.String()
}

// sayingFile writes a pcapng file that says more than its packets: comments, names, secrets.
func sayingFile(t *testing.T) string {
	t.Helper()
	frames, secrets := encryptedTalk(t)
	names := binary.LittleEndian.AppendUint32(nil, 1|20<<16)
	names = append(names, "\x0a\x00\x00\x02server.example\x00\x00\x00\x00\x00\x00"...)
	names[2] = byte(4 + len("server.example") + 1)
	key := binary.LittleEndian.AppendUint32(nil, 0x544c534b)
	key = binary.LittleEndian.AppendUint32(key, uint32(len(secrets)))
	key = append(key, secrets...)
	p := &segment.Preface{Section: segment.Section{Comments: []string{"made in a test"}, OS: "a system"}}
	for _, b := range []struct {
		kind uint32
		body []byte
		list *[][]byte
	}{{4, names, &p.Names}, {10, key, &p.Secrets}} {
		for len(b.body)&3 != 0 {
			b.body = append(b.body, 0)
		}
		n := uint32(12 + len(b.body))
		block := binary.LittleEndian.AppendUint32(binary.LittleEndian.AppendUint32(nil, b.kind), n)
		*b.list = append(*b.list, binary.LittleEndian.AppendUint32(append(block, b.body...), n))
	}
	name := filepath.Join(t.TempDir(), "saying.pcapng")
	f, err := os.Create(name)
	if err != nil {
		t.Fatal(err)
	}
	faces := []segment.Interface{{Name: "eth0", Link: 1, Comments: []string{"the uplink"}}}
	w := segment.NewFileWriter(f, segment.FileOptions{Section: p.Section, Preface: p, Interfaces: faces})
	for i, frame := range frames {
		rec := segment.Record{Time: 1_700_000_000_000_000_000 + int64(i)*1e6, WireLen: uint32(len(frame)), Data: frame}
		o := segment.PacketOptions{}
		if i == 0 {
			o.Comments = []string{"the first"}
		}
		if err := w.WritePacket(&segment.Chunk{Interfaces: faces}, &rec, o); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
	return name
}

// TestExportKeepsWhatTheFileSays: comments, names and secrets of a file are in what is exported
// of it, and in what is exported of an import of it, where tshark uses them; and of what a
// format has no place for a line says so.
func TestExportKeepsWhatTheFileSays(t *testing.T) {
	lab.Needs(t, "tshark", "capinfos")
	file := sayingFile(t)
	dir := t.TempDir()
	run := func(args ...string) (stdout, stderr string) {
		t.Helper()
		stdout, stderr, code := command(append(args, "--no-sandbox")...)
		if code != 0 {
			t.Fatalf("%q: exit code %d\n%s", args, code, stderr)
		}
		return stdout, stderr
	}
	run("import", file, "--data-dir", filepath.Join(dir, "data"))
	segments, err := filepath.Glob(filepath.Join(dir, "data", "*", "000001.pcapng"))
	if err != nil || len(segments) != 1 {
		t.Fatal(segments, err)
	}
	outputs := map[string]string{"the import's segment": segments[0]}
	for what, from := range map[string]string{"the file": file, "the import": filepath.Dir(segments[0]), "a segment": segments[0]} {
		outputs[what] = filepath.Join(dir, strings.ReplaceAll(what, " ", "-")+".pcapng")
		if _, said := run("export", from, "-Y", "tcp", "-o", outputs[what]); !strings.Contains(said, "the file holds the secrets") {
			t.Errorf("%s: nothing is said of the secrets: %s", what, said)
		}
	}
	for what, name := range outputs {
		out, err := exec.Command("tshark", "-r", name, "-N", "n", "-Y", "http", "-T", "fields", "-e", "ip.dst_host", "-e", "http.request.uri", "-e", "http.response.code").Output()
		if want := "server.example\t/secret\t\n10.0.0.1\t\t200\n"; err != nil || string(out) != want {
			t.Errorf("%s: tshark decrypts %q, want %q (%v)", what, out, want, err)
		}
		infos, err := exec.Command("capinfos", name).Output()
		if err != nil {
			t.Fatal(err)
		}
		for _, line := range []string{"made in a test", "Capture oper-sys:    a system", "Number of decryption secrets in file: 1", "Comment = the uplink"} {
			if !strings.Contains(string(infos), line) {
				t.Errorf("%s: capinfos does not say %q:\n%s", what, line, infos)
			}
		}
		if own := strings.Contains(string(infos), "tarrafa capture "); own != (what == "the import's segment") {
			t.Errorf("%s: %s", what, infos)
		}
	}

	open := filepath.Join(dir, "open.pcapng")
	if _, said := run("export", file, "-o", open, "--no-secrets"); strings.Contains(said, "secrets that") {
		t.Errorf("said: %s", said)
	}
	if b, err := os.ReadFile(open); err != nil || strings.Contains(string(b), "CLIENT_TRAFFIC_SECRET") || !strings.Contains(string(b), "server.example") {
		t.Errorf("secrets in what is exported without, or no names: %v", err)
	}
	for format, want := range map[string]string{
		"pcap": "comments on the capture (1), comments on interfaces (1), comments on packets (1), names of addresses, secrets for decryption, the interfaces of packets; pcapng has",
		"csv":  "comments on the capture (1), comments on interfaces (1), comments on packets (1), names of addresses, secrets for decryption; pcapng has",
	} {
		if _, said := run("export", file, "-o", filepath.Join(dir, "out."+format)); !strings.HasSuffix(said, "\ntarrafa: "+format+" has no place for "+want+"\n") {
			t.Errorf("%s: said %q", format, said)
		}
	}
}
