package segment

import (
	"bytes"
	"encoding/binary"
	"errors"
	"flag"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

var update = flag.Bool("update", false, "rewrite the golden files")

func TestGoldenFiles(t *testing.T) {
	for name, kind := range map[string]Kind{"written.pcapng": Pcapng, "written.pcap": Pcap} {
		got := written(kind)
		path := filepath.Join("testdata", name)
		if *update {
			if err := os.MkdirAll("testdata", 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, got, 0o644); err != nil {
				t.Fatal(err)
			}
		}
		want, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(got, want) {
			t.Errorf("%s differs; look at it and run go test -update", name)
		}
	}
}

// TestOwnFilesReadBack reads what was written, every field of it.
func TestOwnFilesReadBack(t *testing.T) {
	r, err := NewReader(bytes.NewReader(written(Pcapng)), ReaderOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c, err := r.Next()
	if err != nil {
		t.Fatal(err)
	}
	want := builtChunk()
	if !reflect.DeepEqual(c.Interfaces, want.Interfaces) {
		t.Errorf("interfaces\n%+v, want\n%+v", c.Interfaces, want.Interfaces)
	}
	if s, want := r.Sections(), []Section{{Hardware: "x86-64", OS: "Linux", Application: "tarrafa", Comments: []string{"a comment", "another: ☂"}}}; !reflect.DeepEqual(s, want) {
		t.Errorf("section %+v", s)
	}
	if s, want := r.Statistics(), []Statistics{{
		Interface: 1, Time: 1_700_000_009_000_000_009, Start: 1_700_000_000_000_000_000, End: 1_700_000_008_000_000_000,
		Fields: HasReceived | HasDropped | HasOSDropped | HasDelivered, Received: 7, Dropped: 1, OSDropped: 2, Delivered: 4,
		Comments: []string{"gap: eth1 was down"},
	}}; !reflect.DeepEqual(s, want) {
		t.Errorf("statistics %+v", s)
	}
	var a, b Record
	built, got := want.Records(), c.Records()
	for built.Next(&a) {
		if !got.Next(&b) {
			t.Fatal("a packet less")
		}
		if a.Time != b.Time || a.WireLen != b.WireLen || a.Interface != b.Interface || a.Direction != b.Direction || !bytes.Equal(a.Data, b.Data) {
			t.Errorf("%+v, want %+v", b, a)
		}
	}
	if !got.Next(&b) {
		t.Fatal("the packet with the comment is missing")
	}
	if o, want := c.RecordOptions(&b), (PacketOptions{
		Flags: 1, HasFlags: true, Comments: []string{"look at this"}, Hashes: [][]byte{{2, 1, 2, 3, 4}}, DropCount: 5, PacketID: 6,
	}); !reflect.DeepEqual(o, want) {
		t.Errorf("options %+v", o)
	}
	section, interfaces, _ := head(written(Pcapng))
	if section.Application != "tarrafa" || len(interfaces) != 2 {
		t.Errorf("head %+v, %+v", section, interfaces)
	}
	if n := Notes(written(Pcapng), interfaces); !reflect.DeepEqual(n, r.Statistics()) {
		t.Errorf("notes %+v", n)
	}
}

// run runs a program over a file with the bytes b and returns what it says.
func run(t *testing.T, b []byte, name string, arg ...string) string {
	t.Helper()
	path := tool(t, name)
	file := filepath.Join(t.TempDir(), "capture")
	if err := os.WriteFile(file, b, 0o644); err != nil {
		t.Fatal(err)
	}
	arg = slices.Clone(arg)
	for i := range arg {
		if arg[i] == "FILE" {
			arg[i] = file
		}
	}
	out, err := exec.Command(path, arg...).Output()
	if err != nil {
		if e, ok := errors.AsType[*exec.ExitError](err); ok {
			t.Fatalf("%s: %v: %s", name, err, e.Stderr)
		}
		t.Fatal(err)
	}
	return string(out)
}

// TestOthersReadOurFiles opens what was written with the programs that people use.
func TestOthersReadOurFiles(t *testing.T) {
	fields := []string{
		"-n", "-r", "FILE", "-T", "fields", "-e", "frame.time_epoch", "-e", "frame.cap_len", "-e", "frame.len",
		"-e", "frame.interface_name", "-e", "frame.packet_flags_direction", "-e", "frame.comment",
	}
	want := "1700000000.000000001\t60\t60\teth0\t0x00000000\t\n" +
		"1700000001.000000001\t61\t62\teth1\t0x00000001\t\n" +
		"1700000002.000000001\t1514\t1516\teth0\t0x00000002\t\n" +
		"1700000003.000000001\t0\t3\teth1\t0x00000000\t\n" +
		"1700000000.000000001\t60\t60\teth0\t0x00000001\tlook at this\n"
	if got := run(t, written(Pcapng), "tshark", fields...); got != want {
		t.Errorf("tshark on pcapng:\n%swant\n%s", got, want)
	}
	want = "1700000000.000000001\t60\t60\n1700000001.000000001\t61\t62\n1700000002.000000001\t1514\t1516\n" +
		"1700000003.000000001\t0\t3\n1700000000.000000001\t60\t60\n"
	if got := run(t, written(Pcap), "tshark", fields[:11]...); got != want {
		t.Errorf("tshark on pcap:\n%swant\n%s", got, want)
	}
	infos := run(t, written(Pcapng), "capinfos", "FILE")
	for _, s := range []string{
		"Number of packets:   5", "Number of interfaces in file: 2", "Name = eth0", "Description = uplink",
		"tcp port 443", "Operating system = Linux 6.1", "Capture length = 2000", "Time precision = nanoseconds (9)",
		"Capture application: tarrafa", "Capture comment:     a comment", "Capture hardware:    x86-64",
		"Number of stat entries = 1", "Hardware = virtio",
	} {
		if !strings.Contains(infos, s) {
			t.Errorf("capinfos does not say %q:\n%s", s, infos)
		}
	}
	for _, kind := range []Kind{Pcapng, Pcap} {
		if n := tcpdumped(t, written(kind)); n != 5 {
			t.Errorf("tcpdump reads %d packets of kind %d", n, kind)
		}
	}
}

// TestOthersReadEmptyFiles opens files that ended before the first packet.
func TestOthersReadEmptyFiles(t *testing.T) {
	for _, kind := range []Kind{Pcapng, Pcap} {
		for _, faces := range [][]Interface{nil, builtChunk().Interfaces} {
			var out bytes.Buffer
			w := NewFileWriter(&out, FileOptions{Kind: kind, Interfaces: faces})
			if err := w.Flush(); err != nil {
				t.Fatal(err)
			}
			if got := run(t, out.Bytes(), "tshark", "-r", "FILE"); got != "" {
				t.Error(got)
			}
			all, _, err := readAll(t, bytes.NewReader(out.Bytes()), ReaderOptions{})
			if len(all) != 0 || err != io.EOF {
				t.Errorf("%d packets, %v", len(all), err)
			}
		}
	}
}

// TestOthersReadLongFrames writes frames longer than any that Wireshark and libpcap take.
func TestOthersReadLongFrames(t *testing.T) {
	c, err := firstChunk(longFile(t, 60, MaxCaptured, MaxCaptured+1, 300_000, 61))
	if err != nil {
		t.Fatal(err)
	}
	files := map[string][]byte{}
	for name, kind := range map[string]Kind{"pcapng": Pcapng, "pcap": Pcap} {
		var out bytes.Buffer
		w := NewFileWriter(&out, FileOptions{Kind: kind})
		if err := errors.Join(w.WriteChunk(c), w.Flush()); err != nil {
			t.Fatal(err)
		}
		if n := w.Counters().Cut; n != 2 {
			t.Errorf("%s: %d packets cut", name, n)
		}
		files[name] = out.Bytes()
	}
	var w Rewriter
	files["rewritten"] = rewrite(t, &w, ChunkSize, longFile(t, 60, MaxCaptured, MaxCaptured+1, 300_000, 61))
	if n := w.Counters().Cut; n != 2 {
		t.Errorf("%d packets cut", n)
	}
	want := "60\t60\n262144\t262144\n262144\t262145\n262144\t300000\n61\t61\n"
	for name, b := range files {
		if got := run(t, b, "tshark", "-r", "FILE", "-T", "fields", "-e", "frame.cap_len", "-e", "frame.len"); got != want {
			t.Errorf("%s: tshark reads\n%s", name, got)
		}
		if n := tcpdumped(t, b); n != 5 {
			t.Errorf("%s: tcpdump reads %d packets", name, n)
		}
	}
}

// tcpdumped is how many packets tcpdump reads.
func tcpdumped(t *testing.T, b []byte) (n int) {
	for line := range strings.Lines(run(t, b, "tcpdump", "-nr", "FILE")) {
		if !strings.HasPrefix(line, "\t") { // not one of the bytes
			n++
		}
	}
	return n
}

func longFile(t *testing.T, sizes ...int) []byte {
	t.Helper()
	b := foreignPcap(binary.LittleEndian, pcapMagic)[:24:24]
	binary.LittleEndian.PutUint32(b[16:], MaxCaptured)
	for i, n := range sizes {
		b = binary.LittleEndian.AppendUint32(b, uint32(i))
		b = binary.LittleEndian.AppendUint32(b, 0)
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
		b = append(b, frame(n, byte(i))...)
	}
	return b
}

func firstChunk(file []byte) (*Chunk, error) {
	r, err := NewReader(bytes.NewReader(file), ReaderOptions{})
	if err != nil {
		return nil, err
	}
	return r.Next()
}

func TestPcapHasOneLinkType(t *testing.T) {
	c, err := firstChunk(foreignPcapng(false))
	if err != nil {
		t.Fatal(err)
	}
	w := NewFileWriter(io.Discard, FileOptions{Kind: Pcap})
	err = w.WriteChunk(c)
	var l *LinkError
	if !errors.As(err, &l) || l.Have != 1 || l.Want != 113 || w.Counters().Packets != 1 {
		t.Errorf("%v", err)
	}
	if err := w.WriteBuilt(builtChunk()); err != nil {
		t.Errorf("a packet that fits is refused after one that did not: %v", err)
	}
}

func TestBuiltChunksKeepTheirNumbers(t *testing.T) {
	c := builtChunk()
	w := NewFileWriter(io.Discard, FileOptions{Interfaces: c.Interfaces[1:]})
	if err := w.WriteBuilt(c); err == nil || !strings.Contains(err.Error(), "eth0") {
		t.Error(err)
	}
	var out bytes.Buffer
	w = NewFileWriter(&out, FileOptions{})
	if err := errors.Join(w.WriteBuilt(c), w.WriteBuilt(c), w.Flush()); err != nil {
		t.Fatal(err)
	}
	all, r, err := readAll(t, &out, ReaderOptions{})
	if len(all) != 8 || len(r.Interfaces()) != 2 || err != io.EOF {
		t.Errorf("%d packets, %d interfaces, %v", len(all), len(r.Interfaces()), err)
	}
	if k := w.Counters(); k.Packets != 8 || k.Bytes != r.Counters().Bytes {
		t.Errorf("%+v", k)
	}
}

func TestWriterErrorsStick(t *testing.T) {
	full := errors.New("disk full")
	w := NewFileWriter(failing{full}, FileOptions{})
	if err := w.WriteBuilt(builtChunk()); !errors.Is(err, full) {
		t.Error(err)
	}
	if err := w.WriteChunk(builtChunk()); !errors.Is(err, full) {
		t.Error(err)
	}
	if err := w.Flush(); !errors.Is(err, full) {
		t.Error(err)
	}
	if w.Counters().Packets != 0 {
		t.Errorf("%+v", w.Counters())
	}
	if err := NewFileWriter(io.Discard, FileOptions{Kind: Snoop}).Flush(); err == nil {
		t.Error("a snoop file is written")
	}
	if err := NewFileWriter(io.Discard, FileOptions{}).WriteStatistics(Statistics{}); err == nil {
		t.Error("statistics of no interface are written")
	}
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

func TestTimesThatFormatsCannotSay(t *testing.T) {
	f := &foreignFile{order: binary.LittleEndian}
	f.section()
	f.face(1, 0, func() {
		f.option(optionIfTSResol, []byte{0})
		f.option(optionIfTSOffset, binary.LittleEndian.AppendUint64(nil, uint64(0xffffffffffffff9c))) // -100
	})
	for _, seconds := range []uint64{0, 100, 1<<32 + 99, 1<<32 + 100, 1 << 40} {
		f.enhanced(0, seconds, 14, frame(14, 0), nil)
	}
	c, err := firstChunk(f.b)
	if err != nil {
		t.Fatal(err)
	}
	const never = 1<<63 - 1
	for kind, want := range map[Kind][]int64{
		Pcapng: {0, 0, (1<<32 - 1) * 1e9, 1 << 32 * 1e9, never},
		Pcap:   {0, 0, (1<<32 - 1) * 1e9, (1<<32-1)*1e9 + 999999999, (1<<32-1)*1e9 + 999999999},
	} {
		var out bytes.Buffer
		w := NewFileWriter(&out, FileOptions{Kind: kind})
		if err := errors.Join(w.WriteChunk(c), w.Flush()); err != nil {
			t.Fatal(err)
		}
		all, _, err := readAll(t, &out, ReaderOptions{})
		if err != io.EOF {
			t.Fatal(err)
		}
		for i, s := range all {
			if s.time != want[i] {
				t.Errorf("kind %d, packet %d: %d, want %d", kind, i, s.time, want[i])
			}
		}
		if n := map[Kind]uint64{Pcapng: 1, Pcap: 3}[kind]; w.Counters().Clamped != n {
			t.Errorf("kind %d: %d clamped", kind, w.Counters().Clamped)
		}
	}
}

// TestLongOptions cuts texts that no option can hold, between characters.
func TestLongOptions(t *testing.T) {
	long := strings.Repeat("☂", 30_000)
	b := AppendSectionHeader(nil, Section{Comments: []string{long}})
	b = AppendInterface(b, Interface{Name: "x", Link: packet.LinkEthernet})
	b = AppendStatistics(b, Statistics{Comments: []string{long, "short"}})
	b = AppendPacket(b, 0, 1, 2, []byte{1}, PacketOptions{Comments: []string{"", long}})
	_, r, err := readAll(t, bytes.NewReader(b), ReaderOptions{})
	if err != io.EOF {
		t.Fatal(err)
	}
	kept := strings.Repeat("☂", maxOption/3)
	if s := r.Statistics()[0].Comments; len(s) != 2 || s[0] != kept || s[1] != "short" {
		t.Errorf("%d comments", len(s))
	}
	if s := r.Sections()[0].Comments; len(s) != 1 || s[0] != kept {
		t.Errorf("%d comments", len(s))
	}
}

func TestAddresses(t *testing.T) {
	for in, want := range map[string]string{
		"192.0.2.1/24": "192.0.2.1/24", "192.0.2.1": "192.0.2.1/32", "0.0.0.0/0": "0.0.0.0/0",
		"2001:db8::1/64": "2001:db8::1/64", "fe80::1%eth0": "fe80::1/128", "::/0": "::/0",
		"not an address": "", "192.0.2.1/33": "", "": "",
	} {
		b := AppendInterface(nil, Interface{Addresses: []string{in}})
		got := strings.Join(parseInterface(b, false).Addresses, " ")
		if got != want {
			t.Errorf("%q: %q, want %q", in, got, want)
		}
	}
}

func TestOptionSizes(t *testing.T) {
	for _, o := range []PacketOptions{
		{}, {HasFlags: true}, {Comments: []string{"", "a", "abcd", strings.Repeat("a", 70_000)}},
		{Hashes: [][]byte{{1}, {1, 2, 3, 4, 5}}, DropCount: 1, PacketID: 1, HasFlags: true},
	} {
		for _, n := range []int{0, 1, 2, 3, 4} {
			b := AppendPacket(nil, 0, 0, 0, make([]byte, n), o)
			if len(b) != minEnhancedPacket+(n+3)&^3+o.size() {
				t.Errorf("%d bytes for %d and options of %d", len(b), n, o.size())
			}
			// The size need not be exact for a text cut between characters, but never less.
			built := NewBuilder(make([]byte, 0, len(b)))
			if !built.PacketWith(0, 0, 0, make([]byte, n), o) || cap(built.Bytes()) != cap(b) && len(built.Bytes()) != len(b) {
				t.Error("does not fit where it must")
			}
			if built.PacketWith(0, 0, 0, nil, PacketOptions{}) {
				t.Error("fits where it cannot")
			}
		}
	}
}
