package postgres

import (
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
	questions "github.com/tarrafa/tarrafa/internal/query"
)

// rowSource is the table of the rows as questions see it: with the same names and types
// whoever made it.
type rowSource struct {
	schema  string // quoted, with a dot
	table   string // quoted, with schema
	columns string // the SELECT list that gives every row the names below
	micros  string // the column of the time as timestamptz, for its BRIN index; empty: none
}

// Names that a row has in the questions' statements, and what they hold:
//
//	n t wire cap            number, time (ns), bytes on the wire, captured bytes
//	iface dir outcome vlan  as in the table; dir 0: unknown
//	h                       header_flags
//	os od ov op osp odp     outermost header: addresses, version (0: none), protocol (-1: none), ports
//	isrc idst iv ip isp idp of the innermost header of a tunnel; version 0 and protocol -1: no tunnel
//	opl ipl                 payload of the outermost, of the innermost transport
//	tf tseq tack twin       TCP
//	flow, stream            as in the table
//	known                   everything that a row of a Sink has is there
//	whole, tcp              see the constants
var rowNames = []string{
	"n", "t", "wire", "cap", "iface", "dir", "outcome", "vlan", "h", "os", "od", "op", "osp", "odp", "opl",
	"isrc", "idst", "ip", "isp", "idp", "ipl", "tf", "tseq", "tack", "twin", "eth",
}

// of works out how to read the table, or why that is impossible.
func (r *rowSource) of(info *tableInfo) error {
	r.schema, r.table = quoteIdent(info.schema)+".", info.quoted()
	refuse := func(format string, args ...any) error {
		return &questions.CannotAnswerError{What: "the table " + r.table, Why: fmt.Sprintf(format, args...)}
	}
	for f := range fieldCount {
		if f != fieldID && f != fieldFlow && f != fieldStream && info.column(columns[f].name) == nil {
			return refuse("it has no column %s: it was not filled by this program, or with the old recorder's columns only, or by an older version", columns[f].name)
		}
	}
	address := func(f field) (string, error) {
		c := info.column(columns[f].name)
		switch c.typeOID {
		case pgInet:
			return c.name, nil
		case pgCIDR, pgText, pgVarchar, pgBpchar:
			return c.name + "::inet", nil
		}
		return "", refuse("the column %s does not hold addresses", c.name)
	}
	var failed error
	src, err := address(fieldSource)
	if err != nil {
		failed = err
	}
	dst, err := address(fieldDestination)
	if err != nil {
		failed = err
	}
	if failed != nil {
		return failed
	}
	proto := "protocol::bigint"
	if c := info.column("protocol"); c.category != "N" {
		proto = "(CASE protocol::text WHEN 'TCP' THEN 6 WHEN 'UDP' THEN 17 ELSE protocol::text::bigint END)"
	}
	if c := info.column("packet_size"); c.category != "N" {
		return refuse("the column packet_size does not hold numbers")
	}
	if c := info.column("capture_time"); c.typeOID == pgTimestamptz {
		r.micros = "capture_time"
	}
	var b strings.Builder
	item := func(name, sql string) { fmt.Fprintf(&b, "%s AS %s, ", sql, name) }
	item("n", "number")
	item("t", "time_ns")
	item("wire", "packet_size::bigint")
	item("cap", "captured_size::bigint")
	item("iface", "interface::bigint")
	item("dir", "COALESCE(direction, 0)::bigint")
	item("outcome", "outcome::bigint")
	item("vlan", "vlan::bigint")
	item("h", "header_flags::bigint")
	item("os", src)
	item("od", dst)
	item("ov", "CASE WHEN src_ip IS NULL THEN 0 ELSE family("+src+") END")
	item("op", "CASE WHEN src_ip IS NULL THEN -1 ELSE "+proto+" END")
	item("osp", "src_port::bigint")
	item("odp", "dst_port::bigint")
	item("opl", "COALESCE(payload_size, 0)")
	item("isrc", "inner_src_ip")
	item("idst", "inner_dst_ip")
	item("iv", "CASE WHEN inner_src_ip IS NULL THEN 0 ELSE family(inner_src_ip) END")
	item("ip", "COALESCE(inner_protocol, -1)::bigint")
	item("isp", "inner_src_port::bigint")
	item("idp", "inner_dst_port::bigint")
	item("ipl", "CASE WHEN inner_src_ip IS NULL THEN COALESCE(payload_size, 0) ELSE COALESCE(inner_payload_size, 0) END")
	item("tf", "tcp_flags::bigint")
	item("tseq", "tcp_seq")
	item("tack", "tcp_ack")
	item("twin", "tcp_window::bigint")
	item("eth", "eth_type::bigint")
	for _, f := range []field{fieldFlow, fieldStream} {
		if c := info.column(columns[f].name); c != nil && c.category == "N" {
			item(c.name, c.name+"::bigint")
		} else {
			item(columns[f].name, "NULL::bigint") // stored by an older version
		}
	}
	b.WriteString("(number IS NOT NULL AND time_ns IS NOT NULL AND packet_size IS NOT NULL AND captured_size IS NOT NULL AND interface IS NOT NULL " +
		"AND outcome IS NOT NULL AND header_flags IS NOT NULL AND (src_ip IS NULL) = (protocol IS NULL) AND (src_ip IS NULL) = (dst_ip IS NULL)) AS known")
	r.columns = b.String()
	return nil
}

// row reads a row of the SELECT list rowNames.
func summaryOf(row [][]byte) (s packet.Summary, err error) {
	var n [26]int64
	for i, name := range rowNames {
		switch name {
		case "os", "od", "isrc", "idst":
			continue
		}
		if row[i] == nil {
			continue
		}
		if n[i], err = strconv.ParseInt(string(row[i]), 10, 64); err != nil {
			return s, fmt.Errorf("the column %s holds %q", name, line(string(row[i])))
		}
	}
	h := n[8]
	s = packet.Summary{
		Number: uint64(n[0]), Time: n[1], WireLen: uint32(n[2]), CapLen: uint32(n[3]), Interface: uint16(n[4]),
		Direction: packet.Direction(n[5]), Outcome: packet.Outcome(n[6]), VLAN: packet.NoVLAN,
		Flags: packet.SummaryFlags(h & headerFlag), Depth: uint8(h >> headerDepth & deepestKnown), EtherType: uint16(n[25]),
		TCPFlags: uint16(n[21]), Seq: uint32(n[22]), Ack: uint32(n[23]), Window: uint16(n[24]),
		OuterPayloadLen: uint32(n[14]), PayloadLen: uint32(n[20]),
	}
	if row[7] != nil {
		s.VLAN = uint16(n[7])
	}
	if err := tupleOf(&s.Outer, row[9:15], n[9:15]); err != nil {
		return s, err
	}
	s.Outer.Flags = tupleFlags(h, false)
	s.Inner = s.Outer
	if row[15] != nil {
		s.Inner = packet.Tuple{}
		if err := tupleOf(&s.Inner, row[15:20], n[15:20]); err != nil {
			return s, err
		}
	}
	s.Inner.Flags = tupleFlags(h, true)
	return s, nil
}

// tupleOf fills in addresses, protocol and ports from the columns of a header.
func tupleOf(t *packet.Tuple, row [][]byte, n []int64) error {
	if row[0] == nil {
		return nil
	}
	for i, to := range []*packet.Addr{&t.Src, &t.Dst} {
		a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimSuffix(string(row[i]), "/32"), "/128"))
		if err != nil {
			return fmt.Errorf("an address is %q", line(string(row[i])))
		}
		t.Version = 6
		if a.Is4() {
			t.Version = 4
			*to = packet.AddrFrom4(a.As4())
		} else {
			*to = packet.Addr(a.As16())
		}
	}
	t.Proto, t.SrcPort, t.DstPort = uint8(n[2]), uint16(n[3]), uint16(n[4])
	return nil
}
