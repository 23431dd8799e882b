package filter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// validate holds a program to the kernel's rules (bpf_check_classic in net/core/filter.c), without the kernel.
func validate(ins []bpf.RawInstruction) error {
	if len(ins) == 0 || len(ins) > MaxInstructions {
		return fmt.Errorf("%d instructions", len(ins))
	}
	masks := make([]uint16, len(ins)) // words of memory written on all jumps to an instruction
	for i := range masks {
		masks[i] = 0xffff
	}
	w := uint16(0) // words written before the instruction at hand
	for i, in := range ins {
		fail := func(what string) error { return fmt.Errorf("instruction %d: %s: %+v", i, what, in) }
		w &= masks[i]
		jump := func(to int) error {
			if to >= len(ins) {
				return fail("jumps out of the program")
			}
			masks[to] &= w
			return nil
		}
		switch in.Op {
		case opLdW, opLdH, opLdB:
			if in.K >= extBase && extNames[in.K] == "" {
				return fail("unknown extension")
			}
		case opLdIndW, opLdIndH, opLdIndB, opLdLen, opLdImm, opLdxImm, opLdxMSH, opTax, opTxa:
		case opLdMem, opLdxMem:
			if in.K >= scratchWords || w&(1<<in.K) == 0 {
				return fail("reads memory that was not written")
			}
		case opSt, opStx:
			if in.K >= scratchWords {
				return fail("no such word")
			}
			w |= 1 << in.K
		case opRetK: // what stands behind it is taken for its successor
		case opJa:
			if err := jump(i + 1 + int(in.K)); err != nil {
				return err
			}
			w = 0xffff
		default:
			if mnemonic, _ := mnemonic(i, in); mnemonic == "unimp" {
				return fail("unknown instruction")
			}
			switch in.Op {
			case 0x34, 0x94:
				if in.K == 0 {
					return fail("division by zero")
				}
			case 0x64, 0x74:
				if in.K >= 32 {
					return fail("shift too far")
				}
			}
			if in.Op&7 != 5 {
				break
			}
			for _, j := range [...]uint8{in.Jt, in.Jf} {
				if err := jump(i + 1 + int(j)); err != nil {
					return err
				}
			}
			w = 0xffff
		}
	}
	if ins[len(ins)-1].Op != opRetK {
		return fmt.Errorf("runs out of the program")
	}
	return nil
}
