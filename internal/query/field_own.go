package query

import (
	"slices"
)

// ownFields are the packet as a whole and the fields that tshark does not have.
var ownFields = []Field{
	{Name: wholeFrame, Type: TypeProtocol, get: func(_ *Row, dst []Value) []Value { return append(dst, Value{Num: 1}) }},
	{Name: "payload", Type: TypeBytes, get: innerPayload},
	{Name: "direction", Type: TypeText, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Text: r.Packet.Direction.String()})
	}},
}

// fieldAliases are other names of fields, for LookupField only.
var fieldAliases = map[string]string{"interface": "frame.interface_name"}

func init() {
	for _, group := range [][]Field{ownFields, notedFields()} {
		for i := range group {
			f := &group[i]
			if fieldsByName[f.Name] != nil {
				panic("query: field " + f.Name + " is defined twice")
			}
			fieldsByName[f.Name] = f
			fieldNames = append(fieldNames, f.Name)
		}
	}
	for alias, name := range fieldAliases {
		fieldsByName[alias] = fieldsByName[name]
	}
	slices.Sort(fieldNames)
	findNoted()
}

// innerPayload appends what the innermost transport header carries, as far as it was
// captured: what a Summary calls the payload. Headers quoted in ICMP errors have none.
func innerPayload(r *Row, dst []Value) []Value {
	p := r.Packet
	if p.InnerTransport < 0 {
		return dst
	}
	if b := p.Payload(&p.Layers[p.InnerTransport]); len(b) > 0 {
		return append(dst, Value{Bytes: b})
	}
	return dst
}
