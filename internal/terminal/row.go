package terminal

import (
	"strconv"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/stats"
)

// row returns one packet as a line of the list.
func (m *model) row(r *live.Row, lay layout, chosenRow bool) string {
	c := &m.columns
	l := newLine(m.width)
	if chosenRow {
		l.force = chosen
	}
	if lay.number {
		l.put(faint, right(strconv.FormatUint(r.Number, 10), c.number)).space(1)
	}
	l.put(plain, left(moment(r.Time, lay.clock), len(lay.clock))).space(1)
	sign, st := direction(r.Direction)
	l.put(st, sign).space(1)
	if r.Outer.Version == 0 {
		l.put(faint, left(m.words.Outcomes[r.Outcome%packet.OutcomeCount], lay.src+3+lay.dst)).space(1)
	} else {
		src := endpoint(&r.Outer, r.Outer.Src, r.Outer.SrcPort)
		dst := endpoint(&r.Outer, r.Outer.Dst, r.Outer.DstPort)
		l.put(plain, left(fitMiddle(src, lay.src), lay.src)).put(faint, " → ").put(plain, left(fitMiddle(dst, lay.dst), lay.dst)).space(1)
	}
	name := protocol(r)
	l.put(protocolStyle(name), left(name, c.protocol)).space(1)
	l.put(plain, right(strconv.FormatUint(uint64(r.WireLen), 10), c.size))
	if lay.flags {
		st := plain
		if r.TCPFlags&tcpReset != 0 {
			st = bad
		}
		l.space(1).put(st, left(flags(r), max(c.flags, 3)))
	}
	if lay.preview > 0 {
		l.space(1)
		if tunnelled(r) {
			l.put(icmp, "⊃ "+inside(r)+" ")
		}
		l.put(faint, preview(r.Payload()))
	}
	if chosenRow {
		l.space(l.free())
	}
	return l.String()
}

func moment(ns int64, format string) string { return time.Unix(0, ns).Local().Format(format) }

func direction(d packet.Direction) (string, style) {
	switch d {
	case packet.DirectionSent:
		return "▲", sent
	case packet.DirectionReceived:
		return "▼", received
	default:
		return "·", faint
	}
}

func endpoint(t *packet.Tuple, a packet.Addr, port uint16) string {
	var buf [64]byte
	b := buf[:0]
	if t.Flags&packet.TupleHasPorts == 0 {
		return string(a.AppendTo(b, t.Version))
	}
	if t.Version == 6 {
		b = append(a.AppendTo(append(b, '['), 6), ']')
	} else {
		b = a.AppendTo(b, t.Version)
	}
	return string(strconv.AppendUint(append(b, ':'), uint64(port), 10))
}

// protocol names a packet's outermost protocol in a few letters.
func protocol(r *live.Row) string {
	if r.Outer.Version == 0 {
		switch r.EtherType {
		case 0x0806:
			return "ARP"
		case 0x88cc:
			return "LLDP"
		case 0x888e:
			return "EAPOL"
		case 0:
			return "–"
		default:
			return "0x" + strconv.FormatUint(uint64(r.EtherType), 16)
		}
	}
	label := stats.Protocol{Number: r.Outer.Proto}.Label()
	if _, name, ok := strings.Cut(label, " "); ok {
		return name
	}
	return label
}

func protocolStyle(name string) style {
	switch {
	case name == "TCP":
		return tcp
	case name == "UDP":
		return udp
	case strings.Contains(name, "ICMP"):
		return icmp
	default:
		return plain
	}
}

func tunnelled(r *live.Row) bool { return r.Inner.Version != 0 && r.Inner != r.Outer }

func inside(r *live.Row) string {
	return stats.Protocol{Number: r.Inner.Proto}.Name() + " " +
		endpoint(&r.Inner, r.Inner.Src, r.Inner.SrcPort) + " → " + endpoint(&r.Inner, r.Inner.Dst, r.Inner.DstPort)
}

const tcpReset = 0x004

// flags returns the TCP flags of the innermost transport header as letters.
func flags(r *live.Row) string {
	if r.TCPFlags == 0 || r.Inner.Proto != packet.ProtoTCP {
		return ""
	}
	var b []byte
	for _, f := range [...]struct {
		bit    uint16
		letter byte
	}{{0x002, 'S'}, {0x010, 'A'}, {0x008, 'P'}, {0x001, 'F'}, {tcpReset, 'R'}, {0x020, 'U'}, {0x040, 'E'}, {0x080, 'C'}} {
		if r.TCPFlags&f.bit != 0 {
			b = append(b, f.letter)
		}
	}
	return string(b)
}
