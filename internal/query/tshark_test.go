package query

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

var (
	compareFiles = flag.String("compare", "", "glob of further capture files to compare with tshark")
	verbose      = flag.Int("differences", 20, "differences to show for each file")
)

// issueFields are the fields that every user gets by name, in tshark's spelling; for
// these each packet has to agree.
var issueFields = []string{
	"frame.number", "frame.time_epoch", "frame.len", "frame.cap_len", "ip.src", "ip.dst", "ipv6.src", "ipv6.dst",
	"tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "ip.proto", "tcp.flags", "tcp.seq_raw", "tcp.ack_raw",
	"tcp.window_size_value", "tcp.len",
}

// needTool skips the test when a program is missing, and fails it in CI.
func needTool(t *testing.T, name string) string {
	t.Helper()
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is not installed, and CI needs it", name)
		}
		t.Skipf("%s is not installed", name)
	}
	return path
}

// sharedDir returns a folder of captures beside the repository, or "".
func sharedDir(name string) string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for ; dir != filepath.Dir(dir); dir = filepath.Dir(dir) {
		d := filepath.Join(dir, "shared", name)
		if st, err := os.Stat(d); err == nil && st.IsDir() {
			return d
		}
	}
	return ""
}

// captured is one packet of a capture file.
type captured struct {
	p         packet.Packet
	pcapng    bool
	ifaceName string
}

// readCapture reads all packets that the file holds before its damage, if it has any.
func readCapture(t *testing.T, path string) []captured {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var r io.Reader = bufio.NewReader(f)
	if strings.HasSuffix(path, ".gz") {
		if r, err = gzip.NewReader(r); err != nil {
			t.Fatal(err)
		}
		r = bufio.NewReader(r)
	}
	head, _ := r.(*bufio.Reader).Peek(8)
	var all []captured
	add := func(data []byte, wire int, ns int64, link int) *captured {
		all = append(all, captured{p: packet.Packet{
			Number: uint64(len(all) + 1), Time: ns, WireLen: uint32(wire), Link: packet.LinkType(link), Data: data,
		}})
		return &all[len(all)-1]
	}
	switch {
	case bytes.HasPrefix(head, []byte{0x0a, 0x0d, 0x0d, 0x0a}):
		ng, err := pcapgo.NewNgReader(r, pcapgo.NgReaderOptions{WantMixedLinkType: true})
		if err != nil {
			t.Fatal(err)
		}
		for {
			data, ci, err := ng.ReadPacketData()
			if err != nil {
				return all
			}
			iface, err := ng.Interface(ci.InterfaceIndex)
			if err != nil {
				t.Fatal(err)
			}
			c := add(data, ci.Length, ci.Timestamp.UnixNano(), int(iface.LinkType))
			c.p.Interface, c.pcapng, c.ifaceName = uint16(ci.InterfaceIndex), true, iface.Name
		}
	case bytes.HasPrefix(head, []byte("snoop\x00\x00\x00")):
		out := filepath.Join(t.TempDir(), "snoop.pcap")
		if b, err := exec.Command(needTool(t, "editcap"), "-F", "pcap", path, out).CombinedOutput(); err != nil {
			t.Fatalf("editcap: %v: %s", err, b)
		}
		return readCapture(t, out)
	}
	pr, err := pcapgo.NewReader(r)
	if err != nil {
		t.Fatal(err)
	}
	pr.SetSnaplen(1 << 20)
	for {
		data, ci, err := pr.ReadPacketData()
		if err != nil {
			if !errors.Is(err, io.EOF) {
				t.Logf("%s: %v", path, err)
			}
			return all
		}
		add(data, ci.Length, ci.Timestamp.UnixNano(), int(pr.LinkType()))
	}
}

// tsharkLines runs tshark over a capture and returns the lines it prints.
func tsharkLines(t *testing.T, path string, fields []string, more ...string) []string {
	t.Helper()
	args := append([]string{"-n", "-r", path, "-T", "fields"}, more...)
	for _, f := range fields {
		args = append(args, "-e", f)
	}
	cmd := exec.Command(needTool(t, "tshark"), args...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		t.Logf("tshark: %v: %s", err, stderr.Bytes())
	}
	lines := strings.Split(string(out), "\n")
	return lines[:len(lines)-1]
}

// ourLines prints the packets as tshark should.
func ourLines(t *testing.T, packets []captured, fields []string, occurrence Occurrence) []string {
	t.Helper()
	var fs []*Field
	for _, name := range fields {
		f := LookupField(name)
		if f == nil {
			t.Fatalf("no field %s", name)
		}
		fs = append(fs, f)
	}
	line := NewLine(fs)
	line.Occurrence = occurrence
	d := packet.NewDecoder()
	var row Row
	var lines []string
	for i := range packets {
		c := &packets[i]
		d.Decode(&c.p)
		row.HasInterface, row.InterfaceName = c.pcapng, c.ifaceName
		row.Next(&c.p)
		lines = append(lines, strings.TrimSuffix(string(line.Append(nil, &row)), "\n"))
	}
	return lines
}

// comparison counts packets.
type comparison struct {
	packets   int
	different int // in any field
	issue     int // in one of issueFields
}

func (c *comparison) add(d comparison) {
	c.packets += d.packets
	c.different += d.different
	c.issue += d.issue
}

// compareFile compares one capture with tshark, field by field.
func compareFile(t *testing.T, path string, fields []string, o Occurrence) (c comparison) {
	t.Helper()
	want := tsharkLines(t, path, fields, "-E", "occurrence="+string(rune(o)))
	got := ourLines(t, readCapture(t, path), fields, o)
	c.packets = len(want)
	if len(got) < len(want) {
		t.Errorf("%s: read %d packets, tshark %d", path, len(got), len(want))
		return c
	}
	type kind struct{ field, got, want string }
	byField, shown := map[string]int{}, map[kind]bool{}
	for i := range want {
		if got[i] == want[i] {
			continue
		}
		c.different++
		issue := 0
		g, w := strings.Split(got[i], "\t"), strings.Split(want[i], "\t")
		for j := range w {
			if g[j] == w[j] {
				continue
			}
			byField[fields[j]]++
			if slices.Contains(issueFields, fields[j]) {
				issue = 1
			}
			// Of the differences that look alike only one is shown.
			k := kind{fields[j], fieldShape(g[j]), fieldShape(w[j])}
			if *verbose > 1000 {
				k.got = fmt.Sprint(i) // all of them
			}
			if !shown[k] && len(shown) < *verbose {
				shown[k] = true
				t.Logf("%s: packet %d: %s is %q, tshark says %q", filepath.Base(path), i+1, fields[j], g[j], w[j])
			}
		}
		c.issue += issue
	}
	if c.different > 0 {
		t.Logf("%s: %d of %d packets differ: %v", filepath.Base(path), c.different, c.packets, byField)
	}
	return c
}

// fieldShape returns how many values a printed field has.
func fieldShape(s string) string { return fmt.Sprint(s != "", strings.Count(s, ",")) }

// comparableFields are the fields of the registry that tshark prints.
func comparableFields() []string {
	return slices.DeleteFunc(FieldNames(), func(name string) bool {
		f := LookupField(name)
		own := slices.ContainsFunc(ownFields, func(o Field) bool { return o.Name == name })
		return f.Type == TypeProtocol || f.Noted() || own
	})
}

// realFiles returns the captures beside the repository, or skips the test.
func realFiles(t *testing.T) []string {
	t.Helper()
	var files []string
	for _, dir := range []string{"captures", "hostile"} {
		d := sharedDir(dir)
		if d == "" {
			t.Skipf("no folder shared/%s beside the repository", dir)
		}
		for _, pattern := range []string{"*.pcap", "*.pcapng", "*.pcap.gz", "*.snoop", "*.trace"} {
			m, err := filepath.Glob(filepath.Join(d, pattern))
			if err != nil {
				t.Fatal(err)
			}
			files = append(files, m...)
		}
	}
	// Files whose damage is the point belong to the readers' tests.
	return slices.DeleteFunc(files, func(f string) bool {
		return strings.Contains(f, "ng_") || strings.Contains(f, "bomb")
	})
}

// TestFieldsAgainstTshark compares every field of every packet of real captures.
func TestFieldsAgainstTshark(t *testing.T) {
	needTool(t, "tshark")
	files := realFiles(t)
	run := func(name string, fields []string, o Occurrence, files []string) {
		t.Run(name, func(t *testing.T) {
			var sum comparison
			for _, f := range files {
				sum.add(compareFile(t, f, fields, o))
			}
			t.Logf("of %d packets %d differ from tshark, %d of them in the fields of the issue", sum.packets, sum.different, sum.issue)
			if sum.different > 0 {
				t.Errorf("%d of %d packets differ", sum.different, sum.packets)
			}
		})
	}
	run("all occurrences", comparableFields(), AllOccurrences, files)
	small := slices.DeleteFunc(slices.Clone(files), func(f string) bool {
		st, err := os.Stat(f)
		return err != nil || st.Size() > 100_000
	})
	run("first occurrence", issueFields, FirstOccurrence, small)
	run("last occurrence", issueFields, LastOccurrence, small)
}

// cut is a packet as it was captured.
type cut struct {
	name string
	ci   gopacket.CaptureInfo
	data []byte
}

// writeCuts writes a capture of packets.
func writeCuts(t *testing.T, link uint16, cuts []cut) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), fmt.Sprintf("link%d.pcap", link))
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	w := pcapgo.NewWriterNanos(f)
	err = w.WriteFileHeader(262144, layers.LinkType(link))
	for _, c := range cuts {
		err = errors.Join(err, w.WritePacket(c.ci, c.data))
	}
	if err = errors.Join(err, f.Close()); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestSamplesAgainstTshark compares the packets that the project made itself, whole and
// cut at every length, by the capture and on the wire.
func TestSamplesAgainstTshark(t *testing.T) {
	needTool(t, "tshark")
	byLink := map[uint16][]cut{}
	for _, s := range packettest.Samples() {
		for n := range min(len(s.Data), 200) + 1 {
			for _, wire := range []int{len(s.Data), n} {
				if n == len(s.Data) && wire != n {
					continue
				}
				name := fmt.Sprintf("%s, %d of %d bytes", s.Name, n, wire)
				at := time.Unix(1_700_000_000, int64(len(byLink[s.Link]))*1000)
				byLink[s.Link] = append(byLink[s.Link], cut{name, gopacket.CaptureInfo{Timestamp: at, CaptureLength: n, Length: wire}, s.Data[:n]})
			}
		}
		byLink[s.Link] = append(byLink[s.Link], cut{s.Name, gopacket.CaptureInfo{
			Timestamp: time.Unix(1_700_000_000, 0), CaptureLength: len(s.Data), Length: len(s.Data),
		}, s.Data})
	}
	for link, cuts := range byLink {
		path := writeCuts(t, link, cuts)
		want := tsharkLines(t, path, issueFields)
		got := ourLines(t, readCapture(t, path), issueFields, AllOccurrences)
		for i := range want {
			if got[i] != want[i] {
				t.Errorf("link %d, %s:\n%s\ntshark says\n%s", link, cuts[i].name, got[i], want[i])
			}
		}
	}
}

// TestCompareFiles compares the captures named by -compare.
func TestCompareFiles(t *testing.T) {
	if *compareFiles == "" {
		t.Skip("no -compare")
	}
	files, err := filepath.Glob(*compareFiles)
	if err != nil || len(files) == 0 {
		t.Fatal(fmt.Errorf("no files match %s: %w", *compareFiles, err))
	}
	var sum comparison
	for _, f := range files {
		sum.add(compareFile(t, f, comparableFields(), AllOccurrences))
	}
	t.Logf("of %d packets %d differ, %d in the fields of the issue", sum.packets, sum.different, sum.issue)
}
