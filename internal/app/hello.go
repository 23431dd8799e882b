package app

// The longest lists of a ClientHello that are read. Real clients send up to about 90
// ciphers and 20 extensions; with more, the ClientHello has no JA4.
const (
	maxHelloList = 256
	maxHelloALPN = 16
)

// TLS extension types, IANA registry "TLS ExtensionType Values".
const (
	extServerName        = 0x0000
	extSignatureAlgs     = 0x000d
	extALPN              = 0x0010
	extSupportedVersions = 0x002b
)

// clientHello is a parsed ClientHello. It is reused; its slices are borrowed from the
// bytes that were parsed.
type clientHello struct {
	version   int    // legacy_version
	supported int    // newest of supported_versions, GREASE ignored; 0 without the extension
	suites    []byte // cipher_suites as they stand there
	versions  []byte // those of supported_versions
	hasSNI    bool
	sni       []byte // first host_name, nil without
	alpn      [maxHelloALPN][]byte
	nalpn     int

	// GREASE values are left out of the lists.
	ciphers    [maxHelloList]uint16
	extensions [maxHelloList]uint16
	signatures [maxHelloList]uint16
	nciphers   int
	next       int
	nsigs      int
	overflow   bool // a list was longer than is kept
	moreALPN   bool // there were more names of ALPN than are kept
	dtls       bool
}

// isGREASE says that v is one of the reserved values of RFC 8701: 0x0a0a, 0x1a1a … 0xfafa.
func isGREASE(v int) bool { return v&0x0f0f == 0x0a0a && v>>8 == v&0xff }

// parse reads the body of a ClientHello, RFC 8446 section 4.1.2 (DTLS: RFC 6347 section
// 4.2.1). It says whether the body was complete and in order; when it was not, the fields
// hold what came before the fault.
func (h *clientHello) parse(body []byte, dtls bool) bool {
	h.version, h.supported, h.hasSNI, h.sni = 0, 0, false, nil
	h.nalpn, h.nciphers, h.next, h.nsigs = 0, 0, 0, 0
	h.suites, h.versions = nil, nil
	h.overflow, h.moreALPN, h.dtls = false, false, dtls

	c := cursor{b: body}
	h.version = c.u16()
	c.take(32)
	c.vec8()
	if dtls {
		c.vec8()
	}
	list := cursor{b: c.vec16()}
	if c.bad || len(list.b)%2 != 0 {
		return false
	}
	h.suites = list.b
	h.pushAll(&h.ciphers, &h.nciphers, list.b)
	c.vec8()
	if c.bad {
		return false
	}
	if len(c.b) == 0 {
		return true // before extensions were invented
	}
	n := c.u16()
	whole := n == len(c.b)
	ext := cursor{b: c.b}
	if n < len(c.b) {
		ext.b = c.b[:n]
	}
	for b := ext.b; len(b) > 0; {
		if len(b) < 4 {
			return false
		}
		typ, end := be16(b), 4+be16(b[2:])
		if end > len(b) {
			return false
		}
		if !isGREASE(typ) {
			h.push(&h.extensions, &h.next, typ)
		}
		switch typ {
		case extServerName, extALPN, extSupportedVersions, extSignatureAlgs:
			h.extension(typ, b[4:end])
		default:
		}
		b = b[end:]
	}
	return whole && !c.bad
}

func (h *clientHello) push(list *[maxHelloList]uint16, n *int, v int) {
	if isGREASE(v) {
		return
	}
	if *n == maxHelloList {
		h.overflow = true
		return
	}
	list[*n] = uint16(v)
	*n++
}

// pushAll notes the numbers of two bytes each that b holds.
func (h *clientHello) pushAll(list *[maxHelloList]uint16, n *int, b []byte) {
	for ; len(b) >= 2; b = b[2:] {
		h.push(list, n, be16(b))
	}
}

func (h *clientHello) extension(typ int, data []byte) {
	switch typ {
	case extServerName:
		// RFC 6066 section 3: a list of (type, name); the type of host names is 0.
		h.hasSNI = true
		c := cursor{b: data}
		c = cursor{b: c.vec16()}
		for len(c.b) > 0 && h.sni == nil {
			t := c.u8()
			name := c.vec16()
			if t == 0 && !c.bad {
				h.sni = name
			}
		}
	case extALPN:
		c := cursor{b: data}
		c = cursor{b: c.vec16()}
		for len(c.b) > 0 {
			name := c.vec8()
			if h.nalpn == maxHelloALPN {
				h.moreALPN = true
				return
			}
			if c.bad {
				return
			}
			h.alpn[h.nalpn] = name
			h.nalpn++
		}
	case extSupportedVersions:
		c := cursor{b: data}
		c = cursor{b: c.vec8()}
		h.versions = c.b
		for len(c.b) >= 2 {
			v := c.u16()
			if !isGREASE(v) && (h.supported == 0 || h.newer(v)) {
				h.supported = v
			}
		}
	case extSignatureAlgs:
		c := cursor{b: data}
		h.pushAll(&h.signatures, &h.nsigs, c.vec16())
	}
}

// newer says that v is a newer version than supported. DTLS counts downwards.
func (h *clientHello) newer(v int) bool {
	if h.dtls {
		return v < h.supported
	}
	return v > h.supported
}

// reportHello turns the parsed ClientHello into fields; whole says that it was complete,
// so that it has a JA4.
func (r *Recognizer) reportHello(transport byte, whole bool) {
	h := &r.hello
	if h.version != 0 {
		r.addNumber(FieldTLSVersion, uint32(h.version))
	}
	if h.sni != nil {
		r.add(FieldTLSServerName, h.sni)
	}
	for _, name := range h.alpn[:h.nalpn] {
		r.add(FieldTLSALPN, name)
	}
	if h.moreALPN {
		r.counters.CutShort++
	}
	switch {
	case !whole:
	case h.overflow:
		r.counters.JA4Skipped++
	default:
		r.add(FieldJA4, r.fingerprint(transport))
	}
	r.addNumbers(FieldTLSSupportedVersion, h.versions)
	r.addNumbers(FieldTLSCipherSuite, h.suites)
}

// addNumbers notes a field for each two bytes of a list.
func (r *Recognizer) addNumbers(id FieldID, list []byte) {
	for ; len(list) >= 2; list = list[2:] {
		r.addNumber(id, uint32(be16(list)))
	}
}

// retryRandom is the ServerHello.random that says HelloRetryRequest, RFC 8446 section
// 4.1.3.
const retryRandom = "\xcf\x21\xad\x74\xe5\x9a\x61\x11\xbe\x1d\x8c\x02\x1e\x65\xb8\x91" +
	"\xc2\xa2\x11\x16\x7a\xbb\x8c\x5e\x07\x9e\x09\xe2\xc8\xa8\x33\x9c"

// serverHello is a parsed ServerHello; alpn is borrowed.
type serverHello struct {
	version  int // legacy_version
	selected int // supported_versions, 0 without
	cipher   int
	alpn     []byte // nil without
	retry    bool
}

// parseServerHello reads the body of a ServerHello, RFC 8446 section 4.1.3.
func parseServerHello(body []byte) (h serverHello, ok bool) {
	c := cursor{b: body}
	h.version = c.u16()
	random := c.take(32)
	c.vec8()
	h.cipher = c.u16()
	c.u8()
	if c.bad {
		return h, false
	}
	h.retry = string(random) == retryRandom
	if len(c.b) == 0 {
		return h, true
	}
	ext := cursor{b: c.vec16()}
	for len(ext.b) > 0 {
		typ := ext.u16()
		data := ext.vec16()
		if ext.bad {
			break
		}
		switch typ {
		case extSupportedVersions:
			if len(data) == 2 {
				h.selected = be16(data)
			}
		case extALPN:
			list := cursor{b: data}
			list = cursor{b: list.vec16()}
			if name := list.vec8(); !list.bad {
				h.alpn = name
			}
		}
	}
	return h, !c.bad && !ext.bad
}
