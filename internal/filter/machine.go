package filter

// Opcodes of the classic BPF machine (linux/filter.h, McCanne and Jacobson 1993).
const (
	opLdW    = 0x20 // A = word at k
	opLdH    = 0x28
	opLdB    = 0x30
	opLdIndW = 0x40 // A = word at X+k
	opLdIndH = 0x48
	opLdIndB = 0x50
	opLdLen  = 0x80
	opLdImm  = 0x00
	opLdMem  = 0x60
	opLdxImm = 0x01
	opLdxMem = 0x61
	opLdxLen = 0x81
	opLdxMSH = 0xb1
	opSt     = 0x02
	opStx    = 0x03
	opTax    = 0x07
	opTxa    = 0x87
	opNeg    = 0x84
	opJa     = 0x05
	opRetK   = 0x06

	aluK = 0x04 // class of A = A op k
	aluX = 0x0c // class of A = A op X
	jmpK = 0x05 // class of a comparison with k
	jmpX = 0x0d // class of a comparison with X
)

// aluBits are the operation's bits in an opcode.
var aluBits = [...]uint16{aAdd: 0x00, aSub: 0x10, aMul: 0x20, aDiv: 0x30, aOr: 0x40, aAnd: 0x50, aShl: 0x60, aShr: 0x70,
	aMod: 0x90, aXor: 0xa0}

// jmpBits are the comparison's bits in an opcode.
var jmpBits = [...]uint16{opEQ: 0x10, opGT: 0x20, opGE: 0x30, opSET: 0x40}

// Extension loads of the Linux kernel: offsets from SKF_AD_OFF in linux/filter.h.
const (
	extBase        = 0xfffff000
	extProtocol    = extBase + 0
	extPktType     = extBase + 4
	extIfIndex     = extBase + 8
	extHatype      = extBase + 28
	extVLANTag     = extBase + 44
	extVLANPresent = extBase + 48
)

// scratchWords is the number of words of the machine's memory.
const scratchWords = 16
