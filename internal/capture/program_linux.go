package capture

import (
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// Ancillary loads of the kernel's socket filter (linux/filter.h).
const (
	ancillary         = math.MaxUint32 - 0x1000 + 1 // SKF_AD_OFF
	ancillaryType     = ancillary + 4               // packet type: received, sent …
	ancillaryHardware = ancillary + 28              // ARPHRD_ number of the interface
)

// LinuxExtensions says whether a program for this system may use the ancillary loads of
// Linux (VLAN tag, direction, interface).
const LinuxExtensions = true

const maxInstructions = 4096 // BPF_MAXINSNS

// Programs without a question.
var (
	refuseAll = []Instruction{{Op: opReturn}}
	takeAll   = []Instruction{{Op: opReturn, K: keepAll}} // as no program
)

// kernelFilter builds the program that is attached to a socket: the direction, then the
// user's filter, cutting at snapLen. It returns nil when everything is to be taken whole.
//
// Doing the direction here and not when reading spares the ring the packets that nobody
// wants, above all the second copy on lo, and keeps the kernel's counts exact.
func kernelFilter(info InterfaceInfo, o Options) ([]Instruction, error) {
	var user []Instruction
	if o.Program != nil {
		var err error
		if user, err = o.Program(info); err != nil {
			return nil, err
		}
	}
	limit := limitOf(o.SnapLen)
	if info.Link == linkAny && limit != keepAll {
		limit = max(1, limit-min(limit, cookedLen)) // the kernel counts without the header that we put before
	}
	prog := directionFilter(info, o.Direction)
	switch {
	case user != nil:
		prog = append(prog, keeping(user, limit)...)
	case len(prog) > 0 || limit != keepAll:
		prog = append(prog, Instruction{Op: opReturn, K: limit})
	}
	if len(prog) > maxInstructions {
		return nil, &OpError{
			Op: "attach the filter", Interface: info.Name,
			Err: fmt.Errorf("it needs %d instructions, the kernel takes %d", len(prog), maxInstructions),
		}
	}
	return prog, nil
}

// directionFilter returns instructions that refuse what d does not want and fall through
// otherwise, with the accumulator at 0 as a program expects it.
func directionFilter(info InterfaceInfo, d Direction) []Instruction {
	ret0 := Instruction{Op: opReturn}
	zero := Instruction{Op: opLoadImm}
	kind := Instruction{Op: opLoad, K: ancillaryType}
	switch {
	case d == Out:
		return []Instruction{kind, {Op: opEqual, K: unix.PACKET_OUTGOING, Jt: 1}, ret0, zero}
	case d == In || info.Loopback:
		return []Instruction{kind, {Op: opEqual, K: unix.PACKET_OUTGOING, Jf: 1}, ret0, zero}
	case info.Name == AnyInterface:
		return []Instruction{
			kind,
			{Op: opEqual, K: unix.PACKET_OUTGOING, Jf: 3},
			{Op: opLoad, K: ancillaryHardware},
			{Op: opEqual, K: unix.ARPHRD_LOOPBACK, Jf: 1},
			ret0, zero,
		}
	}
	return nil
}

// attach replaces the socket's filter.
func attach(fd int, prog []Instruction) error {
	raw := make([]unix.SockFilter, len(prog))
	for i, ins := range prog {
		raw[i] = unix.SockFilter{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER,
		&unix.SockFprog{Len: uint16(len(raw)), Filter: &raw[0]})
}
