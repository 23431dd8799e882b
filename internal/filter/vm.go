package filter

import be "encoding/binary"

// Match reports whether the filter takes the packet. pkt are the captured bytes, which are only read and not kept;
// wireLen is the packet's length on the wire, in bytes. It does not allocate and never panics: a load beyond the
// captured bytes ends the program without a match, as in the kernel. The kernel's extension loads of a program for a
// live target read as zero: no tag, a packet received, interface 0.
func (p *Program) Match(pkt []byte, wireLen int) bool { return p.Run(pkt, wireLen) != 0 }

// Run is Match with the program's result: the number of bytes to keep, 0 for no match.
func (p *Program) Run(pkt []byte, wireLen int) uint32 {
	var a, x uint32
	var mem [scratchWords]uint32
	ins := p.Ins
	n := uint64(len(pkt))
	for pc := 0; uint(pc) < uint(len(ins)); pc++ {
		i := &ins[pc]
		k := i.K
		switch i.Op {
		case opRetK:
			return k
		case 0x16: // ret a
			return a
		case opLdW:
			if uint64(k)+4 > n {
				if k >= extBase && p.Target.Live {
					a = 0
					continue
				}
				return 0
			}
			a = be.BigEndian.Uint32(pkt[k:])
		case opLdH:
			if uint64(k)+2 > n {
				if k >= extBase && p.Target.Live {
					a = 0
					continue
				}
				return 0
			}
			a = uint32(be.BigEndian.Uint16(pkt[k:]))
		case opLdB:
			if uint64(k)+1 > n {
				if k >= extBase && p.Target.Live {
					a = 0
					continue
				}
				return 0
			}
			a = uint32(pkt[k])
		case opLdIndW:
			o := uint64(x) + uint64(k)
			if o+4 > n {
				return 0
			}
			a = be.BigEndian.Uint32(pkt[o:])
		case opLdIndH:
			o := uint64(x) + uint64(k)
			if o+2 > n {
				return 0
			}
			a = uint32(be.BigEndian.Uint16(pkt[o:]))
		case opLdIndB:
			o := uint64(x) + uint64(k)
			if o+1 > n {
				return 0
			}
			a = uint32(pkt[o])
		case opLdxMSH:
			if uint64(k)+1 > n {
				return 0
			}
			x = uint32(pkt[k]&0xf) << 2
		case opLdLen:
			a = uint32(wireLen)
		case opLdxLen:
			x = uint32(wireLen)
		case opLdImm:
			a = k
		case opLdxImm:
			x = k
		case opLdMem:
			a = mem[k&15]
		case opLdxMem:
			x = mem[k&15]
		case opSt:
			mem[k&15] = a
		case opStx:
			mem[k&15] = x
		case opTax:
			x = a
		case opTxa:
			a = x
		case opNeg:
			a = -a
		case opJa:
			pc += int(k)
		case 0x15: // jeq #k
			pc += branch(a == k, i.Jt, i.Jf)
		case 0x25: // jgt #k
			pc += branch(a > k, i.Jt, i.Jf)
		case 0x35: // jge #k
			pc += branch(a >= k, i.Jt, i.Jf)
		case 0x45: // jset #k
			pc += branch(a&k != 0, i.Jt, i.Jf)
		case 0x1d: // jeq x
			pc += branch(a == x, i.Jt, i.Jf)
		case 0x2d: // jgt x
			pc += branch(a > x, i.Jt, i.Jf)
		case 0x3d: // jge x
			pc += branch(a >= x, i.Jt, i.Jf)
		case 0x4d: // jset x
			pc += branch(a&x != 0, i.Jt, i.Jf)
		default:
			b := k
			if i.Op&0x8 != 0 {
				b = x
			}
			var ok bool
			if a, ok = alu(i.Op, a, b); !ok {
				return 0
			}
		}
	}
	return 0
}

func branch(yes bool, jt, jf uint8) int {
	if yes {
		return int(jt)
	}
	return int(jf)
}

// alu is an arithmetic instruction; it fails on a division by zero and on an unknown opcode.
func alu(op uint16, a, b uint32) (uint32, bool) {
	switch op &^ 0x8 {
	case 0x04:
		return a + b, true
	case 0x14:
		return a - b, true
	case 0x24:
		return a * b, true
	case 0x34:
		if b == 0 {
			return 0, false
		}
		return a / b, true
	case 0x44:
		return a | b, true
	case 0x54:
		return a & b, true
	case 0x64:
		return a << b, true
	case 0x74:
		return a >> b, true
	case 0x94:
		if b == 0 {
			return 0, false
		}
		return a % b, true
	case 0xa4:
		return a ^ b, true
	}
	return 0, false
}
