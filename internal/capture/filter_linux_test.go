package capture

import (
	"bytes"
	"net"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/filter"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// compile is how the program joins the filter language to the capture.
func compile(expr string) Compile {
	return func(i InterfaceInfo) ([]Instruction, error) {
		p, err := filter.Compile(expr, filter.Target{LinkType: int(i.Link), Live: LinuxExtensions})
		if err != nil {
			return nil, err
		}
		list := make([]Instruction, len(p.Ins))
		for k, ins := range p.Ins {
			list[k] = Instruction(ins)
		}
		return list, nil
	}
}

// The kernel runs the filter on what it has of a frame, which is neither the frame on the
// wire nor the packet in the file: tags are taken out, cooked headers are not yet there. A
// live capture has to take what tcpdump takes.
func TestFilterLanguageLive(t *testing.T) {
	newNetns(t)
	veth(t)
	out := newSender(t, "va")
	arp := make([]byte, 60)
	copy(arp, []byte{255, 255, 255, 255, 255, 255, 2, 0, 0, 0, 0, 1, 8, 6, 0, 1, 8, 0, 6, 4, 0, 1})
	v6 := make([]byte, 70)
	copy(v6, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x86, 0xdd, 0x60, 0, 0, 0, 0, 16, 17, 64})
	copy(v6[22:], net.ParseIP("fd09::1"))
	copy(v6[38:], net.ParseIP("fd09::2"))
	copy(v6[54:], []byte{0x0f, 0xa0, 0, 53, 0, 16})
	frames := [][]byte{
		frame(60, 1, 53), frame(300, 2, 54), tagged(frame(60, 3, 53), 0x8100, 5), tagged(frame(60, 4, 54), 0x88a8, 6), arp, v6,
	}
	for _, c := range []struct{ iface, expr string }{
		{"vb", "udp port 53"},
		{"vb", "not udp port 53"},
		{"vb", "vlan"},
		{"vb", "vlan 5 and udp"},
		{"vb", "ip6 or arp"},
		{"vb", "greater 200"},
		{"vb", "inbound and host 10.9.0.1"},
		{"vb", "outbound"},
		{"vb", "ether broadcast"},
		{"any", "udp port 53"},
		{"any", "not ip"},
		{"any", "ip6 and port 53"},
		{"any", "greater 200"},
		{"any", "outbound and src net 10.9.0.0/16"},
		{"any", "udp[4:2] > 100"},
	} {
		d := startTcpdump(t, "-i", c.iface, "-s", "2048", "-B", "8192", c.expr)
		s := open(t, Options{Interfaces: []string{c.iface}, Program: compile(c.expr), BufferBytes: 2 << 20})
		for _, f := range frames {
			out.send(t, f)
		}
		// libpcap runs its filter itself on the first packets, without the kernel's
		// knowledge of direction and tags, and takes others than afterwards.
		second := time.Now().UnixNano()
		for _, f := range frames {
			out.send(t, f)
		}
		got := drain(t, s)
		want := since(d.stop(t, len(got)), second)
		got = since(got, second)
		if len(got) != len(want) {
			t.Errorf("%s, %s: %d packets, tcpdump %d", c.iface, c.expr, len(got), len(want))
			continue
		}
		for i := range got {
			if got[i].time != want[i].time {
				t.Errorf("%s, %s: packet %d is not tcpdump's", c.iface, c.expr, i)
			}
		}
		if strings.HasPrefix(c.expr, "udp port") && len(got) == 0 {
			t.Errorf("%s, %s: nothing was sent", c.iface, c.expr)
		}
	}
}

// since returns the packets from a time on.
func since(list []captured, t int64) []captured {
	return slices.DeleteFunc(list, func(p captured) bool { return p.time < t })
}

// A tunnel device has no link-layer header.
func TestRawIP(t *testing.T) {
	newNetns(t)
	fd, err := unix.Open("/dev/net/tun", unix.O_RDWR|unix.O_CLOEXEC, 0)
	if os.IsNotExist(err) {
		t.Skip("no tun devices here")
	}
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = unix.Close(fd) }()
	var request struct { // struct ifreq
		name  [unix.IFNAMSIZ]byte
		flags uint16
		_     [22]byte
	}
	copy(request.name[:], "tun9")
	request.flags = unix.IFF_TUN | unix.IFF_NO_PI
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(fd), unix.TUNSETIFF, uintptr(unsafe.Pointer(&request))); errno != 0 {
		t.Fatal(errno)
	}
	ip(t, "link set tun9 up")
	s := open(t, Options{Interfaces: []string{"tun9"}})
	if link := s.Interfaces()[0].Link; link != packet.LinkRaw {
		t.Fatalf("link type %d", link)
	}
	datagram := frame(100, 1, 53)[14:]
	if _, err := unix.Write(fd, datagram); err != nil {
		t.Fatal(err)
	}
	if got := take(t, s, 1); len(got) != 1 || !bytes.Equal(got[0].data, datagram) || got[0].dir != packet.DirectionReceived {
		t.Errorf("%+v", got)
	}
}
