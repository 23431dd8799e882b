package filter

// expr is a node of the syntax tree of conditions.
type expr interface {
	at() int // byte offset in the text
}

// binary is "l and r" or "l or r".
type binary struct {
	pos int
	or  bool
	l   expr
	r   expr
}

// negation is "not x".
type negation struct {
	pos int
	x   expr
}

// group is an expression in parentheses; it changes nothing but how the tree is told in words.
type group struct {
	pos int
	x   expr
}

// primitive is an id with its qualifiers, given or inherited: "tcp src port 80".
type primitive struct {
	pos  int
	q    qual
	id   token // tkNum, tkID, tkIPv4, tkIPv6, tkMAC or tkArc
	mask token // for "net A mask M"
	bits int   // prefix length, -1 without one
}

// abbreviation is a protocol's name alone: "tcp".
type abbreviation struct {
	pos   int
	proto proto
}

// relation compares two arithmetic expressions.
type relation struct {
	pos  int
	op   relop
	not  bool // the relation is the opposite of op
	text string
	l, r *arith
}

// special is one of the primitives with a syntax of their own.
type special struct {
	pos   int
	end   int
	word  tok
	proto proto  // qualifier of broadcast and multicast
	num   uint32 // length, VLAN id, label …
	has   bool   // num was given
	name  token  // of ifname, llc, 802.11 types
	sub   token  // 802.11 subtype
	op    byte   // of byte
	num2  uint32 // of byte
}

func (e *binary) at() int       { return e.pos }
func (e *negation) at() int     { return e.pos }
func (e *group) at() int        { return e.pos }
func (e *primitive) at() int    { return e.pos }
func (e *abbreviation) at() int { return e.pos }
func (e *relation) at() int     { return e.pos }
func (e *special) at() int      { return e.pos }

// relop is a comparison of the machine: equal, greater, greater or equal, a common bit.
type relop uint8

const (
	opEQ relop = iota
	opGT
	opGE
	opSET
)

// arithOp is what an arithmetic node does.
type arithOp uint8

const (
	aNum arithOp = iota
	aLen
	aLoad // proto[l:size]
	aNeg
	aAdd
	aSub
	aMul
	aDiv
	aMod
	aAnd
	aOr
	aXor
	aShl
	aShr
)

// arith is a node of an arithmetic expression.
type arith struct {
	pos   int
	op    arithOp
	num   uint32
	size  uint32
	proto proto
	l, r  *arith
}
