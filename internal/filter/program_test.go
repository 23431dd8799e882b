package filter

import (
	"strings"
	"testing"
)

func text(t *testing.T, expr string, target Target, style DumpStyle) string {
	t.Helper()
	p, err := Compile(expr, target)
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	var b strings.Builder
	if err := p.Dump(&b, style); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// The three forms are tcpdump's, to the space.
func TestDump(t *testing.T) {
	for style, want := range map[DumpStyle]string{
		DumpText: "(000) ldh      [12]\n(001) jeq      #0x800           jt 2\tjf 5\n(002) ldb      [23]\n" +
			"(003) jeq      #0x6             jt 4\tjf 5\n(004) ret      #262144\n(005) ret      #0\n",
		DumpC: "{ 0x28, 0, 0, 0x0000000c },\n{ 0x15, 0, 3, 0x00000800 },\n{ 0x30, 0, 0, 0x00000017 },\n" +
			"{ 0x15, 0, 1, 0x00000006 },\n{ 0x6, 0, 0, 0x00040000 },\n{ 0x6, 0, 0, 0x00000000 },\n",
		DumpDecimal: "6\n40 0 0 12\n21 0 3 2048\n48 0 0 23\n21 0 1 6\n6 0 0 262144\n6 0 0 0\n",
	} {
		if got := text(t, "ip proto 6", ether, style); got != want {
			t.Errorf("style %d:\n%s\nwant\n%s", style, got, want)
		}
	}
}

// What the kernel is asked for on live captures: tags, direction and interface from its metadata, and on a cooked
// socket the protocol, and offsets from the network header.
func TestLivePrograms(t *testing.T) {
	for _, c := range []struct {
		expr string
		link int
		want string
	}{
		{"inbound", linkEther, "ldh [type] jeq #0x4 ret #262144 ret #0"},
		{"ifindex 7", linkEther, "ld [ifidx] jeq #0x7 ret #262144 ret #0"},
		{"vlan", linkEther, "ldb [vlanp] jeq #0x1 ldh [12] jeq #0x8100 jeq #0x88a8 jeq #0x9100 ret #262144 ret #0"},
		{"ip", linkSLL2, "ldh [proto] jeq #0x800 ret #262144 ret #0"},
		{"ip proto 6", linkSLL2, "ldh [proto] jeq #0x800 ldb [9] jeq #0x6 ret #262144 ret #0"},
		{"ip proto 6", linkSLL, "ldh [proto] jeq #0x800 ldb [9] jeq #0x6 ret #262144 ret #0"},
		{"outbound", linkSLL2, "ldb [type] jeq #0x4 ret #262144 ret #0"},
		{"ifindex 3", linkSLL2, "ld [ifidx] jeq #0x3 ret #262144 ret #0"},
		{"len > 100", linkSLL2, "ld #pktlen add #20 jgt #0x64 ret #262144 ret #0"},
		{"ifname eth0", linkEther, "ld [ifidx] jeq #0x3 ret #262144 ret #0"},
	} {
		got := text(t, c.expr, Target{LinkType: c.link, Live: true, Resolver: noNames{}}, DumpText)
		var words []string
		for line := range strings.SplitSeq(strings.TrimSpace(got), "\n") {
			f := strings.Fields(line)
			words = append(words, f[1], f[2])
		}
		if s := strings.Join(words, " "); s != c.want {
			t.Errorf("%s on %s:\n%s\nwant\n%s", c.expr, LinkTypeName(c.link), s, c.want)
		}
	}
	for _, s := range []string{"link[12] = 1", "link[len - 5] = 1"} {
		if _, err := Compile(s, Target{LinkType: linkSLL2, Live: true}); err == nil || !strings.Contains(err.Error(), "cooked header") {
			t.Errorf("%s: %v", s, err)
		}
	}
}

func TestSnapLen(t *testing.T) {
	for _, c := range []struct{ snap, want int }{{0, DefaultSnapLen}, {96, 96}, {65535, 65535}} {
		for _, s := range []string{"", "tcp", "1 = 1"} {
			p, err := Compile(s, Target{LinkType: linkEther, SnapLen: c.snap})
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Run(tcp4, len(tcp4)); int(got) != c.want {
				t.Errorf("%q, snapshot length %d: result %d", s, c.snap, got)
			}
		}
	}
	if _, err := Compile("tcp", Target{LinkType: linkEther, SnapLen: -1}); err == nil {
		t.Error("a negative snapshot length is taken")
	}
}

func TestNetmask(t *testing.T) {
	k := append([]byte(nil), tcp4...)
	copy(k[30:], []byte{10, 0, 0, 255})
	for _, c := range []struct {
		mask uint32
		want bool
	}{{0xffffff00, true}, {0xffff0000, false}, {0, false}} {
		p, err := Compile("ip broadcast", Target{LinkType: linkEther, Netmask: c.mask})
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(k, len(k)); got != c.want {
			t.Errorf("netmask %#x: %v", c.mask, got)
		}
	}
	if _, err := Compile("ip broadcast", Target{LinkType: linkEther, Netmask: NetmaskUnknown}); err == nil {
		t.Error("without a netmask, ip broadcast is taken")
	}
}

// A loopback capture has its address family in the byte order of the machine that made it.
func TestByteOrder(t *testing.T) {
	v4 := append([]byte{2, 0, 0, 0}, tcp4[14:]...)
	big := append([]byte{0, 0, 0, 2}, tcp4[14:]...)
	for _, c := range []struct {
		target Target
		packet []byte
		want   bool
	}{
		{Target{LinkType: linkNull}, v4, true}, {Target{LinkType: linkNull}, big, false},
		{Target{LinkType: linkNull, BigEndian: true}, big, true}, {Target{LinkType: linkLoop}, big, true}, {Target{LinkType: linkLoop}, v4, false},
	} {
		p, err := Compile("tcp port 80", c.target)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(c.packet, len(c.packet)); got != c.want {
			t.Errorf("%+v: %v", c.target, got)
		}
	}
}

func TestLinkTypeNames(t *testing.T) {
	for name, want := range map[string]int{"EN10MB": 1, "en10mb": 1, "DLT_LINUX_SLL2": 276, "RAW": 101, "null": 0} {
		if got, ok := LinkTypeByName(name); !ok || got != want {
			t.Errorf("%s = %d, %v", name, got, ok)
		}
	}
	if _, ok := LinkTypeByName("nonsense"); ok {
		t.Error("nonsense is a link type")
	}
	if LinkTypeName(12) != "RAW" || LinkTypeName(9999) != "" {
		t.Error("names of link types")
	}
	// What is not known has its bytes and its length, and nothing else.
	for s, ok := range map[string]bool{"link[0] = 1": true, "len > 5": true, "tcp": false, "host 10.0.0.1": false} {
		if _, err := Compile(s, Target{LinkType: 9999}); (err == nil) != ok {
			t.Errorf("%s on an unknown link type: %v", s, err)
		}
	}
}

func TestRunDoesNotAllocate(t *testing.T) {
	for _, s := range []string{"tcp port 80 and host 10.0.0.1", "tcp[((tcp[12:1] & 0xf0) >> 2):4] = 0x47455420", "geneve and tcp"} {
		p, err := Compile(s, ether)
		if err != nil {
			t.Fatal(err)
		}
		if n := testing.AllocsPerRun(100, func() { p.Match(tcp4, len(tcp4)) }); n != 0 {
			t.Errorf("%s: %v allocations", s, n)
		}
	}
}

// Any prefix of a packet is a packet: nothing reads beyond the captured bytes.
func TestShortPackets(t *testing.T) {
	for _, s := range []string{"tcp port 80", "not tcp", "vlan and ip6", "ip[ip[0] & 0xf] > 3", "geneve or vxlan", "tcp[len] = 1"} {
		p, err := Compile(s, ether)
		if err != nil {
			t.Fatal(err)
		}
		for n := range len(tcp4) {
			p.Match(tcp4[:n:n], len(tcp4))
		}
		p.Match(nil, 0)
	}
}

// VXLAN is not in libpcap 1.10.
func TestVXLAN(t *testing.T) {
	frame := append([]byte(nil), tcp4...)
	udp := append([]byte{0x0f, 0xa0, 0x12, 0xb5, 0, 0, 0, 0, 8, 0, 0, 0, 0, 0, 11, 0}, frame...)
	outer := append(append([]byte(nil), tcp4[:34]...), udp...)
	outer[23] = 17
	for s, want := range map[string]bool{"vxlan": true, "vxlan 11": true, "vxlan 12": false, "vxlan and tcp port 80": true,
		"vxlan and ether src 02:00:00:00:00:01": true, "vxlan and udp": false, "not vxlan": false, "vxlan and vlan": false} {
		p, err := Compile(s, ether)
		if err != nil {
			t.Fatal(err)
		}
		if got := p.Match(outer, len(outer)); got != want {
			t.Errorf("%s: %v", s, got)
		}
	}
}
