package capture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"slices"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// datagrams sends n UDP datagrams over lo.
func datagrams(t *testing.T, n int) {
	t.Helper()
	c, err := net.DialUDP("udp4", nil, &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5300})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	// Somebody listens so that no ICMP error comes back.
	l, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 5300})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = l.Close() }()
	for i := range n {
		if _, err := fmt.Fprintf(c, "datagram %d", i); err != nil {
			t.Fatal(err)
		}
	}
}

func TestLoopbackOnce(t *testing.T) {
	newNetns(t)
	for _, c := range []struct {
		name string
		dir  Direction
		want packet.Direction
	}{
		{"inout", InOut, packet.DirectionReceived},
		{"in", In, packet.DirectionReceived},
		{"out", Out, packet.DirectionSent},
	} {
		s := open(t, Options{Interfaces: []string{"lo"}, Direction: c.dir})
		datagrams(t, 50)
		got := drain(t, s)
		if len(got) != 50 {
			t.Errorf("%s: %d packets, want 50", c.name, len(got))
		}
		for i, p := range got {
			if p.dir != c.want || !bytes.HasSuffix(p.data, fmt.Appendf(nil, "datagram %d", i)) {
				t.Fatalf("%s: packet %d: %v % x", c.name, i, p.dir, p.data)
			}
		}
	}
}

func TestDirection(t *testing.T) {
	newNetns(t)
	veth(t)
	for _, c := range []struct {
		name     string
		dir      Direction
		iface    string
		sent, in int // packets
	}{
		{"inout", InOut, "vb", 20, 30},
		{"in", In, "vb", 0, 30},
		{"out", Out, "vb", 20, 0},
		{"any inout", InOut, AnyInterface, 50, 50},
		{"any in", In, AnyInterface, 0, 50},
		{"any out", Out, AnyInterface, 50, 0},
	} {
		s := open(t, Options{Interfaces: []string{c.iface}, Direction: c.dir})
		a, b := newSender(t, "va"), newSender(t, "vb")
		for i := range 30 {
			a.send(t, frame(60, i, 53))
		}
		for i := range 20 {
			b.send(t, frame(60, i, 53))
		}
		count := map[packet.Direction]int{}
		for _, p := range drain(t, s) {
			count[p.dir]++
		}
		if count[packet.DirectionSent] != c.sent || count[packet.DirectionReceived] != c.in || len(count) > 2 {
			t.Errorf("%s: %v, want %d sent and %d received", c.name, count, c.sent, c.in)
		}
		if got := s.Counters(); got.Received != uint64(c.sent+c.in) || got.Skipped != 0 {
			t.Errorf("%s: counters %+v", c.name, got)
		}
	}
}

func TestAny(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{AnyInterface}})
	cut := open(t, Options{Interfaces: []string{AnyInterface}, SnapLen: 30})
	d := startTcpdump(t, "-i", "any", "-s", "2048", "-B", "8192")
	out := newSender(t, "va")
	for i := range 20 {
		out.send(t, frame(100+i, i, 53))
	}
	datagrams(t, 20)
	got := take(t, s, 60)
	want := d.stop(t, 60)
	if len(got) != 60 || len(want) != 60 {
		t.Fatalf("%d packets, tcpdump %d, want 60: out of va, into vb, lo once", len(got), len(want))
	}
	for i, p := range take(t, cut, 60) {
		if !bytes.Equal(p.data, got[i].data[:30]) || p.wireLen != got[i].wireLen {
			t.Fatalf("packet %d cut at 30: % x of %d", i, p.data, p.wireLen)
		}
	}
	for i, p := range got {
		if !bytes.Equal(p.data, want[i].data) || p.wireLen != want[i].wireLen || p.time != want[i].time {
			t.Fatalf("packet %d:\n% x, tcpdump's\n% x", i, p.data, want[i].data)
		}
	}

	// tcpdump forgets VLAN tags here; they stand behind the cooked header as on the wire.
	f := frame(100, 1, 53)
	out.send(t, tagged(f, 0x88a8, 0x2abc))
	p := take(t, s, 2)[1]
	tag := []byte{0x2a, 0xbc, 0x08, 0x00}
	if binary.BigEndian.Uint16(p.data) != 0x88a8 || !bytes.Equal(p.data[20:24], tag) || !bytes.Equal(p.data[24:], f[14:]) {
		t.Errorf("tagged packet: % x", p.data)
	}
	if int(p.wireLen) != len(p.data) {
		t.Errorf("%d bytes, %d on the wire", len(p.data), p.wireLen)
	}
}

func TestSeveralInterfaces(t *testing.T) {
	newNetns(t)
	veth(t)
	s := open(t, Options{Interfaces: []string{"vb", "lo", "vb", "va"}})
	var names []string
	for _, i := range s.Interfaces() {
		names = append(names, i.Name)
	}
	if want := []string{"vb", "lo", "va"}; !slices.Equal(names, want) {
		t.Fatalf("interfaces %v, want %v", names, want)
	}
	out := newSender(t, "va")
	for i := range 30 {
		out.send(t, frame(60, i, 53))
	}
	datagrams(t, 7)
	count := map[uint32]int{}
	for _, p := range take(t, s, 67) {
		count[p.iface]++
	}
	if count[0] != 30 || count[1] != 7 || count[2] != 30 {
		t.Errorf("packets by interface %v", count)
	}
	c := s.Counters()
	if len(c.PerInterface) != 3 || c.PerInterface[1].Delivered != 7 || c.Received != 67 {
		t.Errorf("counters %+v", c)
	}
}

func TestPromiscuous(t *testing.T) {
	newNetns(t)
	veth(t)
	state := func() bool { return strings.Contains(ip(t, "-d link show vb"), "promiscuity 1") }
	s := open(t, Options{Interfaces: []string{"vb"}, Promiscuous: true})
	if !state() {
		t.Error("vb is not promiscuous")
	}
	drain(t, s)
	if state() {
		t.Error("vb has remained promiscuous")
	}
	open(t, Options{Interfaces: []string{"vb"}})
	if state() {
		t.Error("vb was made promiscuous")
	}
}

func TestListAndDescriptions(t *testing.T) {
	newNetns(t)
	veth(t)
	ip(t, "addr add 10.9.0.2/24 dev vb")
	ip(t, "route add default via 10.9.0.1 dev vb")
	ip(t, "link set vb mtu 1400 alias uplink")
	list, err := List()
	if err != nil {
		t.Fatal(err)
	}
	vb, err := lookup(list, "vb")
	if err != nil {
		t.Fatal(err)
	}
	if !vb.Up || !vb.Running || vb.Loopback || !vb.Default || vb.MTU != 1400 || len(vb.MAC) != 6 ||
		vb.Link != packet.LinkEthernet || !vb.HasCounters || vb.Description != "uplink" || vb.native.kind != "veth" ||
		!slices.Equal(vb.Addresses, []netip.Prefix{netip.MustParsePrefix("10.9.0.2/24")}) {
		t.Errorf("%+v", vb)
	}
	if d, ok := DefaultInterface(list); !ok || d.Name != "vb" {
		t.Errorf("default interface %q", d.Name)
	}
	if last := list[len(list)-1]; last.Name != AnyInterface {
		t.Errorf("the last is %q", last.Name)
	}
	d := open(t, Options{Interfaces: []string{"vb"}, SnapLen: 99, Expression: "udp"}).Interfaces()[0]
	if d.Name != "vb" || d.Description != "uplink" || d.Filter != "udp" || !strings.HasPrefix(d.OS, "Linux ") ||
		!strings.HasPrefix(d.Hardware, "veth") || d.SnapLen != 99 || d.Resolution.UnitsPerSecond != 1e9 ||
		!slices.Equal(d.Addresses, []string{"10.9.0.2/24"}) {
		t.Errorf("%+v", d)
	}
}

func TestNoSuchInterface(t *testing.T) {
	newNetns(t)
	veth(t)
	_, err := Open(Options{Interfaces: []string{"lo", "av"}})
	var e *NoSuchInterfaceError
	if !errors.As(err, &e) {
		t.Fatalf("error %v", err)
	}
	if e.Name != "av" || len(e.Nearest) == 0 || e.Nearest[0] != "va" || !slices.Contains(e.Available, "vb") {
		t.Errorf("%+v", e)
	}
}
