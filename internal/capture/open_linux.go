package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"time"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

const (
	defaultBuffer = 64 << 20
	defaultRetire = 10 * time.Millisecond
)

// Open starts capturing. It is the only step that needs privileges (CAP_NET_RAW). The
// errors are [*NoSuchInterfaceError], [*PermissionError], [*OpError], and whatever
// Options.Program returns.
func Open(o Options) (Source, error) {
	if len(o.Interfaces) == 0 {
		return nil, &OpError{Op: "open", Interface: "?", Err: errors.New("no interface was named")}
	}
	s := &ringSource{promiscuous: o.Promiscuous, wake: -1, ioctl: -1}
	s.watched.rebind = s.rebind
	if err := s.open(o); err != nil {
		s.free()
		return nil, err
	}
	go s.watch()
	return s, nil
}

func (s *ringSource) open(o Options) error {
	// The watch begins before the interfaces are looked up so that no change falls between.
	if err := s.openWatch(); err != nil {
		return err
	}
	list, err := List()
	if err != nil {
		return &OpError{Op: "list the interfaces", Interface: "?", Err: err}
	}
	for _, name := range o.Interfaces {
		if s.watched.find(name) >= 0 {
			continue
		}
		info, err := lookup(list, name)
		if err != nil {
			return err
		}
		r, err := openRing(info, o)
		if err != nil {
			return err
		}
		r.number = uint32(len(s.rings))
		s.rings = append(s.rings, r)
		s.polls = append(s.polls, unix.PollFd{Fd: int32(r.fd), Events: unix.POLLIN})
		s.interfaces = append(s.interfaces, describe(s.ioctl, info, o))
		s.watched.opened(info)
	}
	s.polls = append(s.polls, unix.PollFd{Fd: int32(s.wake), Events: unix.POLLIN})
	return nil
}

// openRing makes the socket, in the order that lets nothing unfiltered in: no protocol,
// filter, ring, and only then the interface.
func openRing(info InterfaceInfo, o Options) (*ring, error) {
	prog, err := kernelFilter(info, o)
	if err != nil {
		return nil, err
	}
	kind := unix.SOCK_RAW
	if info.Link == linkAny {
		kind = unix.SOCK_DGRAM
	}
	fd, err := unix.Socket(unix.AF_PACKET, kind|unix.SOCK_CLOEXEC, 0)
	if errors.Is(err, unix.EPERM) || errors.Is(err, unix.EACCES) {
		path, line := program()
		return nil, &PermissionError{
			Op: "open a packet socket", Interface: info.Name, Err: err,
			Commands: []string{"sudo " + line, "sudo setcap cap_net_raw,cap_net_admin=eip " + path},
		}
	}
	if err != nil {
		return nil, &OpError{Op: "open a packet socket", Interface: info.Name, Err: err}
	}
	r := newRing(fd, info, o)
	r.program = takeAll
	if prog != nil {
		r.program = prog
	}
	if err := r.setUp(prog, info, o); err != nil {
		r.free()
		return nil, err
	}
	return r, nil
}

// setUp brings an empty socket to capturing.
func (r *ring) setUp(prog []Instruction, info InterfaceInfo, o Options) error {
	if prog != nil {
		if err := attach(r.fd, prog); err != nil {
			return &OpError{Op: "attach the filter", Interface: info.Name, Err: err}
		}
		r.cutAt = cut(prog)
	}
	if err := r.allocate(o); err != nil {
		return &OpError{Op: "make the ring", Interface: info.Name, Hint: "a smaller buffer may do, as -B 8192", Err: err}
	}
	if err := r.bind(info.Index, info.Name != AnyInterface && o.Promiscuous); err != nil {
		return &OpError{Op: "bind to the interface", Interface: info.Name, Err: err}
	}
	return nil
}

func newRing(fd int, info InterfaceInfo, o Options) *ring {
	r := &ring{
		fd: fd, link: info.Link, ethernet: info.Link == packet.LinkEthernet,
		snapLen: math.MaxUint32, cutAt: keepAll,
	}
	if o.SnapLen > 0 {
		r.snapLen = uint32(min(o.SnapLen, math.MaxUint32))
	}
	return r
}

// cut returns the length at which the program's accepting returns cut.
func cut(prog []Instruction) uint32 {
	limit := uint32(keepAll)
	for _, ins := range prog {
		if ins.Op == opReturn && ins.K != 0 {
			limit = min(limit, ins.K)
		}
	}
	return limit
}

func (r *ring) allocate(o Options) error {
	if err := unix.SetsockoptInt(r.fd, unix.SOL_PACKET, unix.PACKET_VERSION, unix.TPACKET_V3); err != nil {
		return err
	}
	bytes, retire := o.BufferBytes, o.Retire
	if bytes <= 0 {
		bytes = defaultBuffer
	}
	if retire <= 0 {
		retire = defaultRetire
	}
	blocks := max(minBlocks, (bytes-1)/blockSize+1)
	if blocks > math.MaxInt32/blockSize {
		return fmt.Errorf("%d bytes are more than the kernel can map", bytes)
	}
	const frame = 2048 // TPACKET_V3 only checks that frames fill the blocks
	req := unix.TpacketReq3{
		Block_size: blockSize, Block_nr: uint32(blocks),
		Frame_size: frame, Frame_nr: uint32(blocks) * (blockSize / frame),
		Retire_blk_tov: uint32(max(1, retire.Milliseconds())),
	}
	if err := unix.SetsockoptTpacketReq3(r.fd, unix.SOL_PACKET, unix.PACKET_RX_RING, &req); err != nil {
		return err
	}
	var err error
	r.mem, err = unix.Mmap(r.fd, 0, blocks*blockSize, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED|unix.MAP_POPULATE)
	return err
}

// bind lets packets of the interface in, 0 standing for all. It needs no privileges.
func (r *ring) bind(index int, promiscuous bool) error {
	var all [2]byte
	binary.BigEndian.PutUint16(all[:], unix.ETH_P_ALL)
	address := unix.SockaddrLinklayer{Protocol: binary.NativeEndian.Uint16(all[:]), Ifindex: index}
	if err := unix.Bind(r.fd, &address); err != nil {
		return err
	}
	if !promiscuous {
		return nil
	}
	return unix.SetsockoptPacketMreq(r.fd, unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP,
		&unix.PacketMreq{Ifindex: int32(index), Type: unix.PACKET_MR_PROMISC})
}

// stop lets no further packet in. When it returns, none is on its way into the ring.
func (r *ring) stop() error {
	err := attach(r.fd, refuseAll)
	// Binding to no protocol waits until the kernel's other processors have left the
	// socket. Some kernels take it for the old protocol; the filter has done the work there.
	_ = unix.Bind(r.fd, &unix.SockaddrLinklayer{})
	return err
}

func (r *ring) free() {
	if r.mem != nil {
		_ = unix.Munmap(r.mem) // fails for a wrong address only
		r.mem = nil
	}
	_ = unix.Close(r.fd) // nothing is written through it
}

func describe(fd int, info InterfaceInfo, o Options) segment.Interface {
	d := segment.Interface{
		Name: info.Name, Description: info.Description, Filter: o.Expression,
		OS: system(), Link: info.Link, SnapLen: uint32(max(0, min(o.SnapLen, math.MaxUint32))),
		Resolution: segment.Resolution{UnitsPerSecond: 1e9},
	}
	if info.Name != AnyInterface {
		d.Hardware = hardware(fd, info)
	}
	for _, a := range info.Addresses {
		d.Addresses = append(d.Addresses, a.String())
	}
	return d
}
