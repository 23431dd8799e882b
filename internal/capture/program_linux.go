package capture

import (
	"errors"
	"fmt"
	"math"

	"golang.org/x/sys/unix"
)

// Ancillary loads of the kernel's socket filter (linux/filter.h).
const (
	ancillary         = math.MaxUint32 - 0x1000 + 1 // SKF_AD_OFF
	ancillaryProtocol = ancillary + 0
	ancillaryType     = ancillary + 4
	ancillaryIfindex  = ancillary + 8
	ancillaryHardware = ancillary + 28
)

const (
	maxInstructions = 4096 // BPF_MAXINSNS
	keepAll         = math.MaxInt32
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
		if user, err = o.Program(info.Link); err != nil {
			return nil, err
		}
	}
	limit := uint32(keepAll)
	if o.SnapLen > 0 {
		limit = uint32(min(o.SnapLen, keepAll))
	}
	if info.Link == linkAny {
		var err error
		if user, err = cookedOffsets(user); err != nil {
			return nil, &OpError{Op: "fit the filter to cooked packets", Interface: info.Name, Err: err}
		}
		if limit != keepAll {
			limit = max(1, limit-min(limit, cookedLen)) // the kernel counts without the header that we put before
		}
	}
	prog := directionFilter(info, o.Direction)
	switch {
	case user != nil:
		for _, ins := range user {
			if ins.Op == unix.BPF_RET|unix.BPF_K && ins.K != 0 {
				ins.K = limit
			}
			prog = append(prog, ins)
		}
	case len(prog) > 0 || limit != keepAll:
		prog = append(prog, Instruction{Op: unix.BPF_RET | unix.BPF_K, K: limit})
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
	const (
		load = unix.BPF_LD | unix.BPF_W | unix.BPF_ABS
		jeq  = unix.BPF_JMP | unix.BPF_JEQ | unix.BPF_K
	)
	ret0 := Instruction{Op: unix.BPF_RET | unix.BPF_K}
	zero := Instruction{Op: unix.BPF_LD | unix.BPF_IMM}
	kind := Instruction{Op: load, K: ancillaryType}
	switch {
	case d == Out:
		return []Instruction{kind, {Op: jeq, K: unix.PACKET_OUTGOING, Jt: 1}, ret0, zero}
	case d == In || info.Loopback:
		return []Instruction{kind, {Op: jeq, K: unix.PACKET_OUTGOING, Jf: 1}, ret0, zero}
	case info.Name == AnyInterface:
		return []Instruction{
			kind, {Op: jeq, K: unix.PACKET_OUTGOING, Jf: 3},
			{Op: load, K: ancillaryHardware}, {Op: jeq, K: unix.ARPHRD_LOOPBACK, Jf: 1}, ret0, zero,
		}
	}
	return nil
}

// cookedOffsets turns a program written for LINKTYPE_LINUX_SLL2 into one for a SOCK_DGRAM
// packet socket, which sees the packet from the network header on: loads from the cooked
// header become ancillary loads, other offsets move by its length.
func cookedOffsets(user []Instruction) ([]Instruction, error) {
	place := make([]int, len(user)+1) // where each instruction comes to stand
	var moved []Instruction
	for i, ins := range user {
		place[i] = len(moved)
		class, mode := ins.Op&7, ins.Op&0xe0
		switch {
		case class == unix.BPF_LDX && mode == unix.BPF_LEN:
			return nil, errors.New("the length cannot be loaded into X")
		case class == unix.BPF_LD && mode == unix.BPF_LEN:
			moved = append(moved, ins)
			ins = Instruction{Op: unix.BPF_ALU | unix.BPF_ADD | unix.BPF_K, K: cookedLen}
		case class == unix.BPF_LD && (mode == unix.BPF_ABS || mode == unix.BPF_IND),
			class == unix.BPF_LDX && mode == unix.BPF_MSH:
			var err error
			if ins, err = cookedLoad(ins); err != nil {
				return nil, err
			}
		}
		moved = append(moved, ins)
	}
	place[len(user)] = len(moved)
	for i, ins := range user {
		if ins.Op&7 != unix.BPF_JMP {
			continue
		}
		target := func(skip uint32) (uint32, error) {
			to := uint64(i) + 1 + uint64(skip)
			if to >= uint64(len(user)) {
				return 0, errors.New("jump out of the program")
			}
			return uint32(place[to] - place[i] - 1), nil
		}
		at := &moved[place[i]]
		if ins.Op&0xf0 == unix.BPF_JA {
			k, err := target(ins.K)
			if err != nil {
				return nil, err
			}
			at.K = k
			continue
		}
		jt, err := target(uint32(ins.Jt))
		jf, err2 := target(uint32(ins.Jf))
		if err := errors.Join(err, err2); err != nil {
			return nil, err
		}
		if jt > math.MaxUint8 || jf > math.MaxUint8 {
			return nil, errors.New("jump too long")
		}
		at.Jt, at.Jf = uint8(jt), uint8(jf)
	}
	return moved, nil
}

func cookedLoad(ins Instruction) (Instruction, error) {
	switch {
	case int32(ins.K) < 0: // ancillary already
		return ins, nil
	case ins.K >= cookedLen:
		ins.K -= cookedLen
		return ins, nil
	case ins.Op&0xe0 != unix.BPF_ABS:
		return ins, fmt.Errorf("load relative to offset %d of the cooked header", ins.K)
	}
	const size = 0x18 // mask of BPF_W, BPF_H, BPF_B
	for _, field := range []struct {
		offset uint32
		size   uint16
		source uint32
	}{
		{0, unix.BPF_H, ancillaryProtocol},
		{4, unix.BPF_W, ancillaryIfindex},
		{8, unix.BPF_H, ancillaryHardware},
		{10, unix.BPF_B, ancillaryType},
	} {
		if ins.K == field.offset && ins.Op&size == field.size {
			return Instruction{Op: unix.BPF_LD | unix.BPF_W | unix.BPF_ABS, K: field.source}, nil
		}
	}
	return ins, fmt.Errorf("the kernel does not tell what is at offset %d of the cooked header", ins.K)
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
