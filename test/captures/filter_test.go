package captures_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// displayFilters are asked of captures, of tshark and of the program.
var displayFilters = []struct{ file, filter string }{
	{"zeek__ssh-dups.pcap", "tcp.flags.syn == 1"},
	{"zeek__ssh-dups.pcap", "tcp.flags.reset"},
	{"zeek__ssh-dups.pcap", `tcp contains "SSH"`},
	{"zeek__ssh-dups.pcap", `tcp.payload matches "^ssh-2\\.0"`},
	{"zeek__ssh-dups.pcap", "tcp.srcport == 22 && tcp.len > 100"},
	{"zeek__ssh-dups.pcap", "ip.src != 192.168.0.102"},
	{"zeek__ssh-dups.pcap", "frame.time_relative > 0.1 && frame.number < 300"},
	{"zeek__ssh-dups.pcap", "frame.time_delta > 0"},
	{"zeek__ssh-dups.pcap", "frame.time_delta_displayed > 0.01"},
	{"zeek__ssh-dups.pcap", "eth.src[0:3] == 38:f9:d3"},
	{"zeek__ssh-dups.pcap", "tcp.stream == 0 && tcp.analysis.retransmission"},
	{"zeek__vxlan.pcap", "ip.addr == 10.0.0.0/8"},
	{"zeek__vxlan.pcap", "!(ip.addr == 10.0.0.1)"},
	{"zeek__vxlan.pcap", "ip.src#2 == 10.0.0.2"},
	{"zeek__vxlan.pcap", "icmp || arp.opcode == 1"},
	{"zeek__vxlan.pcap", "count(ip.addr) == 4"},
	{"zeek__Teredo.pcap", "ipv6.addr == 2001::/32 && udp.port == 3544"},
	{"zeek__Teredo.pcap", "tcp or icmpv6"},
	{"zeek__pppoe-over-qinq.pcap", "vlan.id == 2474 && pppoe.session_id"},
	{"zeek__pppoe-over-qinq.pcap", "tcp.port in {80, 443} and tcp.flags & 0x02"},
	{"zeek__mpls-6in6-broken.pcap.gz", "mpls.label > 16 || ipv6.nxt == 41"},
	{"arkime__gtp-iphone.pcap", "gtp && tcp.dstport == 80"},
	{"arkime__gtp-iphone.pcap", "all ip.ttl > 60"},
	{"arkime__wireshark-retrans.pcap", "frame.len > 100 && !(tcp.flags.push == 1)"},
	{"arkime__wireshark-retrans.pcap", "tcp.analysis.retransmission || tcp.analysis.duplicate_ack"},
	{"PcapPlusPlus__solaris.snoop", "tcp.window_size_value in {0..5000, 8760}"},
	{"PcapPlusPlus__many_interfaces-1.pcapng", `frame.interface_id == 1 || frame.interface_name contains "x"`},
	{"PcapPlusPlus__microsecs_big_endian.pcap", "frame.time_epoch > 1000000000 && udp"},
	{"tcpdump__bigtcp-ipv6-hbh.pcap", "frame.len > 65535 || ipv6.hopopts"},
	{"brimcap__loopback.pcap", "tcp.srcport > tcp.dstport"},
	{"zeek__reassembly.pcap", "ip.flags.mf == 1 || ip.frag_offset > 0"},
	{"suricata-verify__decode-sll2-02.pcap", "sll.pkttype == 4 && udp.dstport == 53"},
	{"zeek__206_example_b.pcap", "udp && frame.len < 100 || tcp.flags.fin == 1"},
	{"beats__mysql_with_gap.pcap", `frame contains "SELECT" and tcp.dstport != 3307`},
}

func needTshark(t *testing.T) {
	t.Helper()
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tshark is not installed")
		}
		t.Skip("tshark is not installed")
	}
}

func TestDisplayFiltersAgreeWithTshark(t *testing.T) {
	dir := shared(t)
	needTshark(t)
	bin := program(t)
	for i, c := range displayFilters {
		t.Run(c.file+" "+c.filter, func(t *testing.T) {
			args := []string{"-Y", c.filter, "-T", "fields", "-e", "frame.number"}
			file := filepath.Join(dir, c.file)
			want, err := exec.Command("tshark", append([]string{"-n", "-r", file}, args...)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			got, err := exec.Command(bin, append(append([]string{"read"}, args...), file)...).Output()
			if err != nil {
				t.Fatal(err)
			}
			if !bytes.Equal(got, want) {
				t.Errorf("frames %s\ntshark says %s", strings.Fields(string(got)), strings.Fields(string(want)))
			}
			if i%4 != 0 {
				return // the other commands filter in one way
			}
			n := uint64(len(bytes.Fields(want)))
			out, err := exec.Command(bin, "stats", "--json", "-Y", c.filter, file).Output()
			var d document
			if err = errors.Join(err, json.Unmarshal(out, &d)); err != nil {
				t.Fatal(err)
			}
			if d.Packets != n {
				t.Errorf("stats counts %d packets, tshark %d", d.Packets, n)
			}
			part := filepath.Join(t.TempDir(), "part.pcapng")
			if out, err := exec.Command(bin, "read", "-Y", c.filter, "-w", part, file).CombinedOutput(); err != nil {
				t.Fatalf("%v\n%s", err, out)
			}
			out, err = exec.Command(bin, "stats", "--json", part).Output()
			if err = errors.Join(err, json.Unmarshal(out, &d)); err != nil {
				t.Fatal(err)
			}
			if d.Packets != n {
				t.Errorf("-w writes %d packets, tshark finds %d", d.Packets, n)
			}
		})
	}
}

// TestWrongDisplayFilter holds the exit code and where the error points to.
func TestWrongDisplayFilter(t *testing.T) {
	dir := shared(t)
	bin := program(t)
	file := filepath.Join(dir, "zeek__vxlan.pcap")
	for _, args := range [][]string{
		{"read", file}, {"stats", file}, {"read", "-T", "fields", "-e", "ip.src", file}, {"read", "--json", "-", file},
	} {
		cmd := exec.Command(bin, append([]string{args[0], "-Y", "ip.src == 10.0.0.1 && tcp.prot == 80"}, args[1:]...)...)
		var stderr bytes.Buffer
		cmd.Stderr = &stderr
		out, err := cmd.Output()
		var exit *exec.ExitError
		if !errors.As(err, &exit) || exit.ExitCode() != 4 {
			t.Errorf("%v: %v, want exit code 4", args, err)
		}
		const want = `display filter, column 23: no field "tcp.prot"; did you mean tcp.port?`
		if !strings.Contains(stderr.String(), want) || len(out) > 0 {
			t.Errorf("%v: prints %q and %q", args, out, stderr.String())
		}
	}
}
