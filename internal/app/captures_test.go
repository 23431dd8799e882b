package app

import (
	"bufio"
	"compress/gzip"
	"encoding/binary"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"
)

// capturesDir finds the captures of others that lie beside the repository, or skips.
func capturesDir(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			t.Fatal("no go.mod above the test's folder")
		}
		dir = parent
	}
	captures := filepath.Join(filepath.Dir(dir), "shared", "captures")
	if _, err := os.Stat(captures); err != nil {
		t.Skipf("captures not present: %v", err)
	}
	return captures
}

// needTshark skips without tshark, or fails where the environment promises it.
func needTshark(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("tshark is needed when CI is set: %v", err)
		}
		t.Skipf("tshark not installed: %v", err)
	}
}

// captureFiles lists the captures in a folder.
func captureFiles(t testing.TB, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var files []string
	for _, e := range entries {
		switch {
		case strings.HasSuffix(e.Name(), ".md"), strings.HasSuffix(e.Name(), ".tsv"):
		default:
			files = append(files, filepath.Join(dir, e.Name()))
		}
	}
	return files
}

type packetReader interface {
	ReadPacketData() ([]byte, gopacket.CaptureInfo, error)
}

// readCapture calls f with every packet of a file until the file ends or is broken.
func readCapture(t testing.TB, path string, f func(number int, link layers.LinkType, data []byte, ci gopacket.CaptureInfo)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = file.Close() }()
	in := bufio.NewReaderSize(file, 1<<20)
	if magic, _ := in.Peek(2); len(magic) == 2 && magic[0] == 0x1f && magic[1] == 0x8b {
		z, err := gzip.NewReader(in)
		if err != nil {
			t.Fatal(err)
		}
		in = bufio.NewReaderSize(z, 1<<20)
	}
	magic, err := in.Peek(8)
	if err != nil {
		t.Fatalf("%s: %v", path, err)
	}
	var r packetReader
	link := func(gopacket.CaptureInfo) layers.LinkType { return layers.LinkTypeEthernet }
	switch {
	case string(magic) == "snoop\x00\x00\x00":
		s, err := pcapgo.NewSnoopReader(in)
		if err != nil {
			t.Fatal(err)
		}
		r = s
	case binary.BigEndian.Uint32(magic) == 0x0a0d0d0a:
		ng, err := pcapgo.NewNgReader(in, pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			t.Fatal(err)
		}
		r = ng
		link = func(ci gopacket.CaptureInfo) layers.LinkType {
			return ci.AncillaryData[0].(layers.LinkType)
		}
	default:
		p, err := pcapgo.NewReader(in)
		if err != nil {
			t.Fatal(err)
		}
		r = p
		link = func(gopacket.CaptureInfo) layers.LinkType { return p.LinkType() }
	}
	for n := 1; ; n++ {
		data, ci, err := r.ReadPacketData()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Logf("%s: packet %d: %v", filepath.Base(path), n, err)
			}
			return
		}
		f(n, link(ci), data, ci)
	}
}

// flowKey names a connection from one side.
type flowKey struct {
	net, transport gopacket.Flow
	proto          uint8
}

// testFlow is the little that the tests know of a connection.
type testFlow struct {
	state  FlowState
	client flowKey
	isn    uint32 // of the client's SYN
	next   [2]uint32
	known  [2]bool
	hole   [2][2]uint32 // the last gap in sequence numbers
}

// replay feeds a capture to a Recognizer as a tracker would: innermost TCP or UDP.
type replay struct {
	r     *Recognizer
	flows map[flowKey]*testFlow
	seg   Segment
}

func newReplay(o Options) *replay {
	return &replay{r: NewRecognizer(o), flows: map[flowKey]*testFlow{}}
}

// packet gives the flow and the outcome, ok false for a packet without TCP and UDP.
func (p *replay) packet(link layers.LinkType, data []byte, ci gopacket.CaptureInfo) (*testFlow, Outcome, bool) {
	pk := gopacket.NewPacket(data, link, gopacket.DecodeOptions{NoCopy: true, Lazy: false})
	var network gopacket.Flow
	var key flowKey
	var tcp *layers.TCP
	s := &p.seg
	*s = Segment{Time: ci.Timestamp.UnixNano(), Truncated: ci.CaptureLength < ci.Length}
	found := false
	fragment := false
	for _, l := range pk.Layers() {
		switch l := l.(type) {
		case *layers.IPv4:
			network = l.NetworkFlow()
			fragment = l.FragOffset != 0
		case *layers.IPv6:
			network = l.NetworkFlow()
		case *layers.TCP:
			tcp = l
			s.Transport, s.SrcPort, s.DstPort, s.Seq, s.Payload = 6, uint16(l.SrcPort), uint16(l.DstPort), l.Seq, l.Payload
			key = flowKey{network, l.TransportFlow(), 6}
			found = !fragment
		case *layers.UDP:
			tcp = nil
			s.Transport, s.SrcPort, s.DstPort, s.Payload = 17, uint16(l.SrcPort), uint16(l.DstPort), l.Payload
			key = flowKey{network, l.TransportFlow(), 17}
			found = !fragment
		case *layers.ICMPv4, *layers.ICMPv6:
			// What they quote is not traffic.
			if found {
				return nil, 0, false
			}
		}
	}
	if !found {
		return nil, 0, false
	}
	back := flowKey{key.net.Reverse(), key.transport.Reverse(), key.proto}
	f := p.flows[key]
	if f == nil {
		f = p.flows[back]
	}
	if f == nil || tcp != nil && tcp.SYN && !tcp.ACK && f.client == key && f.known[0] && f.isn != tcp.Seq {
		f = &testFlow{client: key}
		if tcp != nil {
			f.isn = tcp.Seq
		}
		if tcp != nil && tcp.SYN && tcp.ACK {
			f.client = back
		}
		delete(p.flows, back)
		p.flows[key] = f
	}
	s.FromClient = f.client == key
	if tcp != nil {
		d := 1
		if s.FromClient {
			d = 0
		}
		next := s.Seq + uint32(len(s.Payload))
		if tcp.SYN {
			next++
		}
		s.End = tcp.FIN
		if f.known[d] {
			switch gap := int32(s.Seq - f.next[d]); {
			case gap > 0:
				s.Missing = uint32(gap)
				f.hole[d] = [2]uint32{f.next[d], s.Seq}
			case gap < 0 && int32(s.Seq-f.hole[d][0]) >= 0 && int32(next-f.hole[d][1]) <= 0:
				f.hole[d][0] = next // late, not again
			case gap < 0:
				s.Repeated = uint32(min(-gap, int32(len(s.Payload))))
			}
			if int32(next-f.next[d]) < 0 {
				next = f.next[d]
			}
		}
		f.next[d], f.known[d] = next, true
	}
	return f, p.r.Segment(&f.state, s), true
}
