package postgres

import (
	"fmt"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
	questions "github.com/tarrafa/tarrafa/internal/query"
)

// Bits of header_flags, as the statements name them.
const (
	packetMoreHeaders = int64(packet.MoreHeaders)
	outerPorts        = int64(packet.TupleHasPorts) << headerOuter
	outerFragment     = int64(packet.TupleFragment) << headerOuter
	innerPorts        = int64(packet.TupleHasPorts) << headerInner
	innerFragment     = int64(packet.TupleFragment) << headerInner
	outcomeTruncated  = int(packet.OutcomeTruncated)
	protoUDPLite      = 136
)

// settledOutcomes are those of packets whose headers were all found.
var settledOutcomes = []packet.Outcome{
	packet.OutcomeTransport, packet.OutcomeIP, packet.OutcomeFragment, packet.OutcomeNonIP, packet.OutcomeLinkType,
}

// numbers writes a list of our own numbers.
func numbers(list []packet.Outcome) string {
	text := make([]string, len(list))
	for i, n := range list {
		text[i] = strconv.Itoa(int(n))
	}
	return strings.Join(text, ", ")
}

// numberKind says when a number of a row is a value of its field.
type numberKind uint8

const (
	numberFrame  numberKind = iota // every packet has it
	numberTCP                      // packets with a TCP header
	numberTCPLen                   // those whose payload's length is known
	numberPorts                    // of each tuple with ports of a protocol
	numberProto                    // of each IPv4 header
	numberFlow                     // packets that belong to a flow, of a protocol if there is one
)

// numberField is a field whose values are numbers of a row.
type numberField struct {
	kind  numberKind
	outer string // the number, or the numbers (ports)
	more  string
	proto uint8
	flag  bool // 0 or 1
	hex   int  // digits of its text form; 0: decimal
}

var numberFields = func() map[string]numberField {
	m := map[string]numberField{
		"frame.number": {outer: "n"}, "frame.time": {outer: "t"}, "frame.time_epoch": {outer: "t"},
		"frame.len": {outer: "wire"}, "frame.cap_len": {outer: "cap"},
		"tcp.seq_raw": {kind: numberTCP, outer: "tseq"}, "tcp.ack_raw": {kind: numberTCP, outer: "tack"},
		"tcp.window_size_value": {kind: numberTCP, outer: "twin"}, "tcp.flags": {kind: numberTCP, outer: "tf", hex: 4},
		"tcp.len": {kind: numberTCPLen, outer: "ipl"}, "ip.proto": {kind: numberProto},
	}
	for i, name := range []string{"fin", "syn", "reset", "push", "ack", "urg", "ece", "cwr", "ae"} {
		m["tcp.flags."+name] = numberField{kind: numberTCP, outer: fmt.Sprintf("((tf >> %d) & 1)", i), flag: true}
	}
	m["flow"] = numberField{kind: numberFlow, outer: "flow"}
	m["tcp.stream"] = numberField{kind: numberFlow, outer: "stream", proto: packet.ProtoTCP}
	m["udp.stream"] = numberField{kind: numberFlow, outer: "stream", proto: packet.ProtoUDP}
	for name, proto := range map[string]uint8{"tcp": packet.ProtoTCP, "udp": packet.ProtoUDP, "sctp": packet.ProtoSCTP} {
		m[name+".srcport"] = numberField{kind: numberPorts, outer: "sp", proto: proto}
		m[name+".dstport"] = numberField{kind: numberPorts, outer: "dp", proto: proto}
		m[name+".port"] = numberField{kind: numberPorts, outer: "sp", more: "dp", proto: proto}
	}
	return m
}()

// holder is one place of a row where a field may have a value.
type holder struct{ when, value string }

// holders returns where the field's values are, for the fields of tuples.
func (f numberField) holders() []holder {
	if f.kind == numberProto {
		return []holder{{"ov = 4", "op"}, {"iv = 4", "ip"}}
	}
	if f.kind == numberFlow {
		when := "flow <> 0"
		if f.proto != 0 {
			when += fmt.Sprintf(" AND (CASE WHEN iv = 0 THEN op ELSE ip END) = %d", f.proto)
		}
		return []holder{{when, f.outer}}
	}
	is := func(column string) string {
		if f.proto == packet.ProtoUDP {
			return fmt.Sprintf("%s IN (%d, %d)", column, packet.ProtoUDP, protoUDPLite)
		}
		return fmt.Sprintf("%s = %d", column, f.proto)
	}
	outer := fmt.Sprintf("(h & %d) <> 0 AND %s", outerPorts, is("op"))
	inner := fmt.Sprintf("(h & %d) <> 0 AND %s", innerPorts, is("ip"))
	var list []holder
	for _, end := range []string{f.outer, f.more} {
		if end != "" {
			list = append(list, holder{outer, "o" + end}, holder{inner, "i" + end})
		}
	}
	return list
}

// unsure says when only the bytes tell the field's values; empty: never.
func (f numberField) unsure() string {
	switch f.kind {
	case numberFrame:
		return ""
	case numberFlow:
		if f.proto == packet.ProtoUDP {
			return "flow IS NULL OR " + sqlMore + " OR " + sqlDepth + " > 1" // a tunnel in UDP has a number too
		}
		return "flow IS NULL"
	case numberTCP:
		return "tcp IS NULL"
	case numberTCPLen:
		return fmt.Sprintf("tcp IS NULL OR tcp AND outcome <> %d", packet.OutcomeTransport)
	case numberPorts:
		return "NOT whole OR " + sqlFirstOuter + " OR " + sqlFirstInner
	default:
		return "NOT whole"
	}
}

func (t *translation) numberLeaf(name string, f numberField, mask string, x questions.Expr) condition {
	test, ok := t.numberTest(f.flag, x)
	if !ok {
		return t.unanswered(name)
	}
	switch f.kind {
	case numberFrame:
		return condition{test("(" + f.outer + mask + ")"), questions.Unknown}
	case numberTCP, numberTCPLen:
		return condition{"CASE WHEN " + f.unsure() + " THEN NULL WHEN tcp THEN " + test("("+f.outer+mask+")") + " ELSE false END", questions.No}
	}
	return each(f.unsure(), f.holders(), quantifierOf(x), func(v string) string { return test("(" + v + mask + ")") })
}

// each puts a condition on several values together.
func each(unsure string, list []holder, quant questions.Quantifier, test func(string) string) condition {
	var found, missed []string
	for _, h := range list {
		found = append(found, "("+h.when+" AND "+test(h.value)+")")
		if quant == questions.All {
			missed = append(missed, "("+h.when+" AND NOT "+test(h.value)+")")
		}
	}
	sql := "(" + strings.Join(found, " OR ") + ")"
	if missed != nil {
		sql += " AND NOT (" + strings.Join(missed, " OR ") + ")"
	}
	return condition{"CASE WHEN " + unsure + " THEN NULL ELSE " + sql + " END", questions.No}
}

// sqlOps are the comparisons in SQL.
var sqlOps = [...]string{
	questions.Eq: "=", questions.Ne: "<>", questions.Gt: ">", questions.Ge: ">=", questions.Lt: "<", questions.Le: "<=",
}

// numberTest returns what writes a condition on a number; ok is false when there is none.
func (t *translation) numberTest(flag bool, x questions.Expr) (test func(string) string, ok bool) {
	switch x := x.(type) {
	case *questions.Exists:
		return func(string) string { return "true" }, true
	case *questions.Truth:
		return func(v string) string { return "(" + v + " <> 0)" }, true
	case *questions.Compare:
		if flag && x.Op != questions.Eq && x.Op != questions.Ne {
			return nil, false
		}
		p := t.number(int64(x.Right.(*questions.Literal).Value.Num))
		return func(v string) string { return "(" + v + " " + sqlOps[x.Op] + " " + p + ")" }, true
	case *questions.In:
		var low, high []string
		for _, r := range x.Set {
			from := int64(r.Low.Value.Num)
			to := from
			if r.High != nil {
				to = int64(r.High.Value.Num)
			}
			if from <= to {
				low, high = append(low, t.number(from)), append(high, t.number(to))
			}
		}
		return func(v string) string { return between(v, low, high) }, true
	}
	return nil, false
}

// between asks whether a value lies in one of the ranges.
func between(v string, low, high []string) string {
	if len(low) == 0 {
		return "false"
	}
	parts := make([]string, len(low))
	for i := range low {
		parts[i] = v + " BETWEEN " + low[i] + " AND " + high[i]
	}
	return "(" + strings.Join(parts, " OR ") + ")"
}

// addressField says where in the tuples a field's addresses stand.
type addressField struct {
	version  uint8
	src, dst bool
}

var addressFields = map[string]addressField{
	"ip.addr": {4, true, true}, "ip.src": {4, true, false}, "ip.dst": {4, false, true},
	"ipv6.addr": {6, true, true}, "ipv6.src": {6, true, false}, "ipv6.dst": {6, false, true},
}

func (f addressField) holders() []holder {
	outer, inner := fmt.Sprintf("ov = %d", f.version), fmt.Sprintf("iv = %d", f.version)
	var list []holder
	if f.src {
		list = append(list, holder{outer, "os"}, holder{inner, "isrc"})
	}
	if f.dst {
		list = append(list, holder{outer, "od"}, holder{inner, "idst"})
	}
	return list
}

func (t *translation) addressLeaf(name string, f addressField, x questions.Expr) condition {
	var test func(string) string
	switch x := x.(type) {
	case *questions.Exists:
		test = func(string) string { return "true" }
	case *questions.Compare:
		low, high := t.addresses(x.Right.(*questions.Literal), nil)
		test = func(v string) string {
			switch x.Op {
			case questions.Eq:
				return between(v, []string{low}, []string{high})
			case questions.Ne:
				return "(NOT " + between(v, []string{low}, []string{high}) + ")"
			case questions.Gt, questions.Le:
				return "(" + v + " " + sqlOps[x.Op] + " " + high + ")"
			default:
				return "(" + v + " " + sqlOps[x.Op] + " " + low + ")"
			}
		}
	case *questions.In:
		var low, high []string
		for _, r := range x.Set {
			l, h := t.addresses(r.Low, r.High)
			low, high = append(low, l), append(high, h)
		}
		test = func(v string) string { return between(v, low, high) }
	default:
		return t.unanswered(name)
	}
	return each("NOT whole", f.holders(), quantifierOf(x), test)
}

// addresses returns the first and the last address of a literal or of a range.
func (t *translation) addresses(from, to *questions.Literal) (low, high string) {
	first, _ := netip.AddrFromSlice(from.Value.Bytes)
	last := slices.Clone(from.Value.Bytes)
	if to != nil {
		last = to.Value.Bytes
	} else {
		for i := from.Bits; i < 8*len(last); i++ {
			last[i/8] |= 0x80 >> (i % 8)
		}
	}
	end, _ := netip.AddrFromSlice(last)
	return t.arg(first.String(), "inet"), t.arg(end.String(), "inet")
}

// protocolField asks for a header.
type protocolField struct {
	version uint8 // of IP; 0: proto decides
	proto   uint8
	ports   bool
}

var protocolFields = map[string]protocolField{
	"ip": {version: 4}, "ipv6": {version: 6},
	"tcp": {proto: packet.ProtoTCP, ports: true}, "udp": {proto: packet.ProtoUDP, ports: true},
	"sctp": {proto: packet.ProtoSCTP, ports: true},
	"icmp": {proto: packet.ProtoICMP}, "icmpv6": {proto: packet.ProtoICMPv6},
}

func (f protocolField) condition() condition {
	var sql string
	switch {
	case f.version != 0:
		sql = fmt.Sprintf("CASE WHEN ov = %[1]d OR iv = %[1]d THEN true WHEN whole THEN false END", f.version)
	case f.ports:
		has := fmt.Sprintf("op = %[1]d AND (h & %[2]d) = %[3]d OR ip = %[1]d AND (h & %[4]d) = %[5]d", f.proto,
			outerPorts|outerFragment, outerPorts, innerPorts|innerFragment, innerPorts)
		certain := "true"
		if f.proto == packet.ProtoSCTP {
			certain = "NULLIF(" + sqlSettled + ", false)" // tshark wants its whole header
		}
		sql = fmt.Sprintf("CASE WHEN %s THEN %s WHEN op = %[3]d AND %s OR ip = %[3]d AND %[5]s THEN NULL WHEN whole THEN false END",
			has, certain, f.proto, sqlFirstOuter, sqlFirstInner)
	default:
		// What is behind the IP header may be cut, or a fragment.
		sql = fmt.Sprintf("CASE WHEN op = %[1]d OR ip = %[1]d THEN NULL WHEN whole THEN false END", f.proto)
	}
	return condition{"(" + sql + ")", questions.No}
}

// textLeaf tests a column whose numbers have names.
func (t *translation) textLeaf(name string, x questions.Expr, column string, ids, names []string) condition {
	var test func(string) bool
	switch x := x.(type) {
	case *questions.Exists:
		test = func(string) bool { return true }
	case *questions.Compare:
		want := x.Right.(*questions.Literal).Value.Text
		test = func(s string) bool { return holds(x.Op, strings.Compare(s, want)) }
	case *questions.In:
		test = func(s string) bool {
			return slices.ContainsFunc(x.Set, func(r questions.Range) bool {
				if r.High == nil {
					return s == r.Low.Value.Text
				}
				return s >= r.Low.Value.Text && s <= r.High.Value.Text
			})
		}
	default:
		return t.unanswered(name)
	}
	var known, yes []string
	for i, id := range ids {
		n, _ := strconv.ParseInt(id, 10, 64)
		p := t.number(n)
		known = append(known, p)
		if test(names[i]) {
			yes = append(yes, p)
		}
	}
	switch {
	case known == nil:
		return t.unanswered(name)
	case yes == nil:
		return condition{"CASE WHEN " + column + " IN (" + strings.Join(known, ", ") + ") THEN false END", questions.Unknown}
	}
	return condition{"CASE WHEN " + column + " IN (" + strings.Join(known, ", ") + ") THEN " + column + " IN (" + strings.Join(yes, ", ") + ") END", questions.Unknown}
}

// holds tells whether a comparison holds that came out as c: less than 0, 0 or more.
func holds(op questions.Op, c int) bool {
	switch op {
	case questions.Eq:
		return c == 0
	case questions.Ne:
		return c != 0
	case questions.Gt:
		return c > 0
	case questions.Ge:
		return c >= 0
	case questions.Lt:
		return c < 0
	default:
		return c <= 0
	}
}
