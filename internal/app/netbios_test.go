package app

import (
	"slices"
	"strings"
	"testing"
)

// encodeNetBIOS writes a name of up to 15 octets and its kind, without the end that a scope or
// a zero makes.
func encodeNetBIOS(name string, kind byte) []byte {
	b := []byte{nameLength}
	for i := range 16 {
		c := kind
		if i < 15 {
			if c = ' '; i < len(name) {
				c = name[i]
			}
		}
		b = append(b, 'A'+c>>4, 'A'+c&15)
	}
	return b
}

// The texts are those of tshark 4.0.17 for the same messages.
func TestNetBIOSNames(t *testing.T) {
	ends := func(name string, kind byte) []byte { return join(encodeNetBIOS(name, kind), []byte{0}) }
	asked := func(name []byte) []byte { return join(name, u16(32), u16(1)) }
	address := join(u16(0), []byte{10, 0, 0, 1})
	for _, c := range []struct {
		name string
		msg  []byte
		want []string
		bad  bool
	}{
		{"question", dnsMessage(0x0110, 1, 0, 0, 0, asked(ends("WORK GROUP", 0x1c))), []string{"WORK GROUP<1c>"}, false},
		{"registration", dnsMessage(0x2910, 1, 0, 0, 1, asked(ends("REG", 0x20)), resource(pointerToQuestion, typeNB, 300, address)), []string{"REG<20>", "REG<20> (Server service)"}, false},
		{"answer", dnsMessage(0x8500, 0, 1, 0, 0, resource(ends("PC", 0x77), typeNB, 300, address)), []string{"PC<77> (Unknown)"}, false},
		{"status", dnsMessage(0x8400, 0, 1, 0, 0, resource(ends("*"+strings.Repeat("\x00", 14), 0), 33, 0, make([]byte, 65))), []string{"*" + strings.Repeat("<00>", 15)}, false},
		{"wait", dnsMessage(0xbc07, 0, 1, 0, 0, resource(ends("WACK", 0), typeNB, 0, u16(0x2910))), []string{"WACK<00> (Workstation/Redirector)"}, false},
		{"browsers", dnsMessage(0x0110, 1, 0, 0, 0, asked(ends("\x01\x02__MSBROWSE__\x02", 1))), []string{"<01><02>__MSBROWSE__<02><01>"}, false},
		{"scope", dnsMessage(0x0110, 1, 0, 0, 0, asked(join(encodeNetBIOS("SCOPED", 0), []byte("\x03lan\x07example\x00")))), []string{"SCOPED<00>.lan.example"}, false},
		{"pointer to itself", dnsMessage(0x2910, 1, 0, 0, 1, asked(ends("LOOP", 0)), resource([]byte{0xc0, dnsHeader + 38}, typeNB, 300, address)), []string{"LOOP<00>"}, true},
		{"record that is cut", dnsMessage(0x8500, 0, 1, 0, 0, ends("CUT", 0), u16(typeNB), u16(1)), []string{"CUT<00> (Workstation/Redirector)"}, true},
	} {
		s := Segment{Transport: 17, SrcPort: 137, DstPort: 137, Payload: c.msg}
		r, st, o := one(s)
		if got := texts(r, FieldNBNSName); st.Protocol() != NetBIOSName || !slices.Equal(got, c.want) || (o == OutcomeMalformed) != c.bad {
			t.Errorf("%s: %v, %v, %q; want %q", c.name, st.Protocol(), o, got, c.want)
		}
	}
}
