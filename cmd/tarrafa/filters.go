package main

import (
	"encoding/binary"
	"errors"
	"net"
	"strings"
	"unicode/utf8"

	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/filter"
	"github.com/tarrafa/tarrafa/internal/words"
)

// maxFilter is how long a capture filter may be, bytes: compiling takes up to a thousand times
// that of memory. Display filters have a cap of their own, of package query.
const maxFilter = 64 << 10

func checkLength(expr string) error {
	if len(expr) <= maxFilter {
		return nil
	}
	return &exitError{
		code: exitFilter, err: words.Errorf("the capture filter is %d bytes long, and %d are allowed", len(expr), maxFilter),
		mend: words.T("write networks in place of many hosts (net 10.0.0.0/8), or capture more and filter what was captured"),
	}
}

// checkFilter finds a wrong filter before a privilege is used.
func checkFilter(expr string) error {
	if expr == "" {
		return nil
	}
	if err := checkLength(expr); err != nil {
		return err
	}
	return filterError(filter.Check(expr))
}

// pointed is a filter with a line below it that points at width bytes of it; of a long one
// what stands around them. It is for a terminal.
func pointed(text string, at, width int) string {
	const around = 100 // bytes
	at = min(at, len(text))
	begin, end := max(0, at-around), min(len(text), at+around)
	if len(text) <= 2*around {
		begin, end = 0, len(text)
	}
	clean := func(s string) string {
		return strings.Map(func(r rune) rune {
			if r < ' ' || r > '~' {
				return '?' // in one column, so that the mark is below what it points at
			}
			return r
		}, s)
	}
	before, rest := clean(text[begin:at]), clean(text[at:end])
	if begin > 0 {
		before = "…" + before
	}
	if end < len(text) {
		rest += "…"
	}
	mark := "^" + strings.Repeat("~", max(0, min(width, end-at)-1))
	return before + rest + "\n" + strings.Repeat(" ", utf8.RuneCountInString(before)) + mark
}

// rememberNames asks for the names in a filter (hosts, services, networks) while files and
// network are in reach; later they are answered from memory. Which names are asked for may
// depend on the link type, so the common ones are tried.
func rememberNames(expr string) error {
	if expr == "" {
		return nil
	}
	if err := checkLength(expr); err != nil {
		return err
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
