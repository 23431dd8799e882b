package index

import (
	"github.com/zeebo/xxh3"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// The bits of the flags column.
const (
	FlagTruncated   = uint16(packet.Truncated)
	FlagReassembled = uint16(packet.Reassembled)
	FlagQuoted      = uint16(packet.Quoted)
	FlagMoreHeaders = uint16(packet.MoreHeaders)
	// FlagFragment and FlagLater speak of the outermost IP header, FlagInnerFragment and
	// FlagInnerLater of the innermost.
	FlagFragment      = 1 << 8
	FlagLater         = 1 << 9
	FlagInnerFragment = 1 << 10
	FlagInnerLater    = 1 << 11
	// FlagOptions: an IPv4 header has options. With a source route among them its
	// destination field is not where the packet goes.
	FlagOptions = 1 << 12
)

func flagsOf(s *packet.Summary) uint16 {
	f := uint16(s.Flags)
	if s.Outer.Flags&packet.TupleFragment != 0 {
		f |= FlagFragment
	}
	if s.Outer.Flags&packet.TupleLater != 0 {
		f |= FlagLater
	}
	if s.Inner.Flags&packet.TupleFragment != 0 {
		f |= FlagInnerFragment
	}
	if s.Inner.Flags&packet.TupleLater != 0 {
		f |= FlagInnerLater
	}
	return f
}

// row stages one packet. data are its captured bytes; n may be nil.
func (w *Writer) row(s *packet.Summary, data []byte, n *flow.Note) {
	st := w.stage
	st.large(Number, int64(s.Number))
	st.large(Time, s.Time)
	st.large(Offset, s.Offset)
	st.small(WireLen, int32(s.WireLen))
	st.small(CapLen, int32(s.CapLen))
	st.small(Direction, int32(s.Direction))
	st.small(Interface, int32(s.Interface))
	st.small(Outcome, int32(s.Outcome))
	flags := flagsOf(s)
	if w.options {
		flags |= FlagOptions
	}
	st.small(Flags, int32(flags))
	st.small(Depth, int32(s.Depth))
	if st.present(hasVLAN, s.VLAN != packet.NoVLAN) {
		st.small(VLAN, int32(s.VLAN))
	}
	if st.present(hasEtherType, s.EtherType != 0) {
		st.small(EthType, int32(s.EtherType))
	}
	o := &s.Outer
	var src, dst int32
	if st.present(hasIP, o.Version != 0) {
		src, dst = w.addresses.number(&o.Src, o.Version), w.addresses.number(&o.Dst, o.Version)
		st.small(IPVersion, int32(o.Version))
		st.small(Src, src)
		st.small(Dst, dst)
		st.small(Proto, int32(o.Proto))
	}
	if st.present(hasPorts, o.Flags&packet.TupleHasPorts != 0) {
		st.small(SrcPort, int32(o.SrcPort))
		st.small(DstPort, int32(o.DstPort))
	}
	w.inner(s, src, dst)
	in := &s.Inner
	ports := in.Flags&packet.TupleHasPorts != 0
	if st.present(hasTCP, in.Proto == packet.ProtoTCP && ports) {
		st.small(TCPFlags, int32(s.TCPFlags))
		st.small(TCPSeq, int32(s.Seq))
		st.small(TCPAck, int32(s.Ack))
		st.small(TCPWindow, int32(s.Window))
	}
	if st.present(hasTransport, ports) {
		st.small(PayloadLen, int32(s.PayloadLen))
	}
	// A reassembled datagram's payload is not in the packet's own bytes.
	from, to := uint64(s.PayloadOff), min(uint64(s.PayloadOff)+uint64(s.PayloadLen), uint64(len(data)))
	if st.present(hasPayload, ports && s.Flags&packet.Reassembled == 0 && to > from) {
		st.large(PayloadHash, int64(xxh3.Hash(data[from:to])))
	}
	w.notes(n)
	st.endRow()
	w.total(s)
}

// inner stages the innermost IP header of a packet in a tunnel, and counts the addresses.
func (w *Writer) inner(s *packet.Summary, src, dst int32) {
	st, o, in, a := w.stage, &s.Outer, &s.Inner, &w.addresses
	tunnel := s.Depth > 1 && *in != *o
	if st.present(hasTunnel, tunnel) {
		isrc, idst := a.number(&in.Src, in.Version), a.number(&in.Dst, in.Version)
		st.small(InnerVersion, int32(in.Version))
		st.small(InnerSrc, isrc)
		st.small(InnerDst, idst)
		st.small(InnerProto, int32(in.Proto))
	}
	if st.present(hasInnerPorts, tunnel && in.Flags&packet.TupleHasPorts != 0) {
		st.small(InnerSrcPort, int32(in.SrcPort))
		st.small(InnerDstPort, int32(in.DstPort))
	}
	if o.Version == 0 {
		return
	}
	a.count(src, outerSrc, s.WireLen)
	a.count(dst, outerDst, s.WireLen)
	if s.Depth > 1 {
		return // counted by headers: see [Writer.deep]
	}
	a.count(src, anySrc, s.WireLen)
	a.count(dst, anyDst, s.WireLen)
	a.count(src, anyAddr, s.WireLen)
	if src != dst {
		a.count(dst, anyAddr, s.WireLen)
	}
}

func (w *Writer) notes(n *flow.Note) {
	st := w.stage
	if n == nil {
		for p := hasFlow; p <= hasInitialRTT; p++ {
			st.present(p, false)
		}
		return
	}
	if st.present(hasFlow, n.Flow != 0) {
		st.large(Flow, int64(n.Flow))
	}
	if st.present(hasStream, n.Stream != flow.NoStream) {
		st.large(Stream, int64(n.Stream))
	}
	if st.present(hasAnalysis, n.Flags != 0) {
		st.small(Analysis, int32(n.Flags))
	}
	if st.present(hasAckRTT, n.AcksFrame != 0) {
		st.large(AckRTT, n.AckRTT)
	}
	if st.present(hasInitialRTT, n.InitialRTT != 0) {
		st.large(InitialRTT, n.InitialRTT)
	}
}

// total adds a packet to the segment's sums.
func (w *Writer) total(s *packet.Summary) {
	n := &w.info
	n.Packets++
	n.WireBytes += uint64(s.WireLen)
	n.CapturedBytes += uint64(s.CapLen)
	if n.Packets == 1 || s.Time < n.FirstTime {
		n.FirstTime = s.Time
	}
	if n.Packets == 1 || s.Time > n.LastTime {
		n.LastTime = s.Time
	}
	w.outcomes[s.Outcome]++
	if s.Flags&packet.Reassembled != 0 {
		n.Reassembled++
	}
	w.seconds.add(s.Time, s.Outer.Version, s.Outer.Proto, s.WireLen)
}

// deep counts the addresses of a packet with several IP headers, or quoted ones: each once,
// however often it stands there. It decodes the packet a second time.
func (w *Writer) deep(c *segment.Chunk, s *packet.Summary, data []byte) {
	if s.Flags&packet.Reassembled != 0 {
		w.info.AnyAddress = false // the headers are not in this packet alone
		return
	}
	p := &w.packet
	p.Data, p.WireLen, p.Time, p.Link = data, s.WireLen, s.Time, packet.LinkEthernet
	if int(s.Interface) < len(c.Interfaces) {
		p.Link = c.Interfaces[s.Interface].Link
	}
	w.decoder.Decode(p)
	w.srcs, w.dsts = w.srcs[:0], w.dsts[:0]
	for i := range p.Layers[:p.N] {
		l := &p.Layers[i]
		h := p.Header(l)
		var src, dst packet.Addr
		version := uint8(4)
		switch {
		case l.Kind == packet.KindIPv4 && l.Len >= 20:
			src, dst = packet.AddrFrom4([4]byte(h[12:])), packet.AddrFrom4([4]byte(h[16:]))
		case l.Kind == packet.KindIPv6 && l.Len >= 40:
			src, dst, version = packet.Addr(h[8:]), packet.Addr(h[24:]), 6
		case l.Kind == packet.KindIPv4 || l.Kind == packet.KindIPv6:
			w.info.AnyAddress = false // a part of an address only
			continue
		default:
			continue
		}
		w.srcs = append(w.srcs, w.addresses.number(&src, version))
		w.dsts = append(w.dsts, w.addresses.number(&dst, version))
	}
	p.Data = nil
	w.once(w.srcs, anySrc, s.WireLen)
	w.once(w.dsts, anyDst, s.WireLen)
	w.once(append(w.srcs, w.dsts...), anyAddr, s.WireLen)
}

// once counts each number in the list once.
func (w *Writer) once(list []int32, r role, size uint32) {
next:
	for i, n := range list {
		for _, before := range list[:i] {
			if before == n {
				continue next
			}
		}
		w.addresses.count(n, r, size)
	}
}
