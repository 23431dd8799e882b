package packet

// pflog reads the header of OpenBSD's packet filter log: its length, then the address
// family.
func (w *walker) pflog() step {
	b := w.open(KindShim, 48)
	if b == nil {
		return stepEnd
	}
	return w.family((int(b[0])+3)&^3, uint32(b[1]))
}

// enc reads the header of OpenBSD's encapsulation device.
func (w *walker) enc() step {
	b := w.open(KindShim, 12)
	if b == nil {
		return stepEnd
	}
	f := be32(b)
	if f > 0xff {
		f = le32(b)
	}
	return w.family(12, f)
}

// family ends a BSD header of n bytes that names what follows by address family.
func (w *walker) family(n int, f uint32) step {
	switch f {
	case 2:
		return w.closeTo(n, stepIPv4)
	case 10, 24, 28, 30:
		return w.closeTo(n, stepIPv6)
	default:
		return w.closeTo(n, stepEnd)
	}
}

// raw reads a link without header. Some drivers of old put PPP there, with something
// before it.
func (w *walker) raw() step {
	b := w.left()
	if len(b) < 8 {
		return stepEnd
	}
	for _, at := range [...]int{0, 6, 1} {
		if be16(b[at:]) == 0xff03 {
			if at == 0 {
				return stepPPPHDLC
			}
			return w.shim(KindShim, at, stepPPPHDLC)
		}
	}
	if len(b) >= 10 && be64(b)|uint64(be16(b[8:])) == 0 {
		return w.shim(KindShim, 10, stepIP)
	}
	return stepIP
}

// nflog reads the records of LINKTYPE_NFLOG up to the payload.
func (w *walker) nflog() step {
	b := w.open(KindShim, 4)
	if b == nil {
		return stepEnd
	}
	family, at := b[0], 4
	for len(b) >= at+4 {
		size, kind := int(le16(b[at:])), le16(b[at+2:])
		if size < 4 {
			break
		}
		if kind&0x7fff == 9 { // the packet
			payload := size - 4
			if family != 2 && family != 10 || at+size > len(b) {
				break
			}
			if !w.close(at+4, 0) {
				return stepEnd
			}
			w.clip(payload)
			if family == 2 {
				return stepIPv4
			}
			return stepIPv6
		}
		at += (size + 3) &^ 3
	}
	return w.closeTo(4, stepEnd)
}

// pktap reads the header of Apple's LINKTYPE_PKTAP, which names another link type.
func (w *walker) pktap() step {
	b := w.open(KindShim, 16)
	if b == nil {
		return stepEnd
	}
	n := int(min(le32(b), 1<<16))
	if n < 16 || le32(b[4:]) != 1 {
		return w.closeTo(16, stepEnd)
	}
	return w.closeTo(n, w.first(LinkType(le32(b[8:]))))
}

// ppi reads the per-packet information header, which names another link type.
func (w *walker) ppi() step {
	b := w.open(KindShim, 8)
	if b == nil {
		return stepEnd
	}
	n := int(le16(b[2:]))
	if n < 8 {
		return w.closeTo(8, stepEnd)
	}
	return w.closeTo(n, w.first(LinkType(min(le32(b[4:]), 0xffff))))
}
