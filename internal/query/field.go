// Package query asks questions of captured packets: the fields of a packet by tshark's
// names, the display-filter language over them, and the question types that an archive
// answers. It does no I/O.
package query

import (
	"slices"
	"strings"
)

// Type says what a field's values are.
type Type uint8

// Types of fields. The comment says which part of a [Value] holds the value.
const (
	TypeProtocol Type = iota // Num 1: the protocol is there
	TypeBool                 // Num: 0 or 1
	TypeUint                 // Num
	TypeTime                 // Num: nanoseconds since 1970-01-01 UTC, two's complement
	TypeDuration             // Num: nanoseconds, two's complement
	TypeEther                // Bytes: 6
	TypeIPv4                 // Bytes: 4
	TypeIPv6                 // Bytes: 16
	TypeBytes                // Bytes
	TypeText                 // Text
)

// Base says how a number is written.
type Base uint8

// Bases for numbers. The hexadecimal ones are 0x and a fixed count of digits.
const (
	Decimal Base = iota
	Hex2
	Hex4
	Hex6
	Hex8
)

// Value is one occurrence of a field in a packet. Bytes belongs to the packet, or to the
// decoder that put it together, and is valid as long as that is.
type Value struct {
	Num   uint64
	Bytes []byte
	Text  string
}

// Field is something that can be asked of a packet, under the name that tshark gives it.
// Fields are not changed after the program's start.
type Field struct {
	Name string
	Type Type
	Base Base // for TypeUint

	at    []place                           // where in the headers the value stands
	get   func(r *Row, dst []Value) []Value // in place of at
	notes bool                              // get looks at the Row's notes
}

// Append appends the field's occurrences in the packet to dst, in the order of the
// headers: outer ones first. A field that neither stands in a header nor is computed from
// the packet takes its occurrences from the Row's notes.
func (f *Field) Append(r *Row, dst []Value) []Value {
	switch {
	case f.get != nil:
		return f.get(r, dst)
	case f.at != nil:
		return f.appendPlaces(r, dst)
	}
	for i := range r.Notes {
		if r.Notes[i].Field == f {
			dst = append(dst, r.Notes[i].Value)
		}
	}
	return dst
}

// LookupField returns the field of that name, or nil. Names of the time when Wireshark
// called DHCP bootp and TLS ssl are known too.
func LookupField(name string) *Field {
	if f := fieldsByName[name]; f != nil {
		return f
	}
	for _, old := range [][2]string{{"bootp", "dhcp"}, {"ssl", "tls"}} {
		if rest, is := strings.CutPrefix(name, old[0]); is && (rest == "" || rest[0] == '.') {
			return fieldsByName[old[1]+rest]
		}
	}
	return nil
}

// FieldNames returns the names of all fields, sorted. The slice is the caller's.
func FieldNames() []string { return slices.Clone(fieldNames) }

var (
	fieldsByName = map[string]*Field{}
	fieldNames   []string
)

func init() {
	for _, group := range [][]Field{
		frameFields, linkFields, networkFields, transportFields, optionFields, tunnelFields, messageFields, neighbourFields, groupFields, dnsFields, httpFields, protocolFields,
	} {
		for i := range group {
			f := &group[i]
			if fieldsByName[f.Name] != nil {
				panic("query: field " + f.Name + " is defined twice")
			}
			fieldsByName[f.Name] = f
			fieldNames = append(fieldNames, f.Name)
		}
	}
	slices.Sort(fieldNames)
}
