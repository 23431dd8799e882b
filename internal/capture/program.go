package capture

import "math"

// keepAll is the length up to which a program keeps a packet when all of it is wanted.
const keepAll = math.MaxInt32

// Classic BPF operations that the sources use themselves.
const (
	opReturn  = 0x06 // BPF_RET | BPF_K
	opLoad    = 0x20 // BPF_LD | BPF_W | BPF_ABS
	opLoadImm = 0x00 // BPF_LD | BPF_IMM
	opEqual   = 0x15 // BPF_JMP | BPF_JEQ | BPF_K
)

// keeping returns prog with its accepting returns set to limit bytes. prog stays as it is.
func keeping(prog []Instruction, limit uint32) []Instruction {
	changed := make([]Instruction, len(prog))
	for i, ins := range prog {
		if ins.Op == opReturn && ins.K != 0 {
			ins.K = limit
		}
		changed[i] = ins
	}
	return changed
}

// limitOf turns Options.SnapLen into what a program returns.
func limitOf(snapLen int) uint32 {
	if snapLen <= 0 {
		return keepAll
	}
	return uint32(min(snapLen, keepAll))
}
