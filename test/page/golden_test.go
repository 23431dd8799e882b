package page_test

import (
	"bufio"
	"bytes"
	"crypto/md5"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/pcapgo"
	"github.com/parquet-go/parquet-go"
)

// golden is a capture whose picture on the page is compared, and what is looked at.
type golden struct {
	Name    string   `json:"name"`
	Packets []uint64 `json:"packets"`
	Fields  []uint64 `json:"fields"` // of these packets
	Follow  uint64   `json:"follow"` // packet of a TCP stream; 0: none
	Filter  string   `json:"filter"` // for the exports
	Formats []string `json:"formats"`
	file    string
}

// goldens are captures of the project itself, and of others when they are there.
func goldens(t *testing.T) (list []golden) {
	t.Helper()
	all := []string{"pcapng", "pcap", "csv", "json", "parquet"}
	own, others := "../../internal", "../../../shared/captures"
	for _, g := range []golden{
		{file: own + "/flow/testdata/findings/retransmissions.pcap", Packets: []uint64{1, 2, 3, 40}, Fields: []uint64{1, 40}, Follow: 3, Filter: "tcp.len > 0", Formats: all},
		{file: own + "/flow/testdata/findings/dns_tunnel.pcap", Packets: []uint64{1, 7, 120}, Fields: []uint64{7}, Formats: []string{"pcapng"}},
		{file: own + "/flow/testdata/findings/heartbeat.pcap", Packets: []uint64{4, 11}, Fields: []uint64{11}, Follow: 4, Formats: []string{"pcapng"}},
		{file: own + "/segment/testdata/written.pcapng", Packets: []uint64{1, 2, 3, 4, 5}, Fields: []uint64{1}, Formats: []string{"pcapng"}},
		{file: others + "/tcpdump__tcp-handshake-nano.pcap", Packets: []uint64{1, 2, 3}, Fields: []uint64{2}, Formats: []string{"pcapng"}},
		{file: others + "/arkime__wireshark-retrans.pcap", Packets: []uint64{1, 50, 108}, Fields: []uint64{50}, Follow: 1, Filter: "tcp.analysis.flags", Formats: []string{"pcapng", "csv"}},
		{file: others + "/brimcap__loopback.pcap", Packets: []uint64{1, 30, 86}, Fields: []uint64{30}, Follow: 30, Formats: []string{"json"}},
		{file: others + "/zeek__vxlan.pcap", Packets: []uint64{1, 10}, Fields: []uint64{1}, Formats: []string{"pcapng"}},
		{file: others + "/beats__mysql_with_gap.pcap", Packets: []uint64{5, 31}, Fields: []uint64{5}, Follow: 5, Formats: []string{"pcapng"}},
		{file: others + "/zeek__Teredo.pcap", Packets: []uint64{3, 40}, Fields: []uint64{40}, Filter: "ipv6", Formats: []string{"pcapng"}},
	} {
		if _, err := os.Stat(g.file); err != nil {
			if strings.HasPrefix(g.file, others) {
				continue // no part of the repository
			}
			t.Fatal(err)
		}
		path, err := filepath.Abs(g.file)
		if err != nil {
			t.Fatal(err)
		}
		g.file, g.Name = path, filepath.Base(path)
		list = append(list, g)
	}
	return list
}

// field is a line of the protocol tree with the bytes that it marks.
type field struct {
	Field, Name, Value    string
	Depth, Offset, Length int
}

// picture is what the page showed of a capture.
type picture struct {
	Packets map[uint64]struct {
		Row          map[string]string
		Hex, Hash    string
		Fields, Said []field
	}
	Stream []struct {
		Client bool
		Hex    string
		Gap    int
	}
	Exports map[string]string // format: file
}

// TestGolden: what stands on the page is what is in the captures, by other programs' word:
// bytes by gopacket, addresses, ports, flags, streams and counts by tshark, hashes by MD5.
func TestGolden(t *testing.T) {
	if _, err := exec.LookPath("tshark"); err != nil {
		missing(t, "tshark")
	}
	list := goldens(t)
	var files []string
	for _, g := range list {
		files = append(files, g.file)
	}
	plan, dir := filepath.Join(t.TempDir(), "plan.json"), t.TempDir()
	text, err := json.Marshal(list)
	if err == nil {
		err = os.WriteFile(plan, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	var r struct {
		Captures map[string]picture
		Problems []string
	}
	drive(t, "golden", viewer(t, build(t), files...), &r, plan, dir)
	if len(r.Problems) > 0 {
		t.Errorf("the page complains: %q", r.Problems)
	}
	for _, g := range list {
		t.Run(g.Name, func(t *testing.T) {
			seen, ok := r.Captures[g.Name]
			if !ok || len(seen.Packets) != len(g.Packets) || len(seen.Exports) != len(g.Formats) {
				t.Fatalf("not all was looked at: %d packets, %d exports", len(seen.Packets), len(seen.Exports))
			}
			said := tsharkFields(t, g.file, append(slices.Clone(goldenFields), "tcp.payload", "udp.payload", "frame.len", "tcp.stream")...)
			g.comparePackets(t, seen, said)
			if g.Follow > 0 {
				g.compareStream(t, seen, first(said[g.Follow-1]["tcp.stream"]))
			}
			g.compareExports(t, seen, len(said))
		})
	}
}

// goldenFields are the fields that are compared with tshark, by our tree's name for them.
var goldenFields = []string{
	"ip.src", "ip.dst", "ipv6.src", "ipv6.dst", "tcp.srcport", "tcp.dstport", "udp.srcport", "udp.dstport", "tcp.flags",
	"ip.ttl", "tcp.seq_raw", "tcp.window_size_value",
}

func (g *golden) comparePackets(t *testing.T, seen picture, said []map[string]string) {
	data := framesOf(t, g.file)
	for _, n := range g.Packets {
		p, lines := seen.Packets[n], said[n-1]
		if want := hex.EncodeToString(data[n-1]); p.Hex != want {
			t.Errorf("packet %d: bytes\n%s, want\n%s", n, p.Hex, want)
		}
		g.compareRow(t, n, p.Row, lines)
		payload, err := hex.DecodeString(first(lines["udp.payload"] + lines["tcp.payload"]))
		if err != nil {
			t.Fatal(err)
		}
		// Of a tunnel the page hashes what the innermost header carries.
		if len(payload) > 0 && !strings.Contains(lines["ip.src"]+lines["ipv6.src"], ",") && (lines["ip.src"] == "" || lines["ipv6.src"] == "") {
			sum := md5.Sum(payload)
			if p.Hash != hex.EncodeToString(sum[:]) {
				t.Errorf("packet %d: hash %s of %d bytes, want %x", n, p.Hash, len(payload), sum)
			}
		}
		if !slices.Contains(g.Fields, n) {
			continue
		}
		if len(p.Fields) < 5 || !slices.Equal(p.Fields, p.Said) {
			t.Errorf("packet %d: the tree is\n%+v, the server says\n%+v", n, p.Fields, p.Said)
		}
		g.compareTree(t, n, p.Fields, lines)
	}
}

// first is the first of tshark's values: the outermost header's.
func first(values string) string {
	v, _, _ := strings.Cut(values, ",")
	return v
}

func (g *golden) compareRow(t *testing.T, n uint64, row, lines map[string]string) {
	for _, side := range []struct{ cell, address, port string }{
		{"source", first(lines["ip.src"]) + first(lines["ipv6.src"]), first(lines["tcp.srcport"] + lines["udp.srcport"])},
		{"destination", first(lines["ip.dst"]) + first(lines["ipv6.dst"]), first(lines["tcp.dstport"] + lines["udp.dstport"])},
	} {
		if lines["ip.src"] != "" && lines["ipv6.src"] != "" || side.address == "" {
			continue // IPv6 in IPv4: which is the outer one is not in these fields
		}
		cell, _, _ := strings.Cut(row[side.cell], " ") // a name may follow
		if !strings.Contains(cell, side.address) || !strings.HasSuffix(cell, side.port) {
			t.Errorf("packet %d: %s %q, tshark says %s port %s", n, side.cell, row[side.cell], side.address, side.port)
		}
	}
	if row["length"] != lines["frame.len"] {
		t.Errorf("packet %d: length %q, tshark says %s", n, row["length"], lines["frame.len"])
	}
	if lines["tcp.flags"] == "" || strings.Contains(lines["tcp.flags"], ",") {
		return
	}
	bits, err := strconv.ParseUint(lines["tcp.flags"], 0, 16)
	if err != nil {
		t.Fatal(err)
	}
	shown := strings.Fields(row["info"])
	for i, name := range []string{"FIN", "SYN", "RST", "PSH", "ACK", "URG"} {
		if (bits>>i&1 == 1) != slices.Contains(shown, name) {
			t.Errorf("packet %d: info %q, tshark says %s", n, row["info"], lines["tcp.flags"])
		}
	}
}

// compareTree looks at fields that other programs know by the same name.
func (g *golden) compareTree(t *testing.T, n uint64, tree []field, lines map[string]string) {
	compared := 0
	for _, name := range goldenFields {
		i := slices.IndexFunc(tree, func(f field) bool { return f.Field == name })
		want := first(lines[name])
		if i < 0 || want == "" {
			continue
		}
		got, _, _ := strings.Cut(tree[i].Value, " ") // words may follow a number
		a, errA := strconv.ParseUint(got, 0, 64)
		b, errB := strconv.ParseUint(want, 0, 64)
		if numbers := errA == nil && errB == nil; numbers && a != b || !numbers && got != want {
			t.Errorf("packet %d, %s: %q, tshark says %q", n, name, tree[i].Value, want)
		}
		compared++
	}
	if lines["tcp.flags"] != "" && compared < 7 || lines["udp.srcport"] != "" && compared < 4 {
		t.Errorf("packet %d: only %d fields could be compared in %+v", n, compared, tree)
	}
}

var missingBytes = regexp.MustCompile(`^\[(\d+) bytes missing in capture file\]\x00?$`)

// compareStream compares both directions with tshark's: the bytes, and what is missing.
func (g *golden) compareStream(t *testing.T, seen picture, number string) {
	t.Helper()
	out, err := exec.Command("tshark", "-r", g.file, "-q", "-z", "follow,tcp,raw,"+number).Output()
	if err != nil {
		t.Fatal(err)
	}
	var want, got [2]string
	lines := bufio.NewScanner(bytes.NewReader(out))
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		side := 0
		if strings.HasPrefix(lines.Text(), "\t") {
			side = 1
		}
		b, err := hex.DecodeString(strings.TrimSpace(lines.Text()))
		if err != nil || len(b) == 0 {
			continue // the frame around it
		}
		if m := missingBytes.FindSubmatch(b); m != nil {
			want[side] += "[" + string(m[1]) + "]"
			continue
		}
		want[side] += hex.EncodeToString(b)
	}
	for _, p := range seen.Stream {
		side := 0
		if !p.Client {
			side = 1
		}
		if got[side] += p.Hex; p.Gap > 0 {
			got[side] += "[" + strconv.Itoa(p.Gap) + "]"
		}
	}
	// Which side tshark begins with is who sent first.
	if got != want && got != [2]string{want[1], want[0]} || want[0]+want[1] == "" {
		t.Errorf("stream %s: %d and %d digits, tshark has %d and %d", number, len(got[0]), len(got[1]), len(want[0]), len(want[1]))
	}
}

// compareExports opens what the page gave to download.
func (g *golden) compareExports(t *testing.T, seen picture, want int) {
	t.Helper()
	if g.Filter != "" {
		want = countLines(t, exec.Command("tshark", "-r", g.file, "-T", "fields", "-e", "frame.number", "-Y", g.Filter))
	}
	if want == 0 {
		t.Fatal("the filter shows nothing")
	}
	for format, file := range seen.Exports {
		n := 0
		switch format {
		case "pcapng", "pcap":
			n = countLines(t, exec.Command("tshark", "-r", file, "-T", "fields", "-e", "frame.number"))
		case "csv", "json":
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if n = bytes.Count(b, []byte("\n")); format == "csv" {
				n-- // the head
			}
		case "parquet":
			f, err := os.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			st, err := f.Stat()
			if err != nil {
				t.Fatal(err)
			}
			p, err := parquet.OpenFile(f, st.Size())
			if err != nil {
				t.Fatal(err)
			}
			n = int(p.NumRows())
			_ = f.Close()
		}
		if n != want {
			t.Errorf("%s: %d packets, tshark shows %d of the capture", format, n, want)
		}
	}
}

func countLines(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("%v: %v", cmd.Args, err)
	}
	return bytes.Count(out, []byte("\n"))
}

// tsharkFields returns tshark's fields of every packet; values of one field stand with commas.
func tsharkFields(t *testing.T, file string, names ...string) (packets []map[string]string) {
	t.Helper()
	args := []string{"-r", file, "-o", "tcp.check_checksum:FALSE", "-T", "fields", "-E", "separator=/t"}
	for _, n := range names {
		args = append(args, "-e", n)
	}
	out, err := exec.Command("tshark", args...).Output()
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(string(out)) {
		p := map[string]string{}
		for i, v := range strings.Split(strings.TrimRight(line, "\r\n"), "\t") {
			p[names[i]] = v
		}
		packets = append(packets, p)
	}
	return packets
}

// framesOf reads a capture with another reader than the project's own.
func framesOf(t *testing.T, file string) (list [][]byte) {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var source gopacket.PacketDataSource
	if source, err = pcapgo.NewReader(f); err != nil {
		if _, err = f.Seek(0, 0); err == nil {
			source, err = pcapgo.NewNgReader(f, pcapgo.NgReaderOptions{WantMixedLinkType: true})
		}
	}
	if err != nil {
		t.Fatal(fmt.Errorf("%s: %w", file, err))
	}
	for {
		b, _, err := source.ReadPacketData()
		if err != nil {
			return list
		}
		list = append(list, b)
	}
}
