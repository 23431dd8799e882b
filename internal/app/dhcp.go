package app

// dhcpCookie opens the options, RFC 2131 section 3.
const dhcpCookie = 0x63825363

// DHCP options, RFC 2132.
const (
	optHostName    = 12
	optVendorClass = 60
)

// portDHCPServer is a side of all that clients, servers and relays say, RFC 951 section 3.
const portDHCPServer = 67

// isBOOTP: a message on the port of BOOTP, whose vendor field may hold anything: a
// request or a reply with a hardware address of Ethernet. RFC 951 section 3.
func isBOOTP(b []byte) bool {
	return len(b) >= 240 && (b[0] == 1 || b[0] == 2) && b[1] == 1 && b[2] == 6
}

// dhcp reports the host name and the vendor class of a DHCPv4 message.
func (r *Recognizer) dhcp(b []byte) verdict {
	if len(b) < 240 {
		return verdictMalformed
	}
	if be32(b[236:]) != dhcpCookie {
		return verdictOK // BOOTP
	}
	for o := b[240:]; len(o) > 0; {
		if o[0] == 0 {
			o = o[1:]
			continue
		}
		if o[0] == 255 {
			return verdictOK
		}
		if len(o) < 2 || len(o) < 2+int(o[1]) {
			return verdictMalformed
		}
		value := o[2 : 2+int(o[1])]
		switch o[0] {
		case optHostName:
			r.add(FieldDHCPHostName, trimNUL(value))
		case optVendorClass:
			r.add(FieldDHCPVendorClass, trimNUL(value))
		}
		o = o[2+len(value):]
	}
	return verdictOK
}

// trimNUL cuts a name at its first NUL: some clients pad.
func trimNUL(b []byte) []byte {
	for i, c := range b {
		if c == 0 {
			return b[:i]
		}
	}
	return b
}

// DHCPv6 options, RFC 8415 section 21, RFC 4704.
const (
	opt6ClientID   = 1
	opt6Relay      = 9
	opt6ClientFQDN = 39
)

// dhcpv6Options gives the options of a message: relays have a longer header. RFC 8415
// sections 8 and 9.
func dhcpv6Options(b []byte) (options []byte, relay bool) {
	relay = b[0] == 12 || b[0] == 13
	head := 4
	if relay {
		head = 34
	}
	if len(b) < head {
		return nil, relay
	}
	return b[head:], relay
}

// portDHCPv6Server is the port of servers and relays, clients have the one before: RFC 8415
// section 7.2.
const portDHCPv6Server = 547

// isDHCPv6: options that fill the datagram, with a client identifier or a relayed message
// among them.
func isDHCPv6(b []byte) bool {
	whole, told := dhcpv6Whole(b)
	return whole && told
}

// dhcpv6Whole says that b is a message whose options fill it, and whether one of them tells
// DHCPv6 from what looks like it: a client identifier, or a relayed message. RFC 8415 section 21.
func dhcpv6Whole(b []byte) (whole, told bool) {
	if len(b) < 4 || b[0] == 0 || b[0] > 13 {
		return false, false
	}
	o, relay := dhcpv6Options(b)
	if relay && len(b) < 34 {
		return false, false
	}
	for len(o) > 0 {
		if len(o) < 4 || len(o) < 4+be16(o[2:]) {
			return false, false
		}
		code := be16(o)
		if code == 0 || code > 160 {
			return false, false
		}
		n := be16(o[2:])
		if relay && code == opt6Relay || !relay && code == opt6ClientID && n >= 3 {
			told = true
		}
		o = o[4+n:]
	}
	return true, told
}

// maxRelays is how many relays a message may have passed, RFC 8415 section 7.6 (HOP_COUNT_LIMIT).
const maxRelays = 8

// dhcpv6 reports the client's domain name, RFC 4704 section 4: labels, and no end when the
// name is not complete. It is looked for in the message that relays pass on, too.
func (r *Recognizer) dhcpv6(b []byte) verdict {
	for range maxRelays + 1 {
		if whole, _ := dhcpv6Whole(b); !whole {
			return verdictMalformed
		}
		o, relay := dhcpv6Options(b)
		b = nil
		for len(o) > 0 {
			n := be16(o[2:])
			switch code := be16(o); {
			case relay && code == opt6Relay:
				b = o[4 : 4+n]
			case !relay && code == opt6ClientFQDN && n > 1:
				r.add(FieldDHCPv6ClientName, r.labels(o[5:4+n]))
			}
			o = o[4+n:]
		}
		if b == nil {
			return verdictOK
		}
	}
	return verdictOK
}

// labels joins DNS labels without compression into the scratch memory, as far as they are
// in order. A name that has its end is written with a dot behind it, as tshark does.
func (r *Recognizer) labels(b []byte) []byte {
	var buf [maxNameOctets]byte
	n := 0
	for len(b) > 0 && int(b[0]) < len(b) && b[0] < 64 && n+1+int(b[0]) <= len(buf) {
		if n > 0 {
			buf[n] = '.'
			n++
		}
		if b[0] == 0 {
			break
		}
		n += copy(buf[n:], b[1:1+int(b[0])])
		b = b[1+int(b[0]):]
	}
	return r.keep(buf[:n])
}
