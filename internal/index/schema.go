package index

import (
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// Column names a column of a segment's index by its place in the file.
type Column uint8

// The columns, in the order of the file. docs/formats.md says what each holds.
const (
	Number Column = iota
	Time
	WireLen
	CapLen
	Direction
	Interface
	VLAN
	EthType
	IPVersion
	Src
	Dst
	Proto
	SrcPort
	DstPort
	InnerVersion
	InnerSrc
	InnerDst
	InnerProto
	InnerSrcPort
	InnerDstPort
	TCPFlags
	TCPSeq
	TCPAck
	TCPWindow
	PayloadLen
	PayloadHash
	Outcome
	Flags
	Depth
	Flow
	Stream
	Analysis
	AckRTT
	InitialRTT
	App
	Names
	Offset

	ColumnCount
)

// presence says in which rows a group of columns has a value.
type presence uint8

const (
	always presence = iota
	hasVLAN
	hasEtherType
	hasIP
	hasPorts
	hasTunnel
	hasInnerPorts
	hasTCP
	hasTransport
	hasPayload
	hasFlow
	hasStream
	hasAnalysis
	hasAckRTT
	hasInitialRTT
	hasApp
	hasNames
	presences
)

type encodingKind uint8

const (
	plain encodingKind = iota
	delta
	dict
)

// text says where the words of a text column come from.
type text uint8

const (
	noText text = iota
	addressText
	directionText
	outcomeText
	appText
	nameText
)

// spec describes one column.
type spec struct {
	name     string
	wide     bool // INT64, not INT32
	unsigned int8 // bits of the logical unsigned integer; 0: none
	time     bool
	text     text
	enc      encodingKind
	in       presence
	bloom    bool
}

var specs = [ColumnCount]spec{
	Number:       {name: "number", wide: true, enc: delta},
	Time:         {name: "time", wide: true, time: true, enc: delta},
	WireLen:      {name: "wire_len", unsigned: 32, enc: delta},
	CapLen:       {name: "cap_len", unsigned: 32, enc: delta},
	Direction:    {name: "direction", text: directionText, enc: dict},
	Interface:    {name: "interface", unsigned: 16, enc: dict},
	VLAN:         {name: "vlan", unsigned: 16, enc: dict, in: hasVLAN},
	EthType:      {name: "eth_type", unsigned: 16, enc: dict, in: hasEtherType},
	IPVersion:    {name: "ip_version", unsigned: 8, enc: dict, in: hasIP},
	Src:          {name: "src", text: addressText, enc: dict, in: hasIP, bloom: true},
	Dst:          {name: "dst", text: addressText, enc: dict, in: hasIP, bloom: true},
	Proto:        {name: "proto", unsigned: 8, enc: dict, in: hasIP},
	SrcPort:      {name: "src_port", unsigned: 16, enc: dict, in: hasPorts, bloom: true},
	DstPort:      {name: "dst_port", unsigned: 16, enc: dict, in: hasPorts, bloom: true},
	InnerVersion: {name: "inner_ip_version", unsigned: 8, enc: dict, in: hasTunnel},
	InnerSrc:     {name: "inner_src", text: addressText, enc: dict, in: hasTunnel, bloom: true},
	InnerDst:     {name: "inner_dst", text: addressText, enc: dict, in: hasTunnel, bloom: true},
	InnerProto:   {name: "inner_proto", unsigned: 8, enc: dict, in: hasTunnel},
	InnerSrcPort: {name: "inner_src_port", unsigned: 16, enc: dict, in: hasInnerPorts, bloom: true},
	InnerDstPort: {name: "inner_dst_port", unsigned: 16, enc: dict, in: hasInnerPorts, bloom: true},
	TCPFlags:     {name: "tcp_flags", unsigned: 16, enc: dict, in: hasTCP},
	TCPSeq:       {name: "tcp_seq", unsigned: 32, enc: plain, in: hasTCP},
	TCPAck:       {name: "tcp_ack", unsigned: 32, enc: plain, in: hasTCP},
	TCPWindow:    {name: "tcp_window", unsigned: 16, enc: dict, in: hasTCP},
	PayloadLen:   {name: "payload_len", unsigned: 32, enc: delta, in: hasTransport},
	PayloadHash:  {name: "payload_hash", wide: true, unsigned: 64, enc: plain, in: hasPayload},
	Outcome:      {name: "outcome", text: outcomeText, enc: dict},
	Flags:        {name: "flags", unsigned: 16, enc: dict},
	Depth:        {name: "depth", unsigned: 8, enc: dict},
	Flow:         {name: "flow", wide: true, enc: delta, in: hasFlow},
	Stream:       {name: "stream", wide: true, enc: delta, in: hasStream},
	Analysis:     {name: "analysis", unsigned: 32, enc: plain, in: hasAnalysis},
	AckRTT:       {name: "ack_rtt", wide: true, enc: plain, in: hasAckRTT},
	InitialRTT:   {name: "initial_rtt", wide: true, enc: plain, in: hasInitialRTT},
	App:          {name: "app", text: appText, enc: dict, in: hasApp},
	Names:        {name: "names", text: nameText, enc: dict, in: hasNames},
	Offset:       {name: "offset", wide: true, enc: delta},
}

// String returns the column's name in the file.
func (c Column) String() string { return specs[c].name }

func (s *spec) physical() format.Type {
	switch {
	case s.text != noText:
		return format.ByteArray
	case s.wide:
		return format.Int64
	default:
		return format.Int32
	}
}

func (s *spec) element() format.SchemaElement {
	e := format.SchemaElement{
		Name: s.name, Type: thrift.New(s.physical()), RepetitionType: thrift.New(format.Required),
	}
	if s.in != always {
		e.RepetitionType = thrift.New(format.Optional)
	}
	switch {
	case s.text != noText:
		e.ConvertedType = thrift.New(deprecated.UTF8)
		e.LogicalType.Value = &format.StringType{}
	case s.time:
		e.LogicalType.Value = &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.NanoSeconds{}}}
	case s.unsigned > 0:
		e.ConvertedType = thrift.New(map[int8]deprecated.ConvertedType{
			8: deprecated.Uint8, 16: deprecated.Uint16, 32: deprecated.Uint32, 64: deprecated.Uint64,
		}[s.unsigned])
		e.LogicalType.Value = &format.IntType{BitWidth: s.unsigned}
	}
	return e
}
