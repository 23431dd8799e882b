package filter

import (
	"fmt"
	"io"
	"strings"

	"golang.org/x/net/bpf"
)

// DumpStyle is one of tcpdump's forms of a program.
type DumpStyle int

const (
	// DumpText is tcpdump -d: one instruction a line, to be read by people.
	DumpText DumpStyle = 1
	// DumpC is tcpdump -dd: the initialiser of an array in C.
	DumpC DumpStyle = 2
	// DumpDecimal is tcpdump -ddd: the number of instructions, then each as four decimal numbers.
	DumpDecimal DumpStyle = 3
)

// Dump writes the program to w in the given style; an unknown style is taken as DumpText. The error is w's.
func (p *Program) Dump(w io.Writer, style DumpStyle) error {
	var b strings.Builder
	switch style {
	case DumpC:
		for _, i := range p.Ins {
			fmt.Fprintf(&b, "{ 0x%x, %d, %d, 0x%08x },\n", i.Op, i.Jt, i.Jf, i.K)
		}
	case DumpDecimal:
		fmt.Fprintf(&b, "%d\n", len(p.Ins))
		for _, i := range p.Ins {
			fmt.Fprintf(&b, "%d %d %d %d\n", i.Op, i.Jt, i.Jf, i.K)
		}
	default:
		for n, i := range p.Ins {
			b.WriteString(instructionText(n, i))
			b.WriteByte('\n')
		}
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write filter program: %w", err)
	}
	return nil
}

// extNames are tcpdump's names of the kernel's extension loads.
var extNames = map[uint32]string{
	extProtocol: "proto", extPktType: "type", extIfIndex: "ifidx", extBase + 12: "nla", extBase + 16: "nlan",
	extBase + 20: "mark", extBase + 24: "queue", extHatype: "hatype", extBase + 32: "rxhash", extBase + 36: "cpu",
	extVLANTag: "vlan_tci", extVLANPresent: "vlanp", extBase + 52: "payoff", extBase + 56: "rand",
	extBase + 60: "vlan_tpid",
}

// instructionText is instruction n as tcpdump -d prints it.
func instructionText(n int, i bpf.RawInstruction) string {
	op, arg := mnemonic(n, i)
	switch i.Op &^ 0x8 {
	case 0x15, 0x25, 0x35, 0x45:
		return fmt.Sprintf("(%03d) %-8s %-16s jt %d\tjf %d", n, op, arg, n+1+int(i.Jt), n+1+int(i.Jf))
	}
	return fmt.Sprintf("(%03d) %-8s %s", n, op, arg)
}

// mnemonic is an instruction's name and operand.
func mnemonic(n int, i bpf.RawInstruction) (op, arg string) {
	k := i.K
	abs := func() string {
		if s, ok := extNames[k]; ok {
			return "[" + s + "]"
		}
		return fmt.Sprintf("[%d]", k)
	}
	switch i.Op {
	case opRetK:
		return "ret", fmt.Sprintf("#%d", k)
	case opLdW:
		return "ld", abs()
	case opLdH:
		return "ldh", abs()
	case opLdB:
		return "ldb", abs()
	case opLdLen:
		return "ld", "#pktlen"
	case opLdxLen:
		return "ldx", "#pktlen"
	case opLdIndW:
		return "ld", fmt.Sprintf("[x + %d]", k)
	case opLdIndH:
		return "ldh", fmt.Sprintf("[x + %d]", k)
	case opLdIndB:
		return "ldb", fmt.Sprintf("[x + %d]", k)
	case opLdImm:
		return "ld", fmt.Sprintf("#0x%x", k)
	case opLdxImm:
		return "ldx", fmt.Sprintf("#0x%x", k)
	case opLdxMSH:
		return "ldxb", fmt.Sprintf("4*([%d]&0xf)", k)
	case opLdMem:
		return "ld", fmt.Sprintf("M[%d]", k)
	case opLdxMem:
		return "ldx", fmt.Sprintf("M[%d]", k)
	case opSt:
		return "st", fmt.Sprintf("M[%d]", k)
	case opStx:
		return "stx", fmt.Sprintf("M[%d]", k)
	case opJa:
		return "ja", fmt.Sprintf("%d", n+1+int(k))
	case opNeg:
		return "neg", ""
	case opTax:
		return "tax", ""
	case opTxa:
		return "txa", ""
	}
	name := map[uint16]string{0x15: "jeq", 0x25: "jgt", 0x35: "jge", 0x45: "jset", 0x04: "add", 0x14: "sub",
		0x24: "mul", 0x34: "div", 0x94: "mod", 0x54: "and", 0x44: "or", 0xa4: "xor", 0x64: "lsh", 0x74: "rsh"}[i.Op&^0x8]
	switch {
	case name == "":
		return "unimp", fmt.Sprintf("0x%x", i.Op)
	case i.Op&0x8 != 0:
		return name, "x"
	}
	switch name {
	case "jeq", "jgt", "jge", "jset", "and", "or", "xor":
		return name, fmt.Sprintf("#0x%x", k)
	}
	return name, fmt.Sprintf("#%d", k)
}
