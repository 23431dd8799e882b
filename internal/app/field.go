package app

// FieldID says what a [Field] holds. The numbers may change between versions, the
// names of [FieldID.String] do not.
type FieldID uint8

// The fields that are found. Names are tshark 4.0's where tshark has the field.
const (
	FieldNone FieldID = iota
	FieldDNSAnswers
	FieldDNSQueryName
	FieldDNSQueryType
	FieldDNSResponse
	FieldDNSRcode
	FieldDNSRespName
	FieldDNSRespType
	FieldDNSA
	FieldDNSAAAA
	FieldDNSCNAME
	FieldDNSPTR
	FieldNBNSName
	FieldTLSHandshakeType
	FieldTLSServerName
	FieldTLSALPN
	FieldTLSVersion
	FieldTLSSupportedVersion
	FieldTLSCipherSuite
	FieldJA4
	FieldCertificateCN
	FieldCertificateDNSName
	FieldHTTPRequest
	FieldHTTPResponse
	FieldHTTPMethod
	FieldHTTPURI
	FieldHTTPHost
	FieldHTTPUserAgent
	FieldHTTPStatus
	FieldHTTPContentType
	FieldHTTPServer
	FieldHTTPReferer
	FieldHTTPLocation
	FieldSSHProtocol
	FieldDHCPHostName
	FieldDHCPVendorClass
	FieldDHCPv6ClientName
	FieldMQTTClientID
	numFields
)

// FieldKind says how a field's value is to be read.
type FieldKind uint8

const (
	// KindText is foreign text: raw bytes in Field.Value, any content, any encoding.
	KindText FieldKind = iota
	// KindToken is text that this package made itself: printable ASCII in Field.Value.
	KindToken
	// KindAddress is an IP address in network order: 4 or 16 bytes in Field.Value.
	KindAddress
	// KindNumber is a number in Field.Number; Field.Value is nil.
	KindNumber
)

var fieldTable = [numFields]struct {
	name string
	kind FieldKind
}{
	FieldNone:                {"", KindText},
	FieldDNSAnswers:          {"dns.count.answers", KindNumber},
	FieldDNSQueryName:        {"dns.qry.name", KindText},
	FieldDNSQueryType:        {"dns.qry.type", KindNumber},
	FieldDNSResponse:         {"dns.flags.response", KindNumber},
	FieldDNSRcode:            {"dns.flags.rcode", KindNumber},
	FieldDNSRespName:         {"dns.resp.name", KindText},
	FieldDNSRespType:         {"dns.resp.type", KindNumber},
	FieldDNSA:                {"dns.a", KindAddress},
	FieldDNSAAAA:             {"dns.aaaa", KindAddress},
	FieldDNSCNAME:            {"dns.cname", KindText},
	FieldDNSPTR:              {"dns.ptr.domain_name", KindText},
	FieldNBNSName:            {"nbns.name", KindText},
	FieldTLSHandshakeType:    {"tls.handshake.type", KindNumber},
	FieldTLSServerName:       {"tls.handshake.extensions_server_name", KindText},
	FieldTLSALPN:             {"tls.handshake.extensions_alpn_str", KindText},
	FieldTLSVersion:          {"tls.handshake.version", KindNumber},
	FieldTLSSupportedVersion: {"tls.handshake.extensions.supported_version", KindNumber},
	FieldTLSCipherSuite:      {"tls.handshake.ciphersuite", KindNumber},
	FieldJA4:                 {"ja4", KindToken},
	FieldCertificateCN:       {"tls.certificate.subject_cn", KindText},
	FieldCertificateDNSName:  {"x509ce.dNSName", KindText},
	FieldHTTPRequest:         {"http.request", KindNumber},  // 1
	FieldHTTPResponse:        {"http.response", KindNumber}, // 1
	FieldHTTPMethod:          {"http.request.method", KindText},
	FieldHTTPURI:             {"http.request.uri", KindText},
	FieldHTTPHost:            {"http.host", KindText},
	FieldHTTPUserAgent:       {"http.user_agent", KindText},
	FieldHTTPStatus:          {"http.response.code", KindNumber},
	FieldHTTPContentType:     {"http.content_type", KindText},
	FieldHTTPServer:          {"http.server", KindText},
	FieldHTTPReferer:         {"http.referer", KindText},
	FieldHTTPLocation:        {"http.location", KindText},
	FieldSSHProtocol:         {"ssh.protocol", KindText},
	FieldDHCPHostName:        {"dhcp.option.hostname", KindText},
	FieldDHCPVendorClass:     {"dhcp.option.vendor_class_id", KindText},
	FieldDHCPv6ClientName:    {"dhcpv6.client_domain", KindText},
	FieldMQTTClientID:        {"mqtt.clientid", KindText},
}

// String gives the field's stable name.
func (id FieldID) String() string {
	if id >= numFields {
		return ""
	}
	return fieldTable[id].name
}

// Kind says how the field's value is to be read.
func (id FieldID) Kind() FieldKind {
	if id >= numFields {
		return KindText
	}
	return fieldTable[id].kind
}

// NamesServer says that the field names the machine that is talked to, so that it can
// stand for the flow: the server name of TLS and QUIC, HTTP's Host, and, weaker because
// the server says it of itself, the certificate's names.
func (id FieldID) NamesServer() bool {
	switch id {
	case FieldTLSServerName, FieldHTTPHost, FieldCertificateCN, FieldCertificateDNSName:
		return true
	default:
		return false
	}
}

// ParseField finds the field of that name, the inverse of [FieldID.String].
func ParseField(name string) (FieldID, bool) {
	if name == "" {
		return FieldNone, false
	}
	for id := range fieldTable {
		if fieldTable[id].name == name {
			return FieldID(id), true
		}
	}
	return FieldNone, false
}

// FieldIDs gives every field that can be found, FieldNone left out.
func FieldIDs() []FieldID {
	all := make([]FieldID, 0, numFields-1)
	for id := FieldNone + 1; id < numFields; id++ {
		all = append(all, id)
	}
	return all
}

// Field is one thing found in a segment.
type Field struct {
	// Value holds text, token or address. It is borrowed: valid until the next call of
	// Recognizer.Segment, and not to be written to.
	Value []byte
	// Number holds the value of a field of KindNumber.
	Number uint32
	// ID says what was found.
	ID FieldID
	// Early says that the message goes on, and that the field will be found again at its
	// end, or that the segment is one that is not to be read (see Order): it names the flow,
	// but does not belong to this packet.
	Early bool
}
