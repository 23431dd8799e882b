package main

import (
	"encoding/binary"
	"errors"
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

// rememberNames asks for the names in a filter (hosts, services, networks) while files and
// network are in reach; later they are answered from memory. Which names are asked for may
// depend on the link type, so the common ones are tried.
func rememberNames(expr string) error {
	if expr == "" {
		return nil
	}
	for _, link := range []int{1, 105, 113, 276, 101} { // Ethernet, 802.11, cooked v1 and v2, raw IP
		_, err := filter.Compile(expr, filter.Target{LinkType: link})
		if e, ok := errors.AsType[*filter.Error](err); ok && e.Reason == filter.BadName {
			return filterError(err) // asking again, for another link type, would wait again
		}
	}
	return nil
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
