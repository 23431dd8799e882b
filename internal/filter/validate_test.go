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
	written := make([]uint16, len(ins)) // words of memory written on all ways to an instruction
	for i := range written {
		written[i] = 0xffff
	}
	written[0] = 0
	for i, in := range ins {
		fail := func(what string) error { return fmt.Errorf("instruction %d: %s: %+v", i, what, in) }
		w := written[i]
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
		case opRetK:
			continue
		case opJa:
			if to := i + 1 + int(in.K); to >= len(ins) {
				return fail("jumps out of the program")
			}
			written[i+1+int(in.K)] &= w
			continue
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
		}
		if in.Op&7 == 5 {
			for _, j := range [...]uint8{in.Jt, in.Jf} {
				if i+1+int(j) >= len(ins) {
					return fail("jumps out of the program")
				}
				written[i+1+int(j)] &= w
			}
			continue
		}
		if i+1 == len(ins) {
			return fail("runs out of the program")
		}
		written[i+1] &= w
	}
	return nil
}
