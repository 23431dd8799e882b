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

// isNBNS: a name service message with an encoded name. RFC 1002 section 4.2.
func isNBNS(b []byte) bool {
	return dnsHeaderOK(b, len(b)) && isNetBIOSName(b[dnsHeader:])
}

// nbns reports the first name of a NetBIOS name service message: its 15 characters
// without trailing spaces, and its kind as <xx>, which is how tshark begins.
func (r *Recognizer) nbns(b []byte) verdict {
	const hex = "0123456789abcdef"
	if len(b) < 50 || !isNBNS(b) {
		return verdictMalformed
	}
	var name [19]byte
	n := 0
	for i := range 16 {
		c := (b[dnsHeader+1+2*i]-'A')<<4 | (b[dnsHeader+2+2*i] - 'A')
		if i < 15 {
			name[i] = c
			if c != ' ' && c != 0 {
				n = i + 1
			}
			continue
		}
		n += copy(name[n:], []byte{'<', hex[c>>4], hex[c&15], '>'})
	}
	if v := r.keep(name[:n]); v != nil {
		r.add(FieldNBNSName, v)
	}
	return verdictOK
}
