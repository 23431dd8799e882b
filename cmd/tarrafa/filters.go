package main

import (
	"encoding/binary"
	"net"

	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/filter"
)

// checkFilter finds a wrong filter before a privilege is used.
func checkFilter(expr string) error {
	if expr == "" {
		return nil
	}
	return filterError(filter.Check(expr))
}

// compiler returns what the capture source asks for the kernel's program.
func compiler(expr string) capture.Compile {
	if expr == "" {
		return nil
	}
	return func(i capture.InterfaceInfo) ([]capture.Instruction, error) {
		p, err := filter.Compile(expr, filter.Target{LinkType: int(i.Link), Live: capture.LinuxExtensions, Netmask: netmask(i)})
		if err != nil {
			return nil, err
		}
		ins := make([]capture.Instruction, len(p.Ins))
		for i, in := range p.Ins {
			ins[i] = capture.Instruction{Op: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
		}
		return ins, nil
	}
}

// netmask returns the interface's IPv4 netmask, for "ip broadcast".
func netmask(i capture.InterfaceInfo) uint32 {
	for _, a := range i.Addresses {
		if a.Addr().Is4() {
			return binary.BigEndian.Uint32(net.CIDRMask(a.Bits(), 32))
		}
	}
	return filter.NetmaskUnknown
}
