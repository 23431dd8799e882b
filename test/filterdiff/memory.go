package filterdiff

import "golang.org/x/net/bpf"

// Opcodes of the machine's memory and of what the functions below look for.
const (
	opSt, opStx       = 0x02, 0x03
	opLdMem, opLdxMem = 0x60, 0x61
	opJa, opTax       = 0x05, 0x07
	opAddK, opAndK    = 0x04, 0x54
	opLdbInd          = 0x50
	opJsetK           = 0x45
)

// Broken reports whether a program that tcpdump made without its optimiser (-O) computes something that it does not
// say: it reads a word of the machine's memory that on some way was not written, or that was overwritten by something
// else in between. tcpdump makes such programs for expressions that move offsets ("geneve") and then ask without having
// moved ("geneve or tcp"), for tunnels inside of 802.11 frames, and where the arithmetic of the expression takes a word
// that already holds the length of a radio or 802.11 header. The kernel refuses most of them; elsewhere their result is
// an accident.
//
// In such a program arithmetic stays inside of a block: a word that is read in another one is an offset.
func Broken(ins []bpf.RawInstruction) bool {
	end := prologueEnd(ins)
	tunnel := tunnelRegions(ins)
	return readsStale(ins, func(i int) bool {
		for _, t := range tunnel {
			if i >= t && i < t+20 {
				return true
			}
		}
		return i < end
	}, end)
}

// prologueEnd is where the code ends that computes the length of radio and 802.11 headers.
func prologueEnd(ins []bpf.RawInstruction) int {
	op := func(i int, op uint16, k uint32) bool { return i < len(ins) && ins[i].Op == op && ins[i].K == k }
	end := 0
	switch {
	case op(0, 0x30, 3) && op(1, 0x64, 8): // two bytes, little endian
		end = 7
	case op(0, 0x20, 4) && len(ins) > 1 && ins[1].Op == opSt: // the AVS header's
		end = 3
	case op(0, 0x20, 0) && op(1, opAndK, 0xfffff000): // a Prism or an AVS header's
		end = 8
	case op(0, 0x01, 0) && op(1, 0x87, 0): // none
		end = 1
	case op(0, 0x20, 4) && op(2, 0x30, 3) && op(3, 0x64, 8): // PPI's after its check
		end = 9
	default:
		return 0
	}
	if i := end + 4; i < len(ins) && ins[i].Op == opJsetK && ins[i].K == 8 {
		return i + 1 + int(ins[i].Jf) // where its test for data frames goes to
	}
	return end
}

// tunnelRegions is where the code begins that computes the offsets inside of a tunnel.
func tunnelRegions(ins []bpf.RawInstruction) (out []int) {
	for i := 0; i+5 < len(ins); i++ {
		if ins[i].Op == opAddK && ins[i+1].Op == opTax && ins[i+2].Op == opAddK && ins[i+2].K == 2 &&
			ins[i+3].Op == opSt && ins[i+4].Op == opLdbInd && ins[i+5].Op == opAndK && ins[i+5].K == 0x3f {
			out = append(out, i)
		}
	}
	return out
}

// readsStale follows the words through the program, whose jumps go forward only. A store that lasts counts until it is
// overwritten, any other one until the next comparison.
func readsStale(ins []bpf.RawInstruction, lasts func(i int) bool, end int) bool {
	set := make([]uint32, len(ins)+1) // per instruction, the words that hold what they should on all ways to it
	for i := range set {
		set[i] = ^uint32(0)
	}
	set[0] = 0
	temporary := uint32(0)
	for i, in := range ins {
		s := set[i]
		next := func(to int, s uint32) {
			if to < len(set) {
				set[to] &= s
			}
		}
		switch in.Op {
		case opLdMem, opLdxMem:
			if s&(1<<(in.K&15)) == 0 {
				return true
			}
		case opSt, opStx:
			s |= 1 << (in.K & 15)
			temporary &^= 1 << (in.K & 15)
			if !lasts(i) {
				temporary |= 1 << (in.K & 15)
			}
		}
		switch {
		case in.Op == opJa:
			next(i+1+int(in.K), s)
		case in.Op&7 == 5:
			if i >= end {
				s &^= temporary
			}
			next(i+1+int(in.Jt), s)
			next(i+1+int(in.Jf), s)
		case in.Op&7 != 6:
			next(i+1, s)
		}
		if in.Op&7 == 5 && in.Op != opJa {
			temporary = 0
		}
	}
	return false
}
