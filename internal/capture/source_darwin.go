package capture

import (
	"encoding/binary"
	"errors"
	"fmt"
	"net"
	"time"
	"unsafe"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/packet"
)

const (
	maxInstructions = 512     // BPF_MAXINSNS of macOS
	defaultBuffer   = 4 << 20 // the kernel takes what its limit debug.bpf_maxbufsize allows
	devices         = 256     // /dev/bpf0 … that are tried
)

// bpfTap reads packets from one /dev/bpf device.
type bpfTap struct {
	fd          int
	buf         []byte // of the size that the kernel has told
	data        []byte // what of buf was read and not yet delivered
	bound       bool
	link        packet.LinkType // once bound
	mac         net.HardwareAddr
	promiscuous bool
	lastDrops   uint32 // the kernel's counter, which wraps
	allDrops    uint64
}

// Open starts capturing. It is the only step that needs privileges (to open /dev/bpf). The
// errors are [*NoSuchInterfaceError], [*PermissionError], [*OpError], and whatever
// Options.Program returns.
func Open(o Options) (Source, error) {
	if len(o.Interfaces) == 0 {
		return nil, &OpError{Op: "open", Interface: "?", Err: errors.New("no interface was named")}
	}
	list, err := List()
	if err != nil {
		return nil, err
	}
	s := &polledSource{}
	if o.Direction == Out {
		s.unwanted = packet.DirectionReceived
	}
	var fds []int
	for _, name := range o.Interfaces {
		if s.watched.find(name) >= 0 {
			continue
		}
		info, err := lookup(list, name)
		if err != nil {
			s.free()
			return nil, err
		}
		t, err := openTap(&info, o)
		if err != nil {
			s.free()
			return nil, err
		}
		fds = append(fds, t.fd)
		s.taps = append(s.taps, t)
		s.counts = append(s.counts, tally{})
		s.interfaces = append(s.interfaces, describe(info, o))
		s.watched.opened(info)
	}
	var set unix.FdSet
	s.wait = func(d time.Duration) {
		set.Zero()
		most := 0
		for _, fd := range fds {
			set.Set(fd)
			most = max(most, fd)
		}
		timeout := unix.NsecToTimeval(int64(d))
		// An error is an interrupted wait: the caller reads in any case.
		_, _ = unix.Select(most+1, &set, nil, nil, &timeout)
	}
	s.start(List)
	return s, nil
}

func openTap(info *InterfaceInfo, o Options) (*bpfTap, error) {
	fd, err := openDevice(info.Name)
	if err != nil {
		return nil, err
	}
	t := &bpfTap{fd: fd, mac: info.MAC, promiscuous: o.Promiscuous}
	if err := t.setUp(info, o); err != nil {
		t.free()
		return nil, err
	}
	return t, nil
}

func openDevice(name string) (int, error) {
	for i := range devices {
		path := fmt.Sprintf("/dev/bpf%d", i)
		fd, err := unix.Open(path, unix.O_RDONLY|unix.O_CLOEXEC|unix.O_NONBLOCK, 0)
		switch {
		case err == nil:
			return fd, nil
		case errors.Is(err, unix.EBUSY):
		case errors.Is(err, unix.EACCES), errors.Is(err, unix.EPERM):
			_, line := program()
			return -1, &PermissionError{
				Op: "open " + path, Interface: name, Err: err,
				Commands: []string{"sudo " + line, "sudo chgrp admin /dev/bpf* && sudo chmod g+r /dev/bpf*"},
			}
		default:
			return -1, &OpError{Op: "open " + path, Interface: name, Err: err}
		}
	}
	return -1, &OpError{Op: "open /dev/bpf", Interface: name, Err: unix.EBUSY}
}

// setUp configures the device. Attaching the filter empties the buffer, so that nothing
// unfiltered is read although the interface comes first.
func (t *bpfTap) setUp(info *InterfaceInfo, o Options) error {
	fail := func(op string, err error) error { return &OpError{Op: op, Interface: info.Name, Err: err} }
	size := uint32(defaultBuffer)
	if o.BufferBytes > 0 {
		size = uint32(min(o.BufferBytes, 1<<30))
	}
	if err := t.ioctl(unix.BIOCSBLEN, unsafe.Pointer(&size)); err != nil {
		return fail("set the buffer's size", err)
	}
	t.buf = make([]byte, size)
	if err := t.bind(*info); err != nil {
		return fail("bind to the interface", err)
	}
	info.Link = t.link
	if o.Direction == Out && t.link != packet.LinkEthernet && !info.Loopback {
		return fail("select sent packets", errors.New("only Ethernet frames tell who sent them"))
	}
	var sent uint32
	if o.Direction != In || info.Loopback {
		sent = 1
	}
	if err := t.ioctl(unix.BIOCSSEESENT, unsafe.Pointer(&sent)); err != nil {
		return fail("select the direction", err)
	}
	one := uint32(1)
	if err := t.ioctl(unix.BIOCIMMEDIATE, unsafe.Pointer(&one)); err != nil {
		return fail("switch delays off", err)
	}
	prog, err := kernelFilter(*info, o)
	if err != nil {
		return err
	}
	if err := t.attach(unix.BIOCSETF, prog); err != nil {
		return fail("attach the filter", err)
	}
	return nil
}

func kernelFilter(info InterfaceInfo, o Options) ([]Instruction, error) {
	limit := limitOf(o.SnapLen)
	var prog []Instruction
	if o.Program != nil {
		user, err := o.Program(info)
		if err != nil {
			return nil, err
		}
		prog = keeping(user, limit)
	}
	if len(prog) == 0 {
		prog = []Instruction{{Op: opReturn, K: limit}}
	}
	if len(prog) > maxInstructions {
		return nil, &OpError{
			Op: "attach the filter", Interface: info.Name,
			Err: fmt.Errorf("it needs %d instructions, the kernel takes %d", len(prog), maxInstructions),
		}
	}
	return prog, nil
}

func (t *bpfTap) attach(request uint, prog []Instruction) error {
	raw := make([]unix.BpfInsn, len(prog))
	for i, ins := range prog {
		raw[i] = unix.BpfInsn{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return t.ioctl(request, unsafe.Pointer(&unix.BpfProgram{Len: uint32(len(raw)), Insns: &raw[0]}))
}

// bind implements tap.
func (t *bpfTap) bind(info InterfaceInfo) error {
	var request struct { // struct ifreq
		name [unix.IFNAMSIZ]byte
		_    [16]byte
	}
	copy(request.name[:len(request.name)-1], info.Name)
	if err := t.ioctl(unix.BIOCSETIF, unsafe.Pointer(&request)); err != nil {
		if errors.Is(err, unix.ENXIO) {
			return errVanished
		}
		return err
	}
	var datalink uint32
	if err := t.ioctl(unix.BIOCGDLT, unsafe.Pointer(&datalink)); err != nil {
		return err
	}
	link := linkOf(datalink)
	if t.bound && link != t.link {
		return errOtherLink
	}
	if !t.bound {
		t.bound, t.link = true, link
	}
	if t.promiscuous {
		return t.ioctl(unix.BIOCPROMISC, nil)
	}
	return nil
}

// read implements tap. Each packet comes behind a struct bpf_hdr: seconds, microseconds,
// captured and original length (32 bits each), and the length of the header (16 bits).
func (t *bpfTap) read(to *polledSource) {
	const header, align = 18, 4
	if len(t.data) == 0 {
		n, err := unix.Read(t.fd, t.buf)
		if err != nil || n <= 0 {
			return // nothing there (EAGAIN), or the interface is gone (ENXIO): the watch tells
		}
		t.data = t.buf[:n]
	}
	for len(t.data) >= header {
		h := t.data
		begin := int(binary.NativeEndian.Uint16(h[16:]))
		end := begin + int(binary.NativeEndian.Uint32(h[8:]))
		if begin < header || end > len(h) {
			break
		}
		at := int64(int32(binary.NativeEndian.Uint32(h)))*1e9 + int64(int32(binary.NativeEndian.Uint32(h[4:])))*1e3
		frame := h[begin:end]
		if !to.put(at, frame, binary.NativeEndian.Uint32(h[12:]), direction(t.link, t.mac, frame)) {
			return
		}
		t.data = h[min((end+align-1)&^(align-1), len(h)):]
	}
	t.data = t.data[:0]
}

// drops implements tap.
func (t *bpfTap) drops() uint64 {
	var stat unix.BpfStat
	if err := t.ioctl(unix.BIOCGSTATS, unsafe.Pointer(&stat)); err == nil {
		t.allDrops += uint64(stat.Drop - t.lastDrops)
		t.lastDrops = stat.Drop
	}
	return t.allDrops
}

// stop implements tap. Unlike BIOCSETF, this leaves in the buffer what is there.
func (t *bpfTap) stop() error { return t.attach(unix.BIOCSETFNR, []Instruction{{Op: opReturn}}) }

// free implements tap.
func (t *bpfTap) free() { _ = unix.Close(t.fd) } // nothing is written through it

func (t *bpfTap) ioctl(request uint, arg unsafe.Pointer) error {
	//nolint:staticcheck // SA1019: golang.org/x/sys has no wrapper for BPF's requests
	if _, _, errno := unix.Syscall(unix.SYS_IOCTL, uintptr(t.fd), uintptr(request), uintptr(arg)); errno != 0 {
		return errno
	}
	return nil
}

var _ tap = (*bpfTap)(nil)
