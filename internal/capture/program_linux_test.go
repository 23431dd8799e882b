package capture

import (
	"encoding/binary"
	"errors"
	"sync/atomic"
	"testing"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// udpPort takes IPv4 UDP datagrams to a port, on Ethernet and cooked links.
func udpPort(port uint32) Compile {
	return func(i InterfaceInfo) ([]Instruction, error) {
		typeAt, ipAt := uint32(12), uint32(14)
		if i.Link == packet.LinkLinuxSLL2 {
			typeAt, ipAt = 0xfffff000, 0 // SKF_AD_PROTOCOL, and the network header
		}
		return []Instruction{
			{Op: 0x28, K: typeAt},             // ldh [typeAt]
			{Op: 0x15, Jf: 6, K: 0x0800},      // jne #0x800, no
			{Op: 0x30, K: ipAt + 9},           // ldb [ipAt+9]
			{Op: 0x15, Jf: 4, K: 17},          // jne #17, no
			{Op: 0xb1, K: ipAt},               // ldxb 4*([ipAt]&0xf)
			{Op: 0x48, K: ipAt + 2},           // ldh [x+ipAt+2]
			{Op: 0x15, Jt: 0, Jf: 1, K: port}, // jne #port, no
			{Op: unix.BPF_RET | unix.BPF_K, K: 0x40000},
			{Op: unix.BPF_RET | unix.BPF_K},
		}, nil
	}
}

func TestFilterFromTheFirstPacket(t *testing.T) {
	newNetns(t)
	veth(t)
	out := newSender(t, "va")
	var stop atomic.Bool
	done := make(chan struct{})
	go func() {
		defer close(done)
		for i := 0; !stop.Load(); i++ {
			_ = sendQuiet(out, frame(60, i, uint16(53+i&1)))
		}
	}()
	for _, name := range []string{"vb", AnyInterface} {
		for range 5 {
			s := open(t, Options{Interfaces: []string{name}, Program: udpPort(54), SnapLen: 66, Direction: In})
			got := append(take(t, s, 1000), drain(t, s)...)
			last := uint32(0)
			for i, p := range got {
				ipAt := 14
				if name == AnyInterface {
					ipAt = 20
				}
				if binary.BigEndian.Uint16(p.data[ipAt+22:]) != 54 {
					t.Fatalf("%s: packet %d did not pass the filter: % x", name, i, p.data)
				}
				number := binary.BigEndian.Uint32(p.data[ipAt+28:])
				if i > 0 && number <= last {
					t.Fatalf("%s: packet %d after %d", name, number, last)
				}
				last = number
			}
			if len(got) < 1000 {
				t.Errorf("%s: only %d packets", name, len(got))
			}
		}
	}
	stop.Store(true)
	<-done
}

func TestKernelFilter(t *testing.T) {
	refused := errors.New("no such filter")
	ethernet := InterfaceInfo{Name: "eth0", Link: packet.LinkEthernet}
	if _, err := kernelFilter(ethernet, Options{Program: func(InterfaceInfo) ([]Instruction, error) { return nil, refused }}); !errors.Is(err, refused) {
		t.Errorf("error %v", err)
	}
	if prog, err := kernelFilter(ethernet, Options{}); prog != nil || err != nil {
		t.Errorf("everything: %v, %v", prog, err)
	}
	long := func(InterfaceInfo) ([]Instruction, error) { return make([]Instruction, maxInstructions+1), nil }
	var op *OpError
	if _, err := kernelFilter(ethernet, Options{Program: long}); !errors.As(err, &op) {
		t.Errorf("too long: %v", err)
	}
}
