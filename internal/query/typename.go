package query

import "strconv"

// typeNames are how errors and completion call the types.
var typeNames = [...]string{
	TypeProtocol: "protocol", TypeBool: "flag", TypeUint: "number", TypeTime: "time", TypeDuration: "seconds",
	TypeEther: "Ethernet address", TypeIPv4: "IPv4 address", TypeIPv6: "IPv6 address", TypeBytes: "bytes", TypeText: "text",
}

// a returns the type's name with its article.
func (t Type) a() string {
	switch t {
	case TypeEther, TypeIPv4, TypeIPv6:
		return "an " + t.String()
	case TypeBytes, TypeDuration:
		return "of " + t.String()
	}
	return "a " + t.String()
}

// plural returns the type's name for several values.
func (t Type) plural() string {
	switch t {
	case TypeEther, TypeIPv4, TypeIPv6:
		return t.String() + "es"
	case TypeBytes, TypeDuration:
		return t.String()
	}
	return t.String() + "s"
}

// String returns the type's name as errors and completion show it.
func (t Type) String() string {
	if int(t) < len(typeNames) {
		return typeNames[t]
	}
	return "type " + strconv.Itoa(int(t))
}
