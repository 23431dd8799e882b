package trafficlog

import (
	"bytes"
	"maps"
	"net/netip"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// sides decides which way a packet went. In this order:
//
//  1. what the kernel said when it was captured;
//  2. addresses known to be the capturing machine's (configured, or the interfaces' own as
//     the capture tells): ENVIADO when one of them is the source, else RECEBIDO;
//  3. for captures that tell nothing: the host that takes part in nine of ten packets of
//     the first batch, if only one does, counts as the capturing machine;
//  4. packet by packet: the private address is on our side when only one is private; else
//     the side with the higher port, the client's; else the smaller address.
type sides struct {
	configured []netip.Prefix
	known      map[packet.Addr]struct{} // of interfaces, or the inferred host
	interfaces int                      // looked at so far
	guessed    bool                     // the first batch was looked at
}

// clone returns a copy that can be changed while others look at this one.
func (s *sides) clone() *sides {
	c := *s
	c.known = maps.Clone(s.known)
	return &c
}

// mostAddresses caps what a file can make us remember.
const mostAddresses = 4096

// observe looks at a batch before its packets are written.
func (s *sides) observe(b []packet.Summary, c *segment.Chunk) {
	for ; s.interfaces < len(c.Interfaces); s.interfaces++ {
		for _, text := range c.Interfaces[s.interfaces].Addresses {
			if len(s.known) >= mostAddresses {
				break
			}
			if a, ok := parseAddress(text); ok {
				s.add(a)
			}
		}
	}
	if s.guessed || len(b) == 0 {
		return
	}
	s.guessed = true
	if len(s.configured) == 0 && len(s.known) == 0 {
		if a, ok := mainHost(b); ok {
			s.add(a)
		}
	}
}

func (s *sides) add(a packet.Addr) {
	if s.known == nil {
		s.known = map[packet.Addr]struct{}{}
	}
	s.known[a] = struct{}{}
}

// parseAddress reads an address with or without prefix length.
func parseAddress(text string) (packet.Addr, bool) {
	if p, err := netip.ParsePrefix(text); err == nil {
		return p.Addr().As16(), true
	}
	a, err := netip.ParseAddr(text)
	if err != nil {
		return packet.Addr{}, false
	}
	return a.As16(), true
}

// mainHost returns the only address that takes part in nearly all packets.
func mainHost(rows []packet.Summary) (packet.Addr, bool) {
	seen := map[packet.Addr]int{}
	total := 0
	for i := range rows {
		if o := &rows[i].Outer; o.Version != 0 {
			total++
			seen[o.Src]++
			if o.Dst != o.Src {
				seen[o.Dst]++
			}
		}
	}
	var first packet.Addr
	most, second := 0, 0
	for a, n := range seen {
		switch {
		case n > most:
			first, most, second = a, n, most
		case n > second:
			second = n
		}
	}
	return first, most*10 >= total*9 && second*10 < most*9
}

// sent tells whether the capturing machine sent the packet.
func (s *sides) sent(p *packet.Summary, t *transport) bool {
	switch p.Direction {
	case packet.DirectionSent:
		return true
	case packet.DirectionReceived:
		return false
	}
	if len(s.configured) > 0 {
		src := p.Outer.Src.Netip(p.Outer.Version).Unmap()
		for _, prefix := range s.configured {
			if prefix.Contains(src) {
				return true
			}
		}
		return false
	}
	if len(s.known) > 0 {
		_, own := s.known[p.Outer.Src]
		return own
	}
	if a, b := private(p.Outer.Src, p.Outer.Version), private(p.Outer.Dst, p.Outer.Version); a != b {
		return a
	}
	if t.sport != t.dport {
		return t.sport > t.dport
	}
	return bytes.Compare(p.Outer.Src[:], p.Outer.Dst[:]) <= 0
}

// private tells whether an address is of the kind that is given out inside a network: RFC
// 1918, RFC 4193, RFC 6598, loopback and link-local.
func private(a packet.Addr, version uint8) bool {
	n := a.Netip(version)
	return n.IsPrivate() || n.IsLoopback() || n.IsLinkLocalUnicast() || version == 4 && a[12] == 100 && a[13]&0xc0 == 64
}
