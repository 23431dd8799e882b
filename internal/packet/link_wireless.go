package packet

// prism reads the Prism or AVS header that stands before some 802.11 captures.
func (w *walker) prism() step {
	b := w.open(KindShim, 8)
	if b == nil {
		return stepEnd
	}
	if be32(b)>>12 == 0x80211 { // AVS has a magic number and its length in network order
		return w.closeTo(int(min(be32(b[4:]), 1<<16)), stepIEEE80211)
	}
	n := int(min(le32(b[4:]), 1<<16))
	if n < 8 {
		return w.closeTo(8, stepEnd)
	}
	return w.closeTo(n, stepIEEE80211)
}

// Bits of radiotap's first presence word and of its flags field (radiotap.org).
const (
	radiotapTSFT    = 1 << 0
	radiotapFlags   = 1 << 1
	radiotapMore    = 1 << 31
	radiotapFCS     = 0x10
	radiotapDataPad = 0x20
)

// radiotap reads the radiotap header: of its fields only the flags, which say whether the
// frame ends with a check sequence.
func (w *walker) radiotap() step {
	b := w.open(KindRadiotap, 8)
	if b == nil {
		return stepEnd
	}
	n := int(le16(b[2:]))
	if n < 8 {
		return w.bad(4)
	}
	present := le32(b[4:])
	at := 8
	for p := present; p&radiotapMore != 0 && at+4 <= min(n, len(b)); at += 4 {
		p = le32(b[at:])
	}
	if present&radiotapTSFT != 0 {
		at = (at+7)&^7 + 8
	}
	var flags byte
	if present&radiotapFlags != 0 && at < min(n, len(b)) {
		flags = b[at]
	}
	if !w.close(n, 0) {
		return stepEnd
	}
	if flags&radiotapFCS != 0 {
		w.clip(w.end - w.off - 4)
	}
	w.dataPad = flags&radiotapDataPad != 0
	return stepIEEE80211
}

// ieee80211 reads an 802.11 data frame as far as to its LLC header. Other frames hold no
// IP, and encrypted ones show none.
func (w *walker) ieee80211() step {
	b := w.open(KindIEEE80211, 10)
	if b == nil {
		return stepEnd
	}
	fc, flags := b[0], b[1]
	if fc&0x03 != 0 || fc&0x0c != 0x08 { // version 0, data
		return stepEnd
	}
	n := 24
	if flags&0x03 == 0x03 { // between access points: a fourth address
		n += 6
	}
	qosOff := n
	qos := fc&0x80 != 0
	if qos {
		n += 2
		if flags&0x80 != 0 { // +HTC
			n += 4
		}
	}
	if w.dataPad {
		n = (n + 3) &^ 3
	}
	if len(b) < n {
		w.close(n, 0)
		return stepEnd
	}
	amsdu := qos && b[qosOff]&0x80 != 0
	if fc&0x40 != 0 || flags&0x44 != 0 { // without data, encrypted, not the last fragment
		return w.closeTo(n, stepEnd)
	}
	if !w.close(n, 0) {
		return stepEnd
	}
	if amsdu {
		return w.amsdu()
	}
	return stepLLC
}

// amsdu reads the frames that were put together into one: each has two addresses, a
// length and an LLC header, and is padded to a multiple of 4. The packet is spoken of by
// the first one that holds IP; the headers of the others are found all the same.
func (w *walker) amsdu() step {
	end, lim, flags, buf := w.end, w.lim, w.flags, w.buf
	p := w.p
	first := p.IP
	for w.off+14 <= lim && p.N < MaxLayers {
		ip, transport, innerIP, innerTransport := p.IP, p.Transport, p.InnerIP, p.InnerTransport
		outcome, etherType := w.outcome, w.etherType
		b := w.open(KindShim, 14)
		w.close(14, 0)
		n := int(be16(b[12:]))
		next := w.off + (n+14+3)&^3 - 14
		w.clip(n)
		w.run(stepLLC)
		if ip != first {
			p.IP, p.Transport, p.InnerIP, p.InnerTransport = ip, transport, innerIP, innerTransport
			w.outcome, w.etherType, w.more = outcome, etherType, true
		}
		w.off, w.end, w.lim, w.flags, w.buf = min(next, lim), end, lim, flags, buf
	}
	return stepEnd
}
