package filter

import (
	"fmt"

	"golang.org/x/net/bpf"
)

// rel says what an offset counts from.
type rel uint8

const (
	relPacket   rel = iota // the first captured byte
	relLink                // the link-layer header
	relLinkType            // the field that tells the payload's type
	relPayload             // the link layer's payload: where an LLC header would be
	relNet                 // the network header
	relNetLLC              // the network header when there is no SNAP header
	relMPLS                // the MPLS label before the network header
	relTran4               // the header after IPv4's
	relTran6               // the header after IPv6's fixed one
)

// gen turns a syntax tree into conditions for one link type. Some primitives (vlan, mpls, pppoes, geneve, vxlan)
// change the offsets for everything to their right, as the language defines.
type gen struct {
	text   string
	t      Target
	link   int // canonical link type in force; the target's until a tunnel changes it
	base   int // canonical link type of the target
	family family
	v      values
	conds  []condNode
	where  expr // the node that is being generated, for errors

	outer    offset // link header of the outermost layer
	linkHdr  offset
	linkType offset
	payload  offset
	net      uint32
	netLLC   uint32

	labels int  // mpls seen
	tags   int  // vlan seen
	tunnel bool // inside geneve or vxlan: there may be no link header
	vars   int8 // variables in use
	elide  bool // loads whose value does not matter may be dropped

	radioVar   int8 // variable that holds the length of a radio header, noVar when unused
	payloadVar int8 // variable that holds the offset after an 802.11 header, noVar when unused
	init       []assign
}

// generate translates a syntax tree; nil means "everything".
func generate(text string, tree expr, t Target) (ins []bpf.RawInstruction, err error) {
	g := &gen{text: text, t: t, where: tree}
	defer func() {
		switch r := recover().(type) {
		case nil:
		case compileError:
			ins, err = nil, r.err
		default:
			panic(r)
		}
	}()
	if t.SnapLen < 0 {
		g.fail(BadUse, fmt.Sprintf("snapshot length %d", t.SnapLen))
	}
	if tree == nil {
		return retAll(t), nil
	}
	g.setLayout()
	g.v.n = make([]valueNode, 0, 48)
	g.conds = make([]condNode, 0, 64)
	root := g.expr(tree)
	root = g.prologue(root)
	gr := g.graph(root)
	gr.optimise()
	gr.finish()
	if gr.root == reject {
		g.where = nil
		g.fail(MatchesNothing, "no packet can match this expression")
	}
	return gr.emit(), nil
}

// retAll is the program that takes every packet.
func retAll(t Target) []bpf.RawInstruction {
	return []bpf.RawInstruction{{Op: opRetK, K: snapLen(t)}}
}

func snapLen(t Target) uint32 {
	if t.SnapLen == 0 {
		return DefaultSnapLen
	}
	return uint32(t.SnapLen)
}

// setLayout takes the offsets of the target's link type.
func (g *gen) setLayout() {
	g.base = canonicalLink(g.t.LinkType)
	g.link = g.base
	l, ok := layouts[g.link]
	if !ok {
		l = linkLayout{linkType: unset, payload: unset, net: unset, netLLC: unset}
	}
	g.family = l.family
	g.linkHdr = offset{noVar, l.mac}
	g.linkType = offset{noVar, l.linkType}
	g.payload = offset{noVar, l.payload}
	g.net, g.netLLC = l.net, l.netLLC
	g.elide = l.family != fam80211
	g.radioVar, g.payloadVar = noVar, noVar
	if l.family == fam80211 {
		g.payloadVar = g.newVar()
		g.payload = offset{g.payloadVar, 0}
		if g.link != link80211 {
			g.radioVar = g.newVar()
			g.linkHdr = offset{g.radioVar, 0}
		}
	}
	g.outer = g.linkHdr
}

// newVar is a fresh variable.
func (g *gen) newVar() int8 {
	if g.vars == 100 {
		g.fail(TooLarge, "too many tunnel layers")
	}
	g.vars++
	return g.vars - 1
}

// fail leaves the generator with an error at the node that is being generated.
func (g *gen) fail(r Reason, msg string) { g.failHint(r, msg, "") }

// tooLarge leaves the generator because of the kernel's limit.
func (g *gen) tooLarge() {
	g.where = nil
	g.fail(TooLarge, "the program would have more than 4096 instructions, the kernel's limit: "+
		"networks in place of single hosts, \"ip host\" in place of \"host\", or several captures make it shorter")
}

func (g *gen) failHint(r Reason, msg, suggestion string) {
	e := &Error{Expr: g.text, Reason: r, Message: msg, Suggestion: suggestion}
	if g.where != nil {
		e.Pos, e.Near = g.near(g.where)
	}
	panic(compileError{e})
}

// near is the place and the word that an error about a node points to: the id of a primitive, else the first word.
func (g *gen) near(e expr) (pos int, word string) {
	if p, ok := e.(*primitive); ok {
		return p.id.pos, g.text[p.id.pos:p.id.end]
	}
	i := e.at()
	return i, g.text[i : i+nameLen(g.text[i:])]
}

// nameLen is the length of the word at the beginning of s, at least one byte if there is one.
func nameLen(s string) int {
	if s == "" {
		return 0
	}
	return max(1, nameRun(s, 0))
}

func (g *gen) linkDesc() string {
	if l, ok := layouts[g.link]; ok {
		return l.desc
	}
	return fmt.Sprintf("link type %d", g.t.LinkType)
}

// expr generates a node of the syntax tree, left before right.
func (g *gen) expr(e expr) cond {
	switch e := e.(type) {
	case *binary:
		l := g.expr(e.l)
		r := g.expr(e.r)
		if e.or {
			return g.or(l, r)
		}
		return g.and(l, r)
	case *negation:
		return g.not(g.expr(e.x))
	case *group:
		return g.expr(e.x)
	}
	g.where = e
	switch e := e.(type) {
	case *primitive:
		return g.primitive(e)
	case *abbreviation:
		return g.abbreviation(e.proto)
	case *relation:
		return g.relation(e)
	}
	return g.special(e.(*special))
}

// field is the value of size bytes at off from base.
func (g *gen) field(base rel, off uint32, size uint8) value {
	switch base {
	case relPacket:
		return g.v.load(size, noValue, off)
	case relLink:
		return g.at(g.linkHdr, off, size)
	case relLinkType:
		return g.at(g.linkType, off, size)
	case relPayload:
		return g.at(g.payload, off, size)
	case relNet:
		return g.at(g.payload, g.net+off, size)
	case relNetLLC:
		return g.at(g.payload, g.netLLC+off, size)
	case relMPLS:
		return g.at(g.payload, g.net-4+off, size)
	case relTran6:
		return g.at(g.payload, g.net+40+off, size)
	}
	return g.v.load(size, g.headerLen4(), g.payload.k+g.net+off)
}

// at is the value of size bytes at o plus off.
func (g *gen) at(o offset, off uint32, size uint8) value {
	if o.v == noVar {
		return g.v.load(size, noValue, o.k+off)
	}
	return g.v.add(valueNode{kind: vLoad, size: size, k: o.k + off, a: g.variable(o), b: noValue})
}

// variable is the value of an offset's variable, to be used as an index.
func (g *gen) variable(o offset) value {
	return g.v.add(valueNode{kind: vVar, k: uint32(o.v), a: noValue, b: noValue})
}

// headerLen4 is the length of the IPv4 header plus the variable part of the payload's offset: an index for loads
// whose constant part is the payload's and the network header's.
func (g *gen) headerLen4() value {
	if g.payload.v == noVar {
		return g.v.msh(g.payload.k + g.net)
	}
	a := g.v.alu(aAnd, g.field(relNet, 0, 1), g.v.constant(0xf), g.elide)
	a = g.v.alu(aShl, a, g.v.constant(2), g.elide)
	return g.v.alu(aAdd, a, g.variable(g.payload), g.elide)
}
