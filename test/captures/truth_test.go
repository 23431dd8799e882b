// Package captures_test compares what the program says of real captures, made by others,
// with what tshark, capinfos and libpcap say of them.
package captures_test

import (
	"encoding/csv"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// shared returns the folder of the captures, which are no part of the repository.
func shared(t *testing.T) string {
	t.Helper()
	dir, err := filepath.Abs("../../../shared/captures")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(filepath.Join(dir, "truth.tsv")); err != nil {
		t.Skipf("no captures beside the repository: %v", err)
	}
	return dir
}

// program builds the binary once for all tests of the package.
func program(t *testing.T) string {
	t.Helper()
	bin := filepath.Join(t.TempDir(), "tarrafa")
	cmd := exec.Command("go", "build", "-o", bin, "../../cmd/tarrafa")
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := cmd.CombinedOutput(); err != nil {
		t.Fatalf("build: %v\n%s", err, out)
	}
	return bin
}

type amount struct{ Packets, Bytes uint64 }

type document struct {
	Packets, Bytes uint64
	Protocols      map[string]amount
	NonIP          amount `json:"non_ip"`
	Outcomes       map[string]uint64
	Ledger         struct {
		Received, Delivered, Written uint64
		Followers                    []struct{ Applied, Behind, Expired uint64 }
	}
}

func TestStatsAgreeWithTruth(t *testing.T) {
	dir := shared(t)
	bin := program(t)
	f, err := os.Open(filepath.Join(dir, "truth.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	r := csv.NewReader(f)
	r.Comma = '\t'
	rows, err := r.ReadAll()
	if err != nil {
		t.Fatal(err)
	}
	column := map[string]int{}
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, row := range rows[1:] {
		cell := func(name string) string { return row[column[name]] }
		t.Run(cell("capture"), func(t *testing.T) {
			out, err := exec.Command(bin, "stats", "--json", filepath.Join(dir, cell("capture"))).Output()
			if err != nil {
				t.Fatal(err)
			}
			var d document
			if err := json.Unmarshal(out, &d); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			is := func(what string, got uint64, want string) {
				t.Helper()
				// Where tcpdump cannot read the file the truth says rc1.
				if n, err := strconv.ParseUint(want, 10, 64); err == nil && n != got {
					t.Errorf("%s: %d, want %d", what, got, n)
				}
			}
			is("packets", d.Packets, cell("packets"))
			is("bytes", d.Bytes, cell("bytes_wire"))
			// libpcap's tcp and udp know neither PPPoE nor VLAN nor a hop-by-hop header:
			// there tshark is the measure.
			tcp, udp := cell("bpf_tcp"), cell("bpf_udp")
			if strings.Contains(cell("capture"), "pppoe") || strings.Contains(cell("capture"), "bigtcp") {
				tcp, udp = cell("tcp_excl_icmp_quoted"), cell("udp_excl_icmp_quoted")
			}
			is("TCP", d.Protocols["TCP"].Packets, tcp)
			is("UDP", d.Protocols["UDP"].Packets, udp)
			var ip, outcomes uint64
			for _, p := range d.Protocols {
				ip += p.Packets
			}
			for _, n := range d.Outcomes {
				outcomes += n
			}
			if ip+d.NonIP.Packets != d.Packets || outcomes != d.Packets {
				t.Errorf("%d packets, of which %d IP and %d not; %d outcomes", d.Packets, ip, d.NonIP.Packets, outcomes)
			}
			if l := d.Ledger; l.Delivered != l.Written || len(l.Followers) != 1 || l.Followers[0].Applied != l.Written {
				t.Errorf("ledger %+v", l)
			}
		})
	}
}

// fieldNames are those that reading promises to print as tshark does.
var fieldNames = strings.Fields(`frame.number frame.time_epoch frame.len frame.cap_len ip.src ip.dst ipv6.src ipv6.dst
	tcp.srcport tcp.dstport udp.srcport udp.dstport ip.proto tcp.flags tcp.seq_raw tcp.ack_raw tcp.window_size_value tcp.len`)

func TestFieldsAgreeWithTshark(t *testing.T) {
	dir := shared(t)
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tshark is not installed")
		}
		t.Skip("tshark is not installed")
	}
	bin := program(t)
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	var lines, wrong int
	for _, file := range files {
		base := filepath.Base(file)
		if base == "README.md" || base == "truth.tsv" {
			continue
		}
		for _, occurrence := range []string{"a", "f", "l"} {
			args := []string{"-T", "fields", "-E", "occurrence=" + occurrence}
			for _, f := range fieldNames {
				args = append(args, "-e", f)
			}
			want, err := exec.Command("tshark", append([]string{"-n", "-r", file}, args...)...).Output()
			if err != nil {
				t.Fatalf("tshark %s: %v", base, err)
			}
			got, err := exec.Command(bin, append(append([]string{"read"}, args...), file)...).Output()
			if err != nil {
				t.Errorf("%s: %v", base, err)
			}
			w, g := strings.Split(string(want), "\n"), strings.Split(string(got), "\n")
			if len(w) != len(g) {
				t.Errorf("%s: %d lines, tshark prints %d", base, len(g)-1, len(w)-1)
				continue
			}
			bad := 0
			for i := range w {
				lines++
				if w[i] != g[i] {
					wrong++
					if bad++; bad <= 2 {
						t.Logf("%s occurrence=%s\n  tshark  %q\n  tarrafa %q", base, occurrence, w[i], g[i])
					}
				}
			}
		}
	}
	t.Logf("%d of %d lines differ", wrong, lines)
	if wrong*1000 > lines {
		t.Errorf("%d of %d lines differ: more than one in a thousand", wrong, lines)
	}
}
