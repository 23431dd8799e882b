package app

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// comparedFields are held against tshark, value by value and frame by frame.
var comparedFields = []FieldID{
	FieldDNSQueryName, FieldDNSA, FieldDNSAAAA, FieldDNSCNAME, FieldDNSPTR, FieldDNSRcode, FieldNBNSName,
	FieldTLSHandshakeType, FieldTLSServerName, FieldTLSALPN, FieldTLSVersion, FieldCertificateDNSName,
	FieldHTTPMethod, FieldHTTPURI, FieldHTTPHost, FieldHTTPUserAgent, FieldHTTPStatus, FieldHTTPContentType, FieldHTTPServer,
	FieldSSHProtocol, FieldDHCPHostName, FieldDHCPVendorClass, FieldDHCPv6ClientName, FieldMQTTClientID,
}

// frameField is where a value was found.
type frameField struct {
	frame int
	id    FieldID
}

const columnField = numFields // tshark's protocol column, among the fields

// tsharkFields asks tshark for the compared fields of a capture.
func tsharkFields(t *testing.T, path string) map[frameField][]string {
	t.Helper()
	args := []string{
		"-r", path, "-n", "-T", "fields", "-E", "occurrence=a", "-E", "aggregator=\x01", "-E", "separator=\x02",
		"-e", "frame.number", "-e", "_ws.col.Protocol",
	}
	ids := append([]FieldID{columnField}, comparedFields...)
	for _, id := range comparedFields {
		args = append(args, "-e", id.String())
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatalf("tshark %s: %v", path, err)
	}
	found := map[frameField][]string{}
	for line := range strings.SplitSeq(string(out), "\n") {
		columns := strings.Split(line, "\x02")
		if len(columns) != len(ids)+1 {
			continue
		}
		frame, err := strconv.Atoi(columns[0])
		if err != nil {
			t.Fatalf("tshark's frame number %q", columns[0])
		}
		for i, id := range ids {
			if columns[i+1] != "" {
				found[frameField{frame, id}] = strings.Split(columns[i+1], "\x01")
			}
		}
	}
	return found
}

// text gives a field's value as text.
func (f Field) text() string {
	switch {
	case f.ID.Kind() == KindNumber:
		return strconv.Itoa(int(f.Number))
	case f.ID.Kind() == KindAddress:
		return addressText(f.Value)
	default:
		return string(f.Value)
	}
}

// replayFields gives what a capture holds according to this package.
func replayFields(t *testing.T, path string) map[frameField][]string {
	got := map[frameField][]string{}
	p := newReplay(Options{})
	readCapture(t, path, func(n int, link layers.LinkType, data []byte, ci gopacket.CaptureInfo) {
		if _, _, ok := p.packet(link, data, ci); !ok {
			return
		}
		for _, f := range p.r.Fields() {
			if f.Early {
				continue
			}
			v := f.text()
			if f.ID == FieldTLSVersion { // tshark prints this one so
				v = fmt.Sprintf("0x%04x", f.Number)
			}
			k := frameField{n, f.ID}
			got[k] = append(got[k], v)
		}
	})
	return got
}

// sameValues compares the values of a frame. Of a certificate message tshark gives the
// names of the whole chain, this package those of the first certificate. An empty value is
// not told from none by tshark's output.
func sameValues(id FieldID, want, got []string) bool {
	if id == FieldCertificateDNSName && len(got) > 0 && len(got) <= len(want) {
		want = want[:len(got)]
	}
	return slices.Equal(want, got) || len(want) == 0 && strings.Join(got, "") == ""
}

// explained are the differences from tshark 4.0.17 that are meant to be.
var explained = map[string]string{
	"PcapPlusPlus__many-protocols.pcap 2599 http.":         "segments of the body came out of order, which only the TCP analysis tells",
	"PcapPlusPlus__many-protocols.pcap 3014 http.":         "the same",
	"zeek__206_example_b.pcap 953 http.":                   "the same",
	"arkime__tcp_handshake_synthetic.pcap 29 ssh.protocol": "SSH on port 8080, which tshark takes for HTTP",
	"arkime__wireshark-retrans.pcap 42 http.":              "a fast retransmission, which tshark reads a second time",
	"arkime__wireshark-retrans.pcap 86 http.":              "the same",
}

func isExplained(file string, k frameField) bool {
	for e := range explained {
		if strings.HasPrefix(fmt.Sprintf("%s %d %s", file, k.frame, k.id), e) {
			return true
		}
	}
	return false
}

// TestAgainstTshark compares every value of every frame of the captures with tshark's.
func TestAgainstTshark(t *testing.T) {
	dir := capturesDir(t)
	needTshark(t)
	equal := map[FieldID]int{}
	for _, path := range captureFiles(t, dir) {
		file := filepath.Base(path)
		want, got := tsharkFields(t, path), replayFields(t, path)
		keys := map[frameField]bool{}
		for k := range want {
			keys[k] = true
		}
		for k := range got {
			keys[k] = true
		}
		for k := range keys {
			switch {
			case !slices.Contains(comparedFields, k.id):
			case sameValues(k.id, want[k], got[k]):
				equal[k.id]++
			case isExplained(file, k):
			default:
				t.Errorf("%s frame %d %s: tshark %q, here %q", file, k.frame, k.id, want[k], got[k])
			}
		}
	}
	for _, id := range comparedFields {
		t.Logf("%-40s equal in %d frames", id, equal[id])
	}
}

// TestSamplesAgainstTshark writes the samples into a capture and lets tshark name the
// protocol and the fields: what is recognised here is the protocol that it is taken for.
func TestSamplesAgainstTshark(t *testing.T) {
	needTshark(t)
	path := filepath.Join(t.TempDir(), "samples.pcap")
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := pcapgo.NewWriterNanos(file)
	if err := w.WriteFileHeader(1<<18, layers.LinkTypeEthernet); err != nil {
		t.Fatal(err)
	}
	put := func(flow int, s Segment) {
		t.Helper()
		if err := w.WritePacket(frame(t, flow, s)); err != nil {
			t.Fatal(err)
		}
	}
	var names []string
	var want []string
	for i, c := range samples(t) {
		put(i, c.segment())
		names = append(names, c.name)
		want = append(want, c.tshark)
	}
	// Messages in pieces, which need a reader that puts them together.
	hello := record(exampleHello(t), maxRecord)
	for i, cut := range []int{1, 5, 60, 200} {
		s := Segment{Transport: 6, FromClient: true, SrcPort: 40000, DstPort: 443, Seq: 1, Payload: hello[:cut], Time: sampleTime * 1e9}
		put(1000+i, s)
		s.Seq, s.Payload = uint32(1+cut), hello[cut:]
		put(1000+i, s)
		names = append(names, "first half", "second half")
		want = append(want, "", "TLSv1")
	}
	for _, d := range hexFile(t, "chromium-quic.hex") {
		put(2000, Segment{Transport: 17, FromClient: true, SrcPort: 40000, DstPort: 443, Payload: d, Time: sampleTime * 1e9})
		names = append(names, "chromium")
		want = append(want, "QUIC")
	}
	put(2001, Segment{Transport: 6, FromClient: true, SrcPort: 40000, DstPort: 443, Payload: hexFile(t, "chromium-tls.hex")[0], Time: sampleTime * 1e9})
	names = append(names, "chromium")
	want = append(want, "TLSv1")
	if err := file.Close(); err != nil {
		t.Fatal(err)
	}
	theirs, ours := tsharkFields(t, path), replayFields(t, path)
	for i, name := range names {
		column := strings.Join(theirs[frameField{i + 1, columnField}], "")
		if want[i] != "" && column != want[i] {
			t.Errorf("frame %d %s: tshark calls it %q, want %q", i+1, name, column, want[i])
		}
		for _, id := range comparedFields {
			k := frameField{i + 1, id}
			if !sameValues(id, theirs[k], ours[k]) && name != "dtls" { // whose fields tshark calls dtls.*
				t.Errorf("frame %d %s %s: tshark %q, here %q", i+1, name, id, theirs[k], ours[k])
			}
		}
	}
}

// frame puts a segment into an Ethernet frame between two hosts of their own per flow.
func frame(t *testing.T, flow int, s Segment) (gopacket.CaptureInfo, []byte) {
	t.Helper()
	client := []byte{10, 1, byte(flow >> 8), byte(flow)}
	server := []byte{10, 2, byte(flow >> 8), byte(flow)}
	if !s.FromClient {
		client, server = server, client
	}
	eth := &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: layers.IPProtocol(s.Transport), SrcIP: client, DstIP: server}
	var transport gopacket.SerializableLayer
	if s.Transport == 6 {
		tcp := &layers.TCP{SrcPort: layers.TCPPort(s.SrcPort), DstPort: layers.TCPPort(s.DstPort), Seq: s.Seq, ACK: true, PSH: true, Window: 65535}
		if err := tcp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		transport = tcp
	} else {
		udp := &layers.UDP{SrcPort: layers.UDPPort(s.SrcPort), DstPort: layers.UDPPort(s.DstPort)}
		if err := udp.SetNetworkLayerForChecksum(ip); err != nil {
			t.Fatal(err)
		}
		transport = udp
	}
	buf := gopacket.NewSerializeBuffer()
	if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, eth, ip, transport, gopacket.Payload(s.Payload)); err != nil {
		t.Fatal(err)
	}
	n := len(buf.Bytes())
	return gopacket.CaptureInfo{Timestamp: time.Unix(0, s.Time), CaptureLength: n, Length: n}, buf.Bytes()
}
