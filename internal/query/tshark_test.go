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

	"github.com/gopacket/gopacket/pcapgo"

	"github.com/tarrafa/tarrafa/internal/packet"
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

// compareFile compares one capture with tshark, field by field, and returns how many of
// its packets differ in any of the fields.
func compareFile(t *testing.T, path string, fields []string) (packets, different int) {
	t.Helper()
	want := tsharkLines(t, path, fields)
	got := ourLines(t, readCapture(t, path), fields, AllOccurrences)
	if len(got) < len(want) {
		t.Errorf("%s: read %d packets, tshark %d", path, len(got), len(want))
		return len(want), len(want)
	}
	type kind struct{ field, got, want string }
	byField, shown := map[string]int{}, map[kind]bool{}
	for i := range want {
		if got[i] == want[i] {
			continue
		}
		different++
		g, w := strings.Split(got[i], "\t"), strings.Split(want[i], "\t")
		for j := range w {
			if g[j] == w[j] {
				continue
			}
			byField[fields[j]]++
			// Of the differences that look alike only one is shown.
			k := kind{fields[j], shape(g[j]), shape(w[j])}
			if *verbose > 1000 {
				k.got = fmt.Sprint(i)
			}
			if !shown[k] && len(shown) < *verbose {
				shown[k] = true
				t.Logf("%s: packet %d: %s is %q, tshark says %q", filepath.Base(path), i+1, fields[j], g[j], w[j])
			}
		}
	}
	if different > 0 {
		t.Logf("%s: %d of %d packets differ: %v", filepath.Base(path), different, len(want), byField)
	}
	return len(want), different
}

// shape returns how many values a printed field has.
func shape(s string) string { return fmt.Sprint(s != "", strings.Count(s, ",")) }

// comparableFields are the fields of the registry that tshark prints.
func comparableFields() []string {
	return slices.DeleteFunc(FieldNames(), func(name string) bool {
		return LookupField(name).Type == TypeProtocol
	})
}

func TestFieldsAgainstTshark(t *testing.T) {
	needTool(t, "tshark")
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
	for _, set := range []struct {
		name   string
		fields []string
	}{{"issue", issueFields}, {"all", comparableFields()}} {
		t.Run(set.name, func(t *testing.T) {
			total, bad := 0, 0
			for _, f := range files {
				if strings.Contains(f, "ng_") || strings.Contains(f, "bomb") {
					continue // files whose damage is the point: the readers' tests
				}
				n, d := compareFile(t, f, set.fields)
				total, bad = total+n, bad+d
			}
			t.Logf("%d of %d packets differ from tshark (%.4f %%)", bad, total, 100*float64(bad)/float64(max(total, 1)))
			if bad*1000 > total {
				t.Errorf("%d of %d packets differ, more than 0.1 %%", bad, total)
			}
		})
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
	total, bad := 0, 0
	for _, f := range files {
		n, d := compareFile(t, f, comparableFields())
		total, bad = total+n, bad+d
	}
	t.Logf("%d of %d packets differ", bad, total)
}
