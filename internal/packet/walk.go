package packet

import "encoding/binary"

// step says what stands at the walker's place.
type step uint8

const (
	stepEnd step = iota // nothing that is looked into
	stepEthernet
	stepVLAN
	stepServiceVLAN
	stepBackbone // 802.1ah
	stepMACsec
	stepTag4 // four bytes and an EtherType
	stepTag6 // six bytes and an EtherType
	stepSLL
	stepSLL2
	stepNull
	stepLLC
	stepMPLS
	stepPPPoE
	stepPPPoED
	stepPPP     // starts with the protocol
	stepPPPHDLC // may start with address and control
	stepCHDLC
	stepFrameRelay
	stepTokenRing
	stepFDDI
	stepIPoIB
	stepPWChannel
	stepTRILL
	stepRaw
	stepIPFC
	stepAP1394
	stepPFLog
	stepENC
	stepNFLog
	stepPKTAP
	stepPPI
	stepPrism
	stepRadiotap
	stepIEEE80211
	stepARP
	stepIP // IPv4 or IPv6, as the version field says
	stepIPv4
	stepIPv6
	stepHopByHop
	stepRouting
	stepFragment
	stepDestOpts
	stepAH
	stepESP
	stepTCP
	stepUDP
	stepUDPLite
	stepDCCP
	stepSCTP
	stepICMP
	stepICMPv6
	stepIGMP
	stepPIM
	stepGRE
	stepERSPAN2
	stepERSPAN3
	stepWCCP
	stepEtherIP
	stepL2TP
	stepL2TPv3
	stepVXLAN
	stepVXLANGPE
	stepNSH
	stepGeneve
	stepGTP
	stepTeredo
	stepAYIYA
	stepLISP
	stepTZSP
	stepUDPESP
	stepCAPWAP
	stepShim6
)

// walker is the state of the walk through one packet.
type walker struct {
	d     *Decoder
	p     *Packet
	buf   []byte // where the headers stand: Packet.Data or Packet.Reassembled
	off   int    // of the next header
	lim   int    // behind the last captured byte of what the enclosing header holds
	end   int    // the same by the lengths on the wire; never less than lim
	layer *Layer // the header in hand

	flags     LayerFlags // for every header from here on
	depth     uint8      // IP headers seen
	quoted    bool       // an ICMP error quotes headers
	more      bool       // there is what two tuples cannot tell: see MoreHeaders
	shared    bool       // a fragment was met that is another decoder's
	outcome   Outcome
	etherType uint16 // of the last link header
	vlanID    uint16 // of the last VLAN tag
	dataPad   bool   // radiotap: the 802.11 header is padded to a multiple of 4
}

// run walks on from s to the end. Each step either takes at least one byte or ends.
func (w *walker) run(s step) {
	for s != stepEnd {
		s = w.next(s)
	}
}

// next takes one step.
func (w *walker) next(s step) step {
	switch s {
	case stepEthernet:
		return w.ethernet()
	case stepVLAN:
		return w.vlan(KindVLAN)
	case stepServiceVLAN:
		return w.vlan(KindServiceVLAN)
	case stepMPLS:
		return w.mpls()
	case stepPPPoE:
		return w.pppoe()
	case stepPPPoED:
		return w.leaf(KindPPPoED, 6)
	case stepPPP:
		return w.ppp()
	case stepPPPHDLC:
		return w.pppHDLC()
	case stepLLC:
		return w.llc()
	case stepARP:
		return w.arp()
	case stepIP:
		return w.ip()
	case stepIPv4:
		return w.ipv4()
	case stepIPv6:
		return w.ipv6()
	case stepHopByHop:
		return w.options(KindHopByHop)
	case stepRouting:
		return w.options(KindRouting)
	case stepFragment:
		return w.fragmentHeader()
	case stepDestOpts:
		return w.options(KindDestOpts)
	case stepAH:
		return w.ah()
	case stepESP:
		return w.leaf(KindESP, 8)
	case stepTCP:
		return w.tcp()
	case stepUDP:
		return w.udp()
	case stepUDPLite:
		return w.udpLite()
	case stepDCCP:
		return w.dccp()
	case stepSCTP:
		return w.sctp()
	case stepICMP:
		return w.icmp()
	case stepICMPv6:
		return w.icmpv6()
	case stepIGMP:
		return w.leaf(KindIGMP, 8)
	}
	if s >= stepPIM {
		return w.tunnel(s)
	}
	return w.link(s)
}

// open adds a header whose fixed part has n bytes and returns the captured bytes from its
// first one on. It returns nil when the walk ends here: too deep, or the header is not
// whole.
func (w *walker) open(k Kind, n int) []byte {
	if w.p.N == MaxLayers {
		w.layer = nil
		w.finish(OutcomeTooDeep)
		return nil
	}
	l := &w.p.Layers[w.p.N]
	w.p.N++
	w.layer = l
	*l = Layer{} // in two steps: otherwise it is built elsewhere and copied
	l.Kind, l.Flags = k, w.flags
	l.Off, l.Len, l.PayLen = uint32(w.off), uint32(n), uint32(max(0, w.end-w.off-n))
	if w.lim-w.off < n {
		w.cut(n)
		return nil
	}
	return w.buf[w.off:w.lim]
}

// cut marks the header in hand as not whole; n is how long it should be.
func (w *walker) cut(n int) {
	l := w.layer
	l.Flags |= LayerTruncated
	l.Len = uint32(w.lim - w.off)
	l.PayLen = uint32(max(0, w.end-w.off-n))
	if w.end-w.off < n {
		l.Flags |= LayerMalformed
		w.finish(OutcomeMalformed)
		return
	}
	w.finish(OutcomeTruncated)
}

// bad marks the header in hand as contradicting itself; only its first n bytes are good.
func (w *walker) bad(n int) step {
	w.layer.Flags |= LayerTruncated | LayerMalformed
	w.layer.Len = uint32(min(n, w.lim-w.off))
	w.layer.PayLen = 0
	w.finish(OutcomeMalformed)
	return stepEnd
}

// close ends the header in hand: it is n bytes long and proto follows. It returns false,
// and the walk is over, when the header is not whole.
func (w *walker) close(n int, proto uint16) bool {
	l := w.layer
	l.Proto = proto
	if w.lim-w.off < n {
		w.cut(n)
		return false
	}
	l.Len = uint32(n)
	l.PayLen = uint32(max(0, w.end-w.off-n))
	w.off += n
	return true
}

// clip ends what follows n bytes behind the walker's place, if it went further.
func (w *walker) clip(n int) {
	if n < 0 || n > w.end-w.off {
		return
	}
	w.end = w.off + n
	w.lim = min(w.lim, w.end)
}

// finish sets the packet's outcome. What is wrong with headers that are only quoted says
// nothing about the packet.
func (w *walker) finish(o Outcome) {
	if w.flags&LayerQuoted == 0 {
		w.outcome = o
	}
}

// leaf adds a header that is not looked behind.
func (w *walker) leaf(k Kind, n int) step {
	if w.open(k, n) != nil {
		w.close(n, 0)
	}
	return stepEnd
}

// shim adds a header of n bytes that leads to s.
func (w *walker) shim(k Kind, n int, s step) step {
	if w.open(k, n) == nil {
		return stepEnd
	}
	w.close(n, 0)
	return s
}

// rest returns what there is of a header that open found cut.
func (w *walker) rest() []byte {
	if w.layer == nil {
		return nil
	}
	return w.left()
}

// left returns the captured bytes from the walker's place on.
func (w *walker) left() []byte { return w.buf[w.off:w.lim] }

func be16(b []byte) uint16 { return binary.BigEndian.Uint16(b) }
func be32(b []byte) uint32 { return binary.BigEndian.Uint32(b) }
func be64(b []byte) uint64 { return binary.BigEndian.Uint64(b) }
func le16(b []byte) uint16 { return binary.LittleEndian.Uint16(b) }
func le32(b []byte) uint32 { return binary.LittleEndian.Uint32(b) }
