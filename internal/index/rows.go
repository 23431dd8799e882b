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

// blockRows is how many rows are staged together, column by column: few enough that they
// stay in the processor's nearest cache.
const blockRows = 64

// block stages up to [blockRows] packets that lie on one page. chunk holds their bytes;
// notes are empty, or one for each.
func (w *Writer) block(rows []packet.Summary, chunk []byte, notes []flow.Note) {
	st, n := w.stage, len(rows)
	for i := range rows {
		st.mask[i] = presenceOf(&rows[i])
	}
	st.masked(n)
	numbers, times, offsets := st.larges(Number, n), st.larges(Time, n), st.larges(Offset, n)
	for i := range rows {
		s := &rows[i]
		numbers[i], times[i], offsets[i] = int64(s.Number), s.Time, s.Offset
	}
	wire, captured, direction, face := st.smalls(WireLen, n), st.smalls(CapLen, n), st.smalls(Direction, n), st.smalls(Interface, n)
	for i := range rows {
		s := &rows[i]
		wire[i], captured[i], direction[i], face[i] = int32(s.WireLen), int32(s.CapLen), int32(s.Direction), int32(s.Interface)
	}
	outcome, flags, depth := st.smalls(Outcome, n), st.smalls(Flags, n), st.smalls(Depth, n)
	for i := range rows {
		s := &rows[i]
		outcome[i], depth[i] = int32(s.Outcome), int32(s.Depth)
		f := flagsOf(s)
		if w.options[i] {
			f |= FlagOptions
		}
		flags[i] = int32(f)
	}
	in := st.choose(hasVLAN, len(rows))
	v := st.smalls(VLAN, len(in))
	for k, i := range in {
		v[k] = int32(rows[i].VLAN)
	}
	in = st.choose(hasEtherType, len(rows))
	v = st.smalls(EthType, len(in))
	for k, i := range in {
		v[k] = int32(rows[i].EtherType)
	}
	w.outer(rows)
	w.inner(rows)
	w.transport(rows, chunk)
	w.notes(rows, notes)
	st.endRows(n)
	for i := range rows {
		w.total(&rows[i])
	}
}

// presenceOf says which groups of columns a packet has values in, a bit each.
func presenceOf(s *packet.Summary) (mask uint16) {
	set := func(p presence, there bool) {
		if there {
			mask |= 1 << p
		}
	}
	ports := s.Inner.Flags&packet.TupleHasPorts != 0
	set(hasVLAN, s.VLAN != packet.NoVLAN)
	set(hasEtherType, s.EtherType != 0)
	set(hasIP, s.Outer.Version != 0)
	set(hasPorts, s.Outer.Flags&packet.TupleHasPorts != 0)
	if s.Depth > 1 && s.Inner != s.Outer {
		set(hasTunnel, true)
		set(hasInnerPorts, ports)
	}
	set(hasTCP, ports && s.Inner.Proto == packet.ProtoTCP)
	set(hasTransport, ports)
	// A reassembled datagram's payload is not in the packet's own bytes.
	set(hasPayload, ports && s.Flags&packet.Reassembled == 0 && s.PayloadLen > 0 && s.CapLen > s.PayloadOff)
	return mask
}

// outer stages the outermost IP headers and counts their addresses.
func (w *Writer) outer(rows []packet.Summary) {
	st, a := w.stage, &w.addresses
	in := st.choose(hasIP, len(rows))
	version, src, dst, proto := st.smalls(IPVersion, len(in)), st.smalls(Src, len(in)), st.smalls(Dst, len(in)), st.smalls(Proto, len(in))
	for k, i := range in {
		s := &rows[i]
		o := &s.Outer
		version[k], proto[k] = int32(o.Version), int32(o.Proto)
		from, to := a.number(&o.Src, o.Version), a.number(&o.Dst, o.Version)
		src[k], dst[k] = from, to
		if s.Depth > 1 { // the others are counted by headers: see [Writer.deep]
			a.count(from, outerSrc, s.WireLen)
			a.count(to, outerDst, s.WireLen)
			continue
		}
		a.pair(from, to, s.WireLen)
	}
	in = st.choose(hasPorts, len(rows))
	src, dst = st.smalls(SrcPort, len(in)), st.smalls(DstPort, len(in))
	for k, i := range in {
		src[k], dst[k] = int32(rows[i].Outer.SrcPort), int32(rows[i].Outer.DstPort)
	}
}

// inner stages the innermost IP headers of packets in tunnels.
func (w *Writer) inner(rows []packet.Summary) {
	st, a := w.stage, &w.addresses
	for _, i := range st.choose(hasTunnel, len(rows)) {
		in := &rows[i].Inner
		st.small(InnerVersion, int32(in.Version))
		st.small(InnerSrc, a.number(&in.Src, in.Version))
		st.small(InnerDst, a.number(&in.Dst, in.Version))
		st.small(InnerProto, int32(in.Proto))
	}
	for _, i := range st.choose(hasInnerPorts, len(rows)) {
		st.small(InnerSrcPort, int32(rows[i].Inner.SrcPort))
		st.small(InnerDstPort, int32(rows[i].Inner.DstPort))
	}
}

// transport stages the innermost transport headers and what they carry.
func (w *Writer) transport(rows []packet.Summary, chunk []byte) {
	st := w.stage
	in := st.choose(hasTCP, len(rows))
	flags, seq, ack, window := st.smalls(TCPFlags, len(in)), st.smalls(TCPSeq, len(in)), st.smalls(TCPAck, len(in)), st.smalls(TCPWindow, len(in))
	for k, i := range in {
		s := &rows[i]
		flags[k], seq[k], ack[k], window[k] = int32(s.TCPFlags), int32(s.Seq), int32(s.Ack), int32(s.Window)
	}
	in = st.choose(hasTransport, len(rows))
	length := st.smalls(PayloadLen, len(in))
	for k, i := range in {
		length[k] = int32(rows[i].PayloadLen)
	}
	in = st.choose(hasPayload, len(rows))
	hash := st.larges(PayloadHash, len(in))
	for k, i := range in {
		s := &rows[i]
		data := chunk[s.DataOff : s.DataOff+s.CapLen]
		to := min(uint64(s.PayloadOff)+uint64(s.PayloadLen), uint64(len(data)))
		hash[k] = int64(xxh3.Hash(data[s.PayloadOff:to]))
	}
}

func (w *Writer) notes(rows []packet.Summary, notes []flow.Note) {
	st := w.stage
	if len(notes) == 0 {
		for p := hasFlow; p <= hasInitialRTT; p++ {
			clear(st.level(p, len(rows)))
		}
		return
	}
	for i := range notes {
		n := &notes[i]
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
