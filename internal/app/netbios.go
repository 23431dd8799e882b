package app

// nameLength is a NetBIOS name as it is encoded: two letters A to P for each of 16
// octets. RFC 1001 section 14.1.
const nameLength = 32

// isNetBIOSName says that b begins with an encoded name.
func isNetBIOSName(b []byte) bool {
	if len(b) < 1+nameLength || b[0] != nameLength {
		return false
	}
	for _, c := range b[1 : 1+nameLength] {
		if c < 'A' || c > 'P' {
			return false
		}
	}
	return true
}

// isNBNS: a name service message with an encoded name: an operation that exists, and few records.
// RFC 1002 section 4.2; Windows adds registrations of hosts with several addresses.
func isNBNS(b []byte) bool {
	switch b[2] >> 3 & 15 {
	case 0, 5, 6, 7, 8, 9, 15:
	default:
		return false
	}
	questions, records := be16(b[4:]), be16(b[6:])+be16(b[8:])+be16(b[10:])
	return questions <= 1 && records <= 2 && questions+records > 0 && isNetBIOSName(b[dnsHeader:])
}

// typeNB is the type of records with a name's addresses, RFC 1002 section 4.2.1.3.
const typeNB = 32

// nbns reports the names of a NetBIOS name service message: of the question, and of the records.
func (r *Recognizer) nbns(b []byte) verdict {
	if len(b) < 50 || !isNBNS(b) {
		return verdictMalformed
	}
	at := dnsHeader
	for i, questions := 0, be16(b[4:]); i < questions+be16(b[6:])+be16(b[8:])+be16(b[10:]); i++ {
		name, next, ok := nbnsName(b, at)
		if !ok || next+4 > len(b) {
			return verdictMalformed
		}
		typ := be16(b[next:])
		var text [4 * maxNameOctets]byte
		n := appendNetBIOSName(text[:0], name, i >= questions && typ == typeNB)
		if v := r.keep(n); v != nil {
			r.add(FieldNBNSName, v)
		}
		if at = next + 4; i < questions {
			continue
		}
		if at+6 > len(b) {
			return verdictMalformed
		}
		at += 6 + be16(b[at+4:])
	}
	return verdictOK
}

// nbnsName finds the labels of the name at offset at, which may be a pointer to a name before it,
// and the offset behind it.
func nbnsName(b []byte, at int) (name []byte, next int, ok bool) {
	if next, ok = skipName(b, at); !ok {
		return nil, 0, false
	}
	if b[at] >= 192 {
		to := be16(b[at:]) & 0x3fff
		if to >= at {
			return nil, 0, false
		}
		at = to
	}
	if !isNetBIOSName(b[at:]) {
		return nil, 0, false
	}
	return b[at:], next, true
}

// appendNetBIOSName appends a name as tshark writes it: 15 characters without trailing spaces, of
// which those that are no printable ASCII stand as <xx>, the kind as <xx>, the labels of the scope,
// and what the kind means when that is wanted.
func appendNetBIOSName(dst, b []byte, meaning bool) []byte {
	octet := func(i int) byte { return (b[1+2*i]-'A')<<4 | (b[2+2*i] - 'A') }
	last := 15
	for last > 0 && octet(last-1) == ' ' {
		last--
	}
	for i := range last {
		if c := octet(i); c >= ' ' && c < 0x7f {
			dst = append(dst, c)
		} else {
			dst = appendKind(dst, c)
		}
	}
	kind := octet(15)
	dst = appendKind(dst, kind)
	for rest := b[1+nameLength:]; len(rest) > 0 && rest[0] > 0 && rest[0] < 64 && int(rest[0]) < len(rest) && len(dst)+64 < maxNameOctets; rest = rest[1+rest[0]:] {
		dst = append(append(dst, '.'), rest[1:1+rest[0]]...)
	}
	if meaning {
		dst = append(append(append(dst, " ("...), kindMeaning(kind)...), ')')
	}
	return dst
}

func appendKind(dst []byte, c byte) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '<', hex[c>>4], hex[c&15], '>')
}

// kindMeaning tells what listens under a name of that kind, in tshark's words.
func kindMeaning(kind byte) string {
	switch kind {
	case 0x00, 0x02:
		return "Workstation/Redirector"
	case 0x01:
		return "Browser"
	case 0x03:
		return "Messenger service/Main name"
	case 0x05:
		return "Forwarded name"
	case 0x06:
		return "RAS Server service"
	case 0x1b:
		return "Domain Master Browser"
	case 0x1c:
		return "Domain Controllers"
	case 0x1d:
		return "Local Master Browser"
	case 0x1e:
		return "Browser Election Service"
	case 0x1f:
		return "Net DDE Service"
	case 0x20:
		return "Server service"
	case 0x21:
		return "RAS client service"
	case 0x22:
		return "Exchange Interchange (MSMail Connector)"
	case 0x23:
		return "Exchange Store"
	case 0x24:
		return "Exchange Directory"
	case 0x2b:
		return "Lotus Notes Server service"
	case 0x30:
		return "Modem sharing server service"
	case 0x31:
		return "Modem sharing client service"
	case 0x43:
		return "SMS Clients Remote Control"
	case 0x44:
		return "SMS Administrators Remote Control Tool"
	case 0x45:
		return "SMS Clients Remote Chat"
	case 0x46:
		return "SMS Clients Remote Transfer"
	case 0x4c, 0x52:
		return "DEC Pathworks TCP/IP Service on Windows NT"
	case 0x6a:
		return "Microsoft Exchange IMC"
	case 0x87:
		return "Microsoft Exchange MTA"
	case 0xbe:
		return "Network Monitor Agent"
	case 0xbf:
		return "Network Monitor Analyzer"
	default:
		return "Unknown"
	}
}
