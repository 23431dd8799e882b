package packet

import "encoding/binary"

// EtherTypes that lead somewhere (IEEE registration authority).
const (
	etherIPv4 = 0x0800
	etherARP  = 0x0806
	etherRARP = 0x8035
	etherVLAN = 0x8100
	etherQinQ = 0x88a8
	etherOldQ = 0x9100
	etherIPv6 = 0x86dd
)

// Values of an 802.3 type/length field: up to maxLength it is a length, from minType on
// an EtherType.
const (
	maxLength = 1500
	minType   = 1536
)

// etherStep returns where an EtherType leads.
func etherStep(t uint16) step {
	switch t {
	case etherIPv4:
		return stepIP
	case etherIPv6:
		return stepIPv6
	case etherARP, etherRARP:
		return stepARP
	case etherVLAN, etherQinQ, etherOldQ:
		return stepVLAN
	default:
		return stepEnd
	}
}

// ether ends a link header of n bytes that names what follows by EtherType.
func (w *walker) ether(n int, t uint16) step {
	if !w.close(n, t) {
		return stepEnd
	}
	w.etherType = t
	return etherStep(t)
}

func (w *walker) ethernet() step {
	b := w.open(KindEthernet, 14)
	if b == nil {
		return stepEnd
	}
	t := be16(b[12:])
	if t >= minType {
		return w.ether(14, t)
	}
	w.etherType = 0
	w.close(14, 0)
	if t <= maxLength {
		w.clip(int(t))
	}
	return stepEnd
}

// vlan reads an 802.1Q or 802.1ad tag: 16 bits of priority and identifier, then the type
// of what follows.
func (w *walker) vlan() step {
	b := w.open(KindVLAN, 4)
	if b == nil {
		return stepEnd
	}
	if w.p.VLAN == NoVLAN && w.depth == 0 {
		w.p.VLAN = be16(b) & 0x0fff
	}
	t := be16(b[2:])
	if t >= minType {
		return w.ether(4, t)
	}
	w.etherType = 0
	w.close(4, 0)
	return stepEnd
}

// sll reads the header of LINKTYPE_LINUX_SLL.
func (w *walker) sll() step {
	b := w.open(KindSLL, 16)
	if b == nil {
		return stepEnd
	}
	return w.ether(16, be16(b[14:]))
}

// sll2 reads the header of LINKTYPE_LINUX_SLL2.
func (w *walker) sll2() step {
	b := w.open(KindSLL2, 20)
	if b == nil {
		return stepEnd
	}
	return w.ether(20, be16(b))
}

// null reads the address family of LINKTYPE_NULL, in the byte order of the machine that
// captured, or of LINKTYPE_LOOP, in network byte order.
func (w *walker) null() step {
	b := w.open(KindNull, 4)
	if b == nil {
		return stepEnd
	}
	family := binary.LittleEndian.Uint32(b)
	if family > 0xffff {
		family = be32(b)
	}
	if !w.close(4, uint16(family)) {
		return stepEnd
	}
	switch family {
	case 2:
		return stepIP
	case 10, 24, 28, 30: // AF_INET6 of Linux, NetBSD, FreeBSD, Darwin
		return stepIPv6
	default:
		return stepEnd
	}
}

func (w *walker) arp() step {
	b := w.open(KindARP, 8)
	if b == nil {
		return stepEnd
	}
	w.close(8+2*(int(b[4])+int(b[5])), be16(b[2:]))
	return stepEnd
}
