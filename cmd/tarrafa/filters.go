package main

import (
	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/filter"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// checkFilter finds a wrong filter before a privilege is used.
func checkFilter(expr string) error {
	if expr == "" {
		return nil
	}
	return filter.Check(expr)
}

// compiler returns what the capture source asks for the kernel's program.
func compiler(expr string) capture.Compile {
	if expr == "" {
		return nil
	}
	return func(link packet.LinkType) ([]capture.Instruction, error) {
		p, err := filter.Compile(expr, filter.Target{LinkType: int(link), Live: true})
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
