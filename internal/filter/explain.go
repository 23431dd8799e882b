package filter

import "slices"

import "strings"

// Explanation is what a filter means, in words.
type Explanation struct {
	// Words is the expression as one English sentence without a full stop.
	Words string
	// Reads is the expression with all qualifiers written out and all groups in parentheses: how it is understood.
	Reads string
	// Notes are things about this expression that surprise people; may be empty.
	Notes []string
	// Misses is what the expression does not match although one might think so, the likeliest first; may be empty.
	Misses []Miss
	// Instructions is the length of the program for the target.
	Instructions int
}

// Miss is a kind of packets that an expression does not match.
type Miss struct {
	What string // the packets
	Use  string // an expression that matches them as well; compiles for the same target
}

// Explain says in words what an expression matches on the target, and what it does not. The error is an *Error, the
// same as Compile's.
func Explain(expr string, t Target) (Explanation, error) {
	tree, err := parse(expr)
	if err != nil {
		return Explanation{}, err
	}
	t.Resolver = rememberNames(t.Resolver)
	p, err := Compile(expr, t)
	if err != nil {
		return Explanation{}, err
	}
	if tree == nil {
		return Explanation{Words: "every packet", Instructions: len(p.Ins)}, nil
	}
	e := &explainer{text: strings.TrimSpace(expr), tree: tree, target: t}
	return Explanation{
		Words:        e.words(tree),
		Reads:        reads(tree),
		Notes:        e.notes(),
		Misses:       e.misses(),
		Instructions: len(p.Ins),
	}, nil
}

// explainer puts a tree into words.
type explainer struct {
	text   string
	tree   expr
	target Target
}

// walk calls f for every node, a node before its parts.
func walk(e expr, f func(expr)) {
	f(e)
	switch e := e.(type) {
	case *binary:
		walk(e.l, f)
		walk(e.r, f)
	case *negation:
		walk(e.x, f)
	case *group:
		walk(e.x, f)
	}
}

// walkArith calls f for every access to the packet in an arithmetic expression.
func walkArith(a *arith, f func(*arith)) {
	if a == nil {
		return
	}
	if a.op == aLoad {
		f(a)
	}
	walkArith(a.l, f)
	walkArith(a.r, f)
}

// notes are the surprises of the language that this expression meets.
func (e *explainer) notes() []string {
	var out []string
	add := func(s string) {
		if slices.Contains(out, s) {
			return
		}
		out = append(out, s)
	}
	walk(e.tree, func(x expr) {
		switch x := x.(type) {
		case *binary:
			if l, ok := x.l.(*binary); ok && l.or != x.or {
				add("\"and\" and \"or\" bind equally, from left to right")
			}
			_, isSpecial := first(x.r).(*special)
			if s, ok := last(x.l).(*special); ok && moves(s.word) && x.or && !isSpecial {
				add("\"" + wordText(s.word) + "\" moves what is to its right behind the tag, also after \"or\"")
			}
		case *primitive:
			if x.q.kind != kPort && x.q.kind != kPortRange && x.q.kind != kProto && x.q.proto == pDefault && x.id.kind != tkIPv6 && x.id.kind != tkMAC {
				add("without \"ip\", an IPv4 address is looked for in ARP and RARP as well")
			}
		case *relation:
			walkArith(x.l, func(a *arith) {
				if onlyIPv4(a.proto) {
					add(a.proto.String() + "[…] looks at IPv4 packets only")
				}
			})
		}
	})
	return out
}

// first is the leftmost leaf of a tree and last the rightmost.
func first(e expr) expr {
	for {
		switch x := e.(type) {
		case *binary:
			e = x.l
		case *negation:
			e = x.x
		case *group:
			e = x.x
		default:
			return e
		}
	}
}

func last(e expr) expr {
	for {
		switch x := e.(type) {
		case *binary:
			e = x.r
		case *negation:
			e = x.x
		case *group:
			e = x.x
		default:
			return e
		}
	}
}

// moves reports whether a primitive changes the offsets of what is to its right.
func moves(w tok) bool {
	switch w {
	case tkVlan, tkMpls, tkPppoes, tkGeneve, tkVxlan:
		return true
	}
	return false
}

func wordText(w tok) string {
	return map[tok]string{tkVlan: "vlan", tkMpls: "mpls", tkPppoes: "pppoes", tkPppoed: "pppoed", tkGeneve: "geneve",
		tkVxlan: "vxlan", tkBroadcast: "broadcast", tkMulticast: "multicast", tkInbound: "inbound", tkOutbound: "outbound",
		tkIfindex: "ifindex", tkIfname: "ifname", tkLess: "less", tkGreater: "greater", tkByte: "byte", tkLLC: "llc",
		tkType: "type", tkSubtype: "subtype", tkDir: "dir"}[w]
}

// onlyIPv4 reports whether an index of the protocol is looked for behind IPv4 headers only.
func onlyIPv4(p proto) bool {
	switch p {
	case pTCP, pUDP, pSCTP, pPIM:
		return true
	}
	return false
}
