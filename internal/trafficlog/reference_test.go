package trafficlog

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// root returns the repository's folder.
func root(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../..")
	must(t, err)
	return dir
}

// python returns an interpreter that has scapy.
func python(t *testing.T) string {
	t.Helper()
	for _, name := range []string{"/usr/bin/python3", "python3"} {
		if exec.CommandContext(t.Context(), name, "-c", "import scapy").Run() == nil {
			return name
		}
	}
	if os.Getenv("CI") != "" {
		t.Fatal("scapy is missing: apt-get install python3-scapy")
	}
	t.Skip("scapy is missing (Debian: apt-get install python3-scapy)")
	return ""
}

// record writes the record of a capture file and returns it.
func record(t *testing.T, path string, opt Options) []byte {
	t.Helper()
	f, err := os.Open(path)
	must(t, err)
	defer f.Close()
	r, err := segment.NewReader(f, segment.ReaderOptions{})
	must(t, err)
	defer r.Close()
	var out bytes.Buffer
	l := NewWriter(&out, opt)
	tracker := track.New()
	for {
		c, err := r.Next()
		var damage *segment.DamageError
		if errors.Is(err, io.EOF) || errors.As(err, &damage) {
			break
		}
		must(t, err)
		tracker.Load(c)
		for b := tracker.Next(); b != nil; b = tracker.Next() {
			must(t, l.Apply(context.Background(), b))
		}
		r.Release(c)
	}
	return out.Bytes()
}

// scapyDiffers names the captures where scapy, not the contract, is the reason for other
// lines, with what it does.
var scapyDiffers = map[string]string{
	"PcapPlusPlus__solaris.snoop":   "scapy does not read snoop files",
	"tcpdump__bigtcp-ipv6-hbh.pcap": "scapy takes a jumbogram's payload for 65 535 bytes",
	"zeek__pppoe-over-qinq.pcap":    "an IP header claims more than its PPPoE frame holds: scapy takes padding for payload, tshark does not",
}

// TestReference compares with the old watcher's way of doing it, packet for packet.
func TestReference(t *testing.T) {
	dir := filepath.Join(filepath.Dir(root(t)), "shared", "captures")
	files, _ := filepath.Glob(filepath.Join(dir, "*"))
	if len(files) == 0 {
		t.Skip("no shared/captures beside the repository")
	}
	interpreter := python(t)
	zone, err := time.LoadLocation("America/Sao_Paulo")
	must(t, err)
	const local = "192.168.0.102"
	for _, path := range files {
		name := filepath.Base(path)
		if ext := filepath.Ext(name); ext == ".tsv" || ext == ".md" {
			continue
		}
		t.Run(name, func(t *testing.T) {
			if why := scapyDiffers[name]; why != "" {
				if len(parse(t, record(t, path, Options{UDP: true}))) == 0 {
					t.Error("no lines at all")
				}
				t.Skip("scapy differs: " + why)
			}
			out := filepath.Join(t.TempDir(), "traffic.json")
			cmd := exec.CommandContext(t.Context(), interpreter, filepath.Join(root(t), "test/reference/watcher.py"), "--udp", "--local", local, path, out)
			cmd.Env = append(os.Environ(), "TZ=America/Sao_Paulo")
			if text, err := cmd.CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, text)
			}
			want := bytes.Split(read(t, out), []byte("\n"))
			got := bytes.Split(record(t, path, Options{UDP: true, Location: zone, Local: []netip.Prefix{netip.MustParsePrefix(local + "/32")}}), []byte("\n"))
			for i := range min(len(got), len(want)) {
				if !bytes.Equal(got[i], want[i]) {
					t.Fatalf("line %d of %d:\n%.600s\nthe reference has:\n%.600s", i+1, len(want), got[i], want[i])
				}
			}
			if len(got) != len(want) {
				t.Errorf("%d lines, the reference has %d", len(got)-1, len(want)-1)
			}
			t.Logf("%d lines", len(got)-1)
		})
	}
}
