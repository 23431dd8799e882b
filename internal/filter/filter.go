package filter

import (
	"golang.org/x/net/bpf"
)

// DefaultSnapLen is what a program returns on a match when Target.SnapLen is zero: tcpdump's default, in bytes.
const DefaultSnapLen = 262144

// MaxInstructions is the number of instructions above which the Linux kernel refuses a program (BPF_MAXINSNS).
const MaxInstructions = 4096

// NetmaskUnknown as Target.Netmask says that the interface has no IPv4 netmask; "ip broadcast" is then refused.
const NetmaskUnknown = 0xffffffff

// Target says what a program will run on. The zero value is no valid link type except NULL (0); the other fields
// have useful zero values.
type Target struct {
	// LinkType is a LINKTYPE_ value as it stands in a capture file (tcpdump.org/linktypes.html): 1 Ethernet,
	// 0 NULL, 101 RAW (12 and 14 are taken for it), 113 SLL, 276 SLL2 ….
	LinkType int
	// Live is set for a Linux AF_PACKET socket: the program may then use the kernel's extension loads (VLAN tag,
	// interface, direction). With LinkType SLL or SLL2 the socket is a SOCK_DGRAM one, whose filter sees packets
	// from the network header on.
	Live bool
	// SnapLen is returned on a match, in bytes; 0 means DefaultSnapLen.
	SnapLen int
	// Netmask is the interface's IPv4 netmask in host order, for "ip broadcast". 0 is what tcpdump uses for files.
	Netmask uint32
	// BigEndian is set for a file that a big-endian machine wrote; it matters to LINKTYPE_NULL only.
	BigEndian bool
	// Resolver answers names; nil means SystemResolver().
	Resolver Resolver
}

// Program is a compiled filter. It is immutable and safe for concurrent use.
type Program struct {
	// Ins is the program; the kernel accepts it as it is. Callers must not change it.
	Ins []bpf.RawInstruction
	// Target is what the program was compiled for.
	Target Target
	// Expr is the source text.
	Expr string
}

// Compile translates expr for the target. An empty expression matches everything. The error is an *Error.
func Compile(expr string, t Target) (*Program, error) {
	tree, err := parse(expr)
	if err != nil {
		return nil, err
	}
	ins, err := generate(expr, tree, t)
	if err != nil {
		return nil, err
	}
	return &Program{Ins: ins, Target: t, Expr: expr}, nil
}

// Check parses expr without compiling it for a link type: what an editor or a form needs while the user types.
// The error is an *Error.
func Check(expr string) error {
	_, err := parse(expr)
	return err
}
