package packet

// Decoder finds the headers of packets. It holds what must be remembered between packets
// (fragments of datagrams that are not complete) and counts what it did. It is not safe
// for concurrent use.
type Decoder struct {
	scratch  Packet // for Summarize, when the packet is not plain
	frags    reassembler
	apart    bool // fragments are another decoder's: see SummarizeApart
	outcomes [OutcomeCount]uint64
}

// NewDecoder returns a Decoder that has seen nothing.
func NewDecoder() *Decoder { return &Decoder{} }

// Counters are a Decoder's totals since it was made.
type Counters struct {
	Outcomes  [OutcomeCount]uint64 // packets by how their decoding ended; the sum is all packets
	Fragments FragmentCounters
}

// Counters returns the totals so far.
func (d *Decoder) Counters() Counters {
	return Counters{Outcomes: d.outcomes, Fragments: d.frags.counters()}
}

// Decode finds the headers in p.Data. It overwrites everything of p from Outcome on.
func (d *Decoder) Decode(p *Packet) {
	w := walker{d: d, p: p}
	w.start()
	d.outcomes[p.Outcome]++
}

// start walks through the whole packet.
func (w *walker) start() {
	p := w.p
	p.N, p.IP, p.Transport, p.InnerIP, p.InnerTransport = 0, -1, -1, -1, -1
	p.VLAN, p.Reassembled = NoVLAN, nil
	w.buf = p.Data
	w.lim = len(p.Data)
	w.end = max(int(p.WireLen), w.lim)
	w.outcome = OutcomeNonIP
	w.run(w.first(p.Link))
	p.Outcome = w.outcome
}

// first returns the step that a link type starts with.
func (w *walker) first(link LinkType) step {
	switch link {
	case LinkEthernet:
		return stepEthernet
	case LinkLinuxSLL:
		return stepSLL
	case LinkLinuxSLL2:
		return stepSLL2
	case LinkNull, LinkLoop:
		return stepNull
	case LinkRaw, LinkRawOld, LinkRawBSD:
		return stepRaw
	case LinkIPv4:
		return stepIP
	case LinkIPv6:
		return stepIPv6
	case LinkPPP, LinkPPPHDLC:
		return stepPPPHDLC
	case LinkPPPWithDir: // a byte with the direction
		return w.shim(KindShim, 1, stepPPPHDLC)
	case LinkPPPD: // the direction stands where the address would be
		return w.shim(KindShim, 2, stepPPP)
	case LinkNetAnalyzer:
		return w.shim(KindShim, 4, stepEthernet)
	case LinkNetAnalyzerT: // and the preamble
		return w.shim(KindShim, 12, stepEthernet)
	case LinkPPPEther:
		return stepPPPoE
	case LinkCHDLC:
		return stepCHDLC
	case LinkFrameRelay:
		return stepFrameRelay
	case LinkIEEE80211:
		return stepIEEE80211
	case LinkRadiotap:
		return stepRadiotap
	case LinkPrism, LinkAVS:
		return stepPrism
	case LinkPPI:
		return stepPPI
	case LinkTokenRing:
		return stepTokenRing
	case LinkFDDI:
		return stepFDDI
	case LinkATM:
		return stepLLC
	case LinkPFLog:
		return stepPFLog
	case LinkENC:
		return stepENC
	case LinkNFLog:
		return stepNFLog
	case LinkIPFC:
		return stepIPFC
	case LinkAP1394:
		return stepAP1394
	case LinkPKTAP:
		return stepPKTAP
	case LinkIPoIB:
		return stepIPoIB
	default:
		w.outcome = OutcomeLinkType
		return stepEnd
	}
}
