package app

// maxCertificateNames bounds the names reported of one certificate; a content network's
// may have a hundred.
const maxCertificateNames = 64

// The tags of ASN.1 that matter here, X.690.
const (
	derInteger   = 0x02
	derOctets    = 0x04
	derOID       = 0x06
	derSequence  = 0x30
	derSet       = 0x31
	derVersion   = 0xa0 // [0] EXPLICIT of TBSCertificate
	derExtension = 0xa3 // [3] EXPLICIT of TBSCertificate
	derDNSName   = 0x82 // [2] IMPLICIT of GeneralName
)

const (
	oidCommonName = "\x55\x04\x03" // 2.5.4.3
	oidSAN        = "\x55\x1d\x11" // 2.5.29.17
)

// derNext splits the first element off b: its tag, its contents and what follows.
// Definite lengths of up to three octets only, as DER has them.
func derNext(b []byte) (tag byte, content, rest []byte, ok bool) {
	if len(b) < 2 || b[0]&0x1f == 0x1f {
		return 0, nil, nil, false
	}
	tag = b[0]
	n, head := int(b[1]), 2
	if n >= 0x80 {
		k := n & 0x7f
		if k == 0 || k > 3 || len(b) < 2+k {
			return 0, nil, nil, false
		}
		n = 0
		for _, x := range b[2 : 2+k] {
			n = n<<8 | int(x)
		}
		head += k
	}
	if n > len(b)-head {
		return 0, nil, nil, false
	}
	return tag, b[head : head+n], b[head+n:], true
}

// onCertificate reports the names of the first certificate, the server's own, of a
// Certificate message, RFC 5246 section 7.4.2.
func (r *Recognizer) onCertificate(body []byte) {
	c := cursor{b: body}
	c.u24()
	if cert := c.vec24(); !c.bad {
		r.certificateNames(cert)
	}
}

// certificateNames reports the subject's common name and the alternative DNS names, RFC
// 5280 section 4.1. A certificate that cannot be read gives what came before the fault.
func (r *Recognizer) certificateNames(cert []byte) {
	_, cert, _, ok := derNext(cert)
	if !ok {
		return
	}
	_, tbs, _, ok := derNext(cert)
	if !ok {
		return
	}
	// version [0], serial, signature, issuer, validity, subject, key, …, extensions [3]
	tag, content, rest, ok := derNext(tbs)
	if ok && tag == derVersion {
		tag, _, rest, ok = derNext(rest)
	}
	if !ok || tag != derInteger {
		return
	}
	for range 4 {
		if tag, content, rest, ok = derNext(rest); !ok || tag != derSequence {
			return
		}
	}
	r.commonName(content)
	for len(rest) > 0 {
		if tag, content, rest, ok = derNext(rest); !ok {
			return
		}
		if tag == derExtension {
			r.alternativeNames(content)
			return
		}
	}
}

// commonName reports the common name of a Name.
func (r *Recognizer) commonName(name []byte) {
	for len(name) > 0 {
		var set []byte
		var ok bool
		if _, set, name, ok = derNext(name); !ok {
			return
		}
		for len(set) > 0 {
			var pair []byte
			if _, pair, set, ok = derNext(set); !ok {
				return
			}
			tag, oid, value, ok := derNext(pair)
			if !ok || tag != derOID || string(oid) != oidCommonName {
				continue
			}
			if _, cn, _, ok := derNext(value); ok {
				r.add(FieldCertificateCN, cn)
			}
		}
	}
}

// alternativeNames reports the dNSName entries of subjectAltName.
func (r *Recognizer) alternativeNames(extensions []byte) {
	_, extensions, _, ok := derNext(extensions)
	for ok && len(extensions) > 0 {
		var ext []byte
		if _, ext, extensions, ok = derNext(extensions); !ok {
			return
		}
		tag, oid, value, fine := derNext(ext)
		if !fine || tag != derOID || string(oid) != oidSAN {
			continue
		}
		// An optional BOOLEAN (critical), then the value wrapped in an OCTET STRING.
		var content []byte
		for tag = 0; tag != derOctets; {
			if tag, content, value, fine = derNext(value); !fine {
				return
			}
		}
		_, names, _, fine := derNext(content)
		for count := 0; fine && len(names) > 0; {
			var name []byte
			if tag, name, names, fine = derNext(names); !fine || tag != derDNSName {
				continue
			}
			if count++; count > maxCertificateNames {
				r.counters.FieldsDropped++
				continue
			}
			r.add(FieldCertificateDNSName, name)
		}
		return
	}
}
