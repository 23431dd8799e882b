package live

import (
	"net/netip"
	"sync"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

// Caps on [FlowNames]: about 3 MB when names are of usual length, 8 MB at most.
const (
	maxFlowNames    = 16 << 10
	maxFlowNameText = 255 // bytes; longer ones are cut
)

// FlowNames is what the applications of a running capture's newest flows called the other side:
// those whose name came last, so many. One follower brings them; any goroutine may ask.
type FlowNames struct {
	mu     sync.Mutex
	names  map[flowKey]string
	order  []flowKey // a ring once it is full
	oldest int
	next   uint64 // number of the first packet that was not looked at
	gone   uint64 // names that made room

	said track.Conversation
}

// flowKey is a flow, whichever way its packets go.
type flowKey struct {
	low, high netip.AddrPort
	proto     uint8
}

func keyOf(proto uint8, a, b netip.AddrPort) flowKey {
	if a.Compare(b) > 0 {
		a, b = b, a
	}
	return flowKey{a, b, proto}
}

// Take learns from a batch to which a did the work on flows. Only packets that say a name
// cost anything.
func (n *FlowNames) Take(b *track.Batch, a *track.Analysis) {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.names == nil {
		n.names = map[flowKey]string{}
	}
	n.next = b.Next.Packet
	last := -1
	for i := range b.Names {
		row := int(b.Names[i].Row)
		if row == last || !a.Find(&b.Notes[row], &n.said) {
			continue
		}
		last = row
		name := n.said.Name
		if len(name) == 0 {
			name = n.said.Host
		}
		if len(name) > 0 {
			n.put(&n.said.Tuple, name)
		}
	}
}

func (n *FlowNames) put(t *packet.Tuple, name []byte) {
	k := keyOf(t.Proto, netip.AddrPortFrom(t.Src.Netip(t.Version), t.SrcPort), netip.AddrPortFrom(t.Dst.Netip(t.Version), t.DstPort))
	// Foreign bytes: what a terminal or a page would act on is a dot from here on.
	text := string(app.Printable(nil, name[:min(len(name), maxFlowNameText)]))
	if _, known := n.names[k]; known {
		n.names[k] = text
		return
	}
	if len(n.order) < maxFlowNames {
		n.order = append(n.order, k)
	} else {
		n.gone++
		delete(n.names, n.order[n.oldest])
		n.order[n.oldest] = k
		n.oldest = (n.oldest + 1) % maxFlowNames
	}
	n.names[k] = text
}

// Of returns the name of a flow, given by its ends in any order; "" when none is known.
func (n *FlowNames) Of(proto uint8, a, b netip.AddrPort) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.names[keyOf(proto, a, b)]
}

// Progress returns the number of the first packet that was not looked at, and how many names
// made room for newer ones.
func (n *FlowNames) Progress() (next, gone uint64) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.next, n.gone
}
