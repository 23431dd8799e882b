package filter

// An 802.11 frame begins with two frame control bytes (IEEE 802.11-2020, 9.2.4.1):
//
//	byte 0: 0x0c type: 0 management, 4 control, 8 data; 0xf0 subtype
//	byte 1: 0x01 to the distribution system, 0x02 from it
//
// Addresses follow at 4, 10, 16 and, if both direction bits are set, 24.
const (
	wlanTypeMask    = 0x0c
	wlanSubtypeMask = 0xf0
	wlanDirMask     = 0x03
	wlanControl     = 0x04
	wlanData        = 0x08
	wlanToDS        = 0x01
	wlanFromDS      = 0x02
	wlanCTS         = 0xc0
	wlanACK         = 0xd0
)

// dataFrame is true for an 802.11 data frame, the only kind that carries a network layer.
func (g *gen) dataFrame() cond {
	return g.and(g.not(g.bits(relLink, 0, 1, wlanControl)), g.bits(relLink, 0, 1, wlanData))
}

// wlanHost is a MAC address in an 802.11 header. Where source and destination stand depends on the direction bits.
func (g *gen) wlanHost(mac [6]byte, d dir) cond {
	is := func(off uint32) cond { return g.bytes(relLink, off, mac[:]) }
	switch d {
	case dSrc:
		return g.wlanSource(is)
	case dDst:
		return g.wlanDestination(is)
	case dAnd:
		c := g.wlanSource(is)
		return g.and(c, g.wlanDestination(is))
	case dDefault, dOr:
		c := g.wlanSource(is)
		return g.or(c, g.wlanDestination(is))
	case dAddr1:
		return is(4)
	case dAddr2:
		return g.and(g.hasAddr2(), is(10))
	case dAddr3:
		return g.and(g.not(g.masked(relLink, 0, 1, wlanControl, wlanTypeMask)), is(16))
	case dAddr4:
		return g.and(g.masked(relLink, 1, 1, wlanToDS|wlanFromDS, wlanDirMask), is(24))
	case dRA:
		return g.and(g.bits(relLink, 0, 1, wlanData), is(4))
	}
	return g.and(g.and(g.bits(relLink, 0, 1, wlanData), g.hasAddr2()), is(10))
}

// hasAddr2 is false for the control frames CTS and ACK, which have one address only.
func (g *gen) hasAddr2() cond {
	c := g.not(g.masked(relLink, 0, 1, wlanControl, wlanTypeMask))
	cts := g.not(g.masked(relLink, 0, 1, wlanCTS, wlanSubtypeMask))
	ack := g.not(g.masked(relLink, 0, 1, wlanACK, wlanSubtypeMask))
	return g.or(c, g.and(cts, ack))
}

// wlanSource tests the source address: at 10 in management frames and in data frames to the distribution system or
// between stations, at 16 in those from it, at 24 in those relayed.
func (g *gen) wlanSource(is func(off uint32) cond) cond {
	fromDS := g.and(g.bits(relLink, 1, 1, wlanFromDS),
		g.or(g.and(g.not(g.bits(relLink, 1, 1, wlanToDS)), is(16)),
			g.and(g.bits(relLink, 1, 1, wlanToDS), is(24))))
	data := g.or(g.and(g.not(g.bits(relLink, 1, 1, wlanFromDS)), is(10)), fromDS)
	return g.wlanFrame(data, is(10))
}

// wlanDestination tests the destination address: at 16 in data frames to the distribution system, else at 4.
func (g *gen) wlanDestination(is func(off uint32) cond) cond {
	data := g.or(g.and(g.not(g.bits(relLink, 1, 1, wlanToDS)), is(4)),
		g.and(g.bits(relLink, 1, 1, wlanToDS), is(16)))
	return g.wlanFrame(data, is(4))
}

// wlanFrame applies one condition to data frames and another to management frames. Control frames have neither
// source nor destination.
func (g *gen) wlanFrame(data, management cond) cond {
	c := g.or(g.and(g.not(g.bits(relLink, 0, 1, wlanData)), management),
		g.and(g.bits(relLink, 0, 1, wlanData), data))
	return g.and(g.not(g.bits(relLink, 0, 1, wlanControl)), c)
}

// wlanKind is "type T", "type T subtype S" or "subtype S".
func (g *gen) wlanKind(e *special) cond {
	if g.family != fam80211 || g.link == linkPPI {
		g.fail(WrongLink, g.linkDesc()+" has no 802.11 frame types")
	}
	if e.word == tkSubtype {
		for _, t := range wlanTypes {
			if n, ok := t.subtypes[lower(e.sub.text)]; ok {
				return g.masked(relLink, 0, 1, t.value|n, wlanTypeMask|wlanSubtypeMask)
			}
		}
		g.fail(BadName, "unknown 802.11 subtype "+quoted(e.sub.text))
	}
	t := g.wlanType(&e.name)
	if !e.has {
		return g.masked(relLink, 0, 1, t, wlanTypeMask)
	}
	if e.sub.kind == tkNum {
		if e.sub.num&^wlanSubtypeMask != 0 {
			g.fail(BadUse, "802.11 subtypes are multiples of 16 up to 240")
		}
		return g.masked(relLink, 0, 1, t|e.sub.num, wlanTypeMask|wlanSubtypeMask)
	}
	for _, w := range wlanTypes {
		if w.value != t {
			continue
		}
		if n, ok := w.subtypes[lower(e.sub.text)]; ok {
			return g.masked(relLink, 0, 1, t|n, wlanTypeMask|wlanSubtypeMask)
		}
	}
	g.fail(BadName, "that 802.11 type has no subtype "+quoted(e.sub.text))
	return 0
}

// wlanType is an 802.11 type by number or name.
func (g *gen) wlanType(t *token) uint32 {
	if t.kind == tkNum {
		if t.num&^wlanTypeMask != 0 {
			g.fail(BadUse, "802.11 types are 0 (mgt), 4 (ctl) and 8 (data)")
		}
		return t.num
	}
	n, ok := map[string]uint32{"mgt": 0, "management": 0, "ctl": wlanControl, "control": wlanControl,
		"data": wlanData}[lower(t.text)]
	if !ok {
		g.fail(BadName, "unknown 802.11 type "+quoted(t.text)+", known are mgt, ctl and data")
	}
	return n
}

// wlanDir is "dir D".
func (g *gen) wlanDir(t *token) cond {
	if g.family != fam80211 || g.link == linkPPI {
		g.fail(WrongLink, g.linkDesc()+" has no 802.11 direction")
	}
	n := t.num
	if t.kind != tkNum {
		var ok bool
		n, ok = map[string]uint32{"nods": 0, "tods": 1, "fromds": 2, "dstods": 3}[lower(t.text)]
		if !ok {
			g.fail(BadName, "unknown 802.11 direction "+quoted(t.text)+", known are nods, tods, fromds and dstods")
		}
	}
	return g.masked(relLink, 1, 1, n, wlanDirMask)
}

// wlanKindWords is an 802.11 type with the names of its subtypes.
type wlanKindWords struct {
	value    uint32
	subtypes map[string]uint32
}

// wlanTypes are in the order in which a bare subtype name is looked up.
var wlanTypes = []wlanKindWords{
	{0, map[string]uint32{"assocreq": 0x00, "assoc-req": 0x00, "assocresp": 0x10, "assoc-resp": 0x10,
		"reassocreq": 0x20, "reassoc-req": 0x20, "reassocresp": 0x30, "reassoc-resp": 0x30, "probereq": 0x40,
		"probe-req": 0x40, "proberesp": 0x50, "probe-resp": 0x50, "beacon": 0x80, "atim": 0x90, "disassoc": 0xa0,
		"disassociation": 0xa0, "auth": 0xb0, "authentication": 0xb0, "deauth": 0xc0, "deauthentication": 0xc0}},
	{wlanControl, map[string]uint32{"bar": 0x80, "ba": 0x90, "ps-poll": 0xa0, "rts": 0xb0, "cts": wlanCTS,
		"ack": wlanACK, "cf-end": 0xe0, "cf-end-ack": 0xf0}},
	{wlanData, map[string]uint32{"data": 0x00, "data-cf-ack": 0x10, "data-cf-poll": 0x20, "data-cf-ack-poll": 0x30,
		"null": 0x40, "cf-ack": 0x50, "cf-poll": 0x60, "cf-ack-poll": 0x70, "qos-data": 0x80,
		"qos-data-cf-ack": 0x90, "qos-data-cf-poll": 0xa0, "qos-data-cf-ack-poll": 0xb0, "qos": 0xc0,
		"qos-cf-poll": 0xe0, "qos-cf-ack-poll": 0xf0}},
}

// lower is ASCII lower case.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if c-'A' < 26 {
			b[i] = c + 32
		}
	}
	return string(b)
}
