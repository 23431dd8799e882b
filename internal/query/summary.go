package query

import "github.com/tarrafa/tarrafa/internal/packet"

// summaryNode answers for a packet from its Summary.
type summaryNode interface {
	tri(s *packet.Summary) Tri
}

type (
	openLeaf struct{} // a Summary does not hold what is asked
	triAll   []summaryNode
	triAny   []summaryNode
	triXor   struct{ left, right summaryNode }
	triNot   struct{ x summaryNode }
)

func (openLeaf) tri(*packet.Summary) Tri { return Unknown }

func (n triAll) tri(s *packet.Summary) Tri {
	result := Yes
	for _, x := range n {
		switch x.tri(s) {
		case No:
			return No
		case Unknown:
			result = Unknown
		}
	}
	return result
}

func (n triAny) tri(s *packet.Summary) Tri {
	result := No
	for _, x := range n {
		switch x.tri(s) {
		case Yes:
			return Yes
		case Unknown:
			result = Unknown
		}
	}
	return result
}

func (n triXor) tri(s *packet.Summary) Tri {
	left, right := n.left.tri(s), n.right.tri(s)
	switch {
	case left == Unknown || right == Unknown:
		return Unknown
	case left != right:
		return Yes
	}
	return No
}

func (n triNot) tri(s *packet.Summary) Tri { return n.x.tri(s).not() }

func (t Tri) not() Tri {
	switch t {
	case Yes:
		return No
	case No:
		return Yes
	}
	return Unknown
}

// answer turns a certain answer into a Tri.
func answer(yes bool) Tri {
	if yes {
		return Yes
	}
	return No
}

// summarize compiles an expression for Summaries.
func summarize(x Expr) summaryNode {
	switch x := x.(type) {
	case *And:
		left, right := summarize(x.Left), summarize(x.Right)
		if l, ok := left.(triAll); ok {
			return append(l, right)
		}
		return triAll{left, right}
	case *Or:
		left, right := summarize(x.Left), summarize(x.Right)
		if l, ok := left.(triAny); ok {
			return append(l, right)
		}
		return triAny{left, right}
	case *Xor:
		return triXor{summarize(x.Left), summarize(x.Right)}
	case *Not:
		return triNot{summarize(x.X)}
	case *In:
		if each := eachRange(x); each != nil {
			return summarize(each)
		}
		return leaf(x)
	default:
		return leaf(x)
	}
}

// What the outcomes say of the headers in a Summary: whether all that the packet has were
// found.
var settled = [256]bool{
	packet.OutcomeTransport: true, packet.OutcomeIP: true, packet.OutcomeFragment: true,
	packet.OutcomeNonIP: true, packet.OutcomeLinkType: true,
}

// whole tells whether the Summary's tuples are all IP headers of the packet, with the
// transport headers above them. A header that is cut or wrong may be one more, unless it
// is that of TCP, which comes last.
func whole(s *packet.Summary) bool {
	return s.Flags&packet.MoreHeaders == 0 && (settled[s.Outcome] || overTCP(&s.Inner))
}

// overTCP tells whether a tuple holds TCP's ports. Those of a first fragment do not count:
// whether its transport header was read depends on the rest of the datagram.
func overTCP(t *packet.Tuple) bool {
	return t.Proto == packet.ProtoTCP && t.Flags&(packet.TupleHasPorts|packet.TupleFragment) == packet.TupleHasPorts
}

// firstFragment tells whether a tuple holds the ports of a first fragment.
func firstFragment(t *packet.Tuple) bool {
	const first = packet.TupleHasPorts | packet.TupleFragment
	return t.Flags&first == first
}

// tcpHeader tells whether the packet has a TCP header, at least up to its window.
func tcpHeader(s *packet.Summary) Tri {
	switch {
	case s.Flags&packet.MoreHeaders != 0 || firstFragment(&s.Inner):
		return Unknown
	case settled[s.Outcome]:
		return answer(overTCP(&s.Inner))
	case s.Outcome == packet.OutcomeTruncated && overTCP(&s.Inner) &&
		(s.Seq != 0 || s.Ack != 0 || s.TCPFlags != 0 || s.Window != 0):
		return Yes // without these bytes they would all be 0
	}
	return Unknown
}

// protocolLeaf asks for a header.
type protocolLeaf struct {
	version uint8 // of IP; 0: proto decides
	proto   uint8
	ports   bool // a header with ports
}

func (l protocolLeaf) tri(s *packet.Summary) Tri {
	outer, inner := l.has(&s.Outer), l.has(&s.Inner)
	switch {
	case outer == Yes || inner == Yes:
		if l.proto == packet.ProtoSCTP && !settled[s.Outcome] {
			return Unknown // tshark wants its whole header
		}
		return Yes
	case outer == No && inner == No && whole(s):
		return No
	}
	return Unknown
}

func (l protocolLeaf) has(t *packet.Tuple) Tri {
	switch {
	case l.version != 0:
		return answer(t.Version == l.version)
	case t.Version == 0 || t.Proto != l.proto:
		return No
	case firstFragment(t):
		return Unknown
	case l.ports:
		return answer(t.Flags&packet.TupleHasPorts != 0)
	default:
		return Unknown // what is behind the IP header may be cut, or a fragment
	}
}

// directionLeaf holds the answer for each direction.
type directionLeaf [4]Tri

func (l *directionLeaf) tri(s *packet.Summary) Tri { return l[s.Direction&3] }

// vlanLeaf asks for tags: all that a Summary tells for sure is that there is none.
type vlanLeaf struct{ none Tri }

func (l vlanLeaf) tri(s *packet.Summary) Tri {
	flat := s.Depth == 0 || s.Depth == 1 && overTCP(&s.Inner)
	if s.VLAN == packet.NoVLAN && flat && whole(s) {
		return l.none
	}
	return Unknown
}
