package packet

// The IP protocol numbers that lead somewhere (IANA), beside those of names.go.
const (
	protoHopByHop = 0
	protoIGMP     = 2
	protoIPv4     = 4
	protoIPv6     = 41
	protoRouting  = 43
	protoFragment = 44
	protoDCCP     = 33
	protoGRE      = 47
	protoESP      = 50
	protoAH       = 51
	protoDestOpts = 60
	protoEtherIP  = 97
	protoPIM      = 103
	protoL2TP     = 115
	protoMPLS     = 137
	protoShim6    = 140
	protoEthernet = 143
)

// ipSteps is where each IP protocol leads.
var ipSteps = [256]step{
	protoHopByHop: stepHopByHop,
	ProtoICMP:     stepICMP,
	protoIGMP:     stepIGMP,
	protoIPv4:     stepIP,
	ProtoTCP:      stepTCP,
	ProtoUDP:      stepUDP,
	protoIPv6:     stepIPv6,
	protoRouting:  stepRouting,
	protoFragment: stepFragment,
	protoESP:      stepESP,
	protoAH:       stepAH,
	ProtoICMPv6:   stepICMPv6,
	protoDestOpts: stepDestOpts,
	ProtoSCTP:     stepSCTP,
	protoDCCP:     stepDCCP,
	protoGRE:      stepGRE,
	protoEtherIP:  stepEtherIP,
	protoPIM:      stepPIM,
	protoL2TP:     stepL2TPv3,
	ProtoUDPLite:  stepUDPLite,
	protoMPLS:     stepMPLS,
	protoShim6:    stepShim6,
	protoEthernet: stepEthernet,
}

// Bits of IPv4's flags and fragment offset (RFC 791, section 3.1).
const (
	ipMoreFragments = 0x2000
	ipOffsetMask    = 0x1fff
)

// ip tells IPv4 from IPv6 by the version field.
func (w *walker) ip() step {
	if b := w.left(); len(b) > 0 && b[0]>>4 == 6 {
		return stepIPv6
	}
	return stepIPv4
}

// enterIP remembers the header in hand as an IP header.
func (w *walker) enterIP() {
	w.depth++
	if w.flags&LayerQuoted != 0 {
		return
	}
	i := int8(w.p.N - 1)
	if w.p.IP < 0 {
		w.p.IP = i
	}
	w.p.InnerIP, w.p.InnerTransport = i, -1
}

func (w *walker) ipv4() step {
	b := w.open(KindIPv4, 20)
	if b == nil {
		b = w.rest()
	}
	if len(b) == 0 {
		return stepEnd
	}
	hlen := int(b[0]&0x0f) * 4
	if b[0]>>4 != 4 || hlen < 20 {
		return w.bad(1)
	}
	if len(b) < 4 {
		return stepEnd
	}
	total := int(be16(b[2:]))
	if total == 0 {
		total = max(hlen, w.end-w.off) // the network card cuts it into packets later (TSO)
	}
	if total < hlen {
		return w.bad(4)
	}
	if len(b) < 20 {
		return stepEnd
	}
	w.enterIP()
	w.finish(OutcomeIP)
	w.clip(total)
	proto := b[9]
	if s := ipSteps[proto]; hlen > 20 || s >= stepHopByHop && s <= stepAH {
		w.more = true // a source route, perhaps; a protocol that the tuple does not name
	}
	if !w.close(hlen, uint16(proto)) {
		return stepEnd
	}
	w.layer.PayLen = uint32(total - hlen)
	if frag := be16(b[6:]); frag&(ipMoreFragments|ipOffsetMask) != 0 {
		w.layer.Flags |= LayerFragment
		return w.piece(fragment{
			key: fragmentKey{
				src: AddrFrom4([4]byte(b[12:])), dst: AddrFrom4([4]byte(b[16:])),
				id: uint32(be16(b[4:])), proto: proto, vlan: w.vlanID,
			},
			off:  int(frag&ipOffsetMask) * 8,
			more: frag&ipMoreFragments != 0,
		}, total-hlen, ipSteps[proto])
	}
	return ipSteps[proto]
}

func (w *walker) ipv6() step {
	b := w.open(KindIPv6, 40)
	if b == nil {
		b = w.rest()
	}
	if len(b) > 0 && b[0]>>4 != 6 {
		return w.bad(1)
	}
	if len(b) < 40 {
		return stepEnd
	}
	w.enterIP()
	w.finish(OutcomeIP)
	length := int(be16(b[4:]))
	proto := b[6]
	w.close(40, uint16(proto))
	if length == 0 {
		length = w.jumbo(proto)
	}
	w.clip(length)
	w.layer.PayLen = uint32(length)
	return ipSteps[proto]
}

// jumbo returns the payload length of an IPv6 packet whose length field is 0: that of
// the jumbo payload option (RFC 2675), or what is left of the frame when that is more than
// the field could say: the large packets that Linux hands over before the network card
// cuts them (BIG TCP) may come without option.
func (w *walker) jumbo(proto uint8) int {
	if b := w.left(); proto == protoHopByHop && len(b) >= 8 {
		b = b[2:min(len(b), (int(b[1])+1)*8)]
		for len(b) >= 2 {
			switch {
			case b[0] == 0: // Pad1
				b = b[1:]
				continue
			case b[0] == 0xc2 && b[1] == 4 && len(b) >= 6:
				return int(min(be32(b[2:]), 1<<30))
			}
			b = b[min(int(b[1])+2, len(b)):]
		}
	}
	if rest := w.end - w.off; rest > 0xffff {
		return rest
	}
	return 0
}

// options walks over a hop-by-hop, routing or destination options header (RFC 8200,
// sections 4.3, 4.4 and 4.6).
func (w *walker) options(k Kind) step {
	b := w.open(k, 8)
	if b == nil {
		return stepEnd
	}
	n := (int(b[1]) + 1) * 8
	if !w.close(n, uint16(b[0])) {
		return stepEnd
	}
	if k != KindRouting && !fits(b, n) {
		w.layer.Flags |= LayerMalformed
		w.finish(OutcomeMalformed)
		return stepEnd
	}
	return ipSteps[b[0]]
}

// fits tells whether the options of an IPv6 header of n bytes end within the packet b.
func fits(b []byte, n int) bool {
	for at := 2; at < n; at++ {
		if b[at] == 0 { // Pad1
			continue
		}
		if at++; at == len(b) {
			return false
		}
		if at += int(b[at]); at >= len(b) {
			return false
		}
	}
	return true
}

// ah walks over an authentication header (RFC 4302, section 2).
func (w *walker) ah() step {
	b := w.open(KindAH, 12)
	if b == nil || !w.close((int(b[1])+2)*4, uint16(b[0])) {
		return stepEnd
	}
	return ipSteps[b[0]]
}

// fragmentHeader walks over IPv6's fragment header (RFC 8200, section 4.5).
func (w *walker) fragmentHeader() step {
	b := w.open(KindFragment, 8)
	if b == nil || !w.close(8, uint16(b[0])) {
		return stepEnd
	}
	where := be16(b[2:])
	if where&0xfff9 == 0 { // a whole datagram with a fragment header (RFC 6946)
		return ipSteps[b[0]]
	}
	w.layer.Flags |= LayerFragment
	ip := w.lastIP()
	if ip == nil || ip.Kind != KindIPv6 {
		return stepEnd
	}
	ip.Flags |= LayerFragment
	h := w.p.Header(ip)
	return w.piece(fragment{
		key:  fragmentKey{src: Addr(h[8:]), dst: Addr(h[24:]), id: be32(b[4:]), proto: protoFragment},
		off:  int(where &^ 7),
		more: where&1 != 0,
	}, w.end-w.off, ipSteps[b[0]])
}

// lastIP returns the IP header that the header in hand belongs to.
func (w *walker) lastIP() *Layer {
	for i := int(w.p.N) - 1; i >= 0; i-- {
		if l := &w.p.Layers[i]; l.Kind == KindIPv6 || l.Kind == KindIPv4 {
			return l
		}
	}
	return nil
}

// piece goes on with the datagram that a fragment of n bytes completes, which leads to s.
// A fragment that was not captured whole is never put together; when it is the first one
// of IPv4, its own headers are looked at.
func (w *walker) piece(f fragment, n int, s step) step {
	if w.d.apart {
		w.shared = true
		return stepEnd
	}
	if w.off+n > w.lim {
		w.d.frags.cut()
		if f.off != 0 || f.key.proto == protoFragment {
			w.finish(OutcomeFragment)
			return stepEnd
		}
		w.flags |= LayerFragment
		return s
	}
	f.data = w.left()
	whole := w.d.frags.add(f, w.p.Time, w.p.Reassembled)
	if whole == nil {
		w.finish(OutcomeFragment)
		return stepEnd
	}
	w.off = len(w.p.Reassembled)
	w.p.Reassembled, w.buf = whole, whole
	w.lim, w.end = len(whole), len(whole)
	w.flags |= LayerReassembled
	return s
}

// shim6 walks over the header of Shim6 (RFC 5533, section 5.1).
func (w *walker) shim6() step {
	b := w.open(KindShim, 8)
	w.more = true
	if b == nil || !w.close((int(b[1])+1)*8, uint16(b[0])) {
		return stepEnd
	}
	return ipSteps[b[0]]
}
