package query

// noted names, by type, the fields whose values other stages find: the flow table, the
// TCP analysis, and the recognition of applications. A Row gets them as notes; without
// notes a packet has none of them.
var noted = map[Type][]string{
	TypeProtocol: {
		"tcp.analysis", "tcp.analysis.flags", "tcp.analysis.retransmission", "tcp.analysis.fast_retransmission",
		"tcp.analysis.spurious_retransmission", "tcp.analysis.out_of_order", "tcp.analysis.lost_segment",
		"tcp.analysis.ack_lost_segment", "tcp.analysis.duplicate_ack", "tcp.analysis.zero_window",
		"tcp.analysis.zero_window_probe", "tcp.analysis.zero_window_probe_ack", "tcp.analysis.window_full",
		"tcp.analysis.window_update", "tcp.analysis.keep_alive", "tcp.analysis.keep_alive_ack",
		"tcp.analysis.reused_ports",
		"dns", "nbns", "mdns", "llmnr", "tls", "quic", "http", "ssh", "dhcp", "dhcpv6", "mqtt",
	},
	TypeBool: {"dns.flags.response", "http.request", "http.response"},
	TypeUint: {
		"flow", "tcp.stream", "udp.stream", "tcp.seq", "tcp.ack", "tcp.window_size", "tcp.window_size_scalefactor",
		"tcp.analysis.acks_frame", "tcp.analysis.duplicate_ack_num", "tcp.analysis.duplicate_ack_frame",
		"tcp.analysis.bytes_in_flight", "tcp.completeness",
		"dns.qry.type", "dns.flags.rcode", "dns.count.answers", "dns.resp.type", "http.response.code", "tls.handshake.type",
	},
	TypeDuration: {
		"tcp.analysis.initial_rtt", "tcp.analysis.ack_rtt", "tcp.time_relative", "tcp.time_delta",
		"udp.time_relative", "udp.time_delta",
		"dns.time", "http.time",
	},
	TypeIPv4: {"dns.a"},
	TypeIPv6: {"dns.aaaa"},
	TypeText: {
		"app", "dns.qry.name", "dns.resp.name", "dns.cname", "dns.ptr.domain_name", "nbns.name",
		"tls.handshake.extensions_server_name", "tls.handshake.extensions_alpn_str", "ja4",
		"tls.certificate.subject_cn", "x509ce.dNSName",
		"http.request.method", "http.request.uri", "http.host", "http.user_agent", "http.content_type", "http.server", "http.referer", "http.location",
		"ssh.protocol", "dhcp.option.hostname", "dhcp.option.vendor_class_id", "dhcpv6.client_domain", "mqtt.clientid",
	},
}

// notedHex are numbers that tshark writes in hexadecimal.
var notedHex = []string{"tls.handshake.version", "tls.handshake.extensions.supported_version", "tls.handshake.ciphersuite"}

func notedFields() []Field {
	var list []Field
	for t, names := range noted {
		for _, name := range names {
			list = append(list, Field{Name: name, Type: t})
		}
	}
	for _, name := range notedHex {
		list = append(list, Field{Name: name, Type: TypeUint, Base: Hex4})
	}
	return list
}

// Noted tells whether the field's values come from a Row's notes, alone or together with
// the packet: the flow table, the TCP analysis and the applications find them.
func (f *Field) Noted() bool { return f.noted() || f.notes }

// Decoded tells whether the field looks at the packet's headers or bytes.
func (f *Field) Decoded() bool { return !f.noted() || f.remembered() }

// Fields of notes that other fields are made of.
var (
	fieldSeq, fieldAck, fieldReused     *Field
	fieldTCPStream, fieldUDPStream      *Field
	fieldDNS, fieldMDNS, fieldLLMNR     *Field
	fieldHTTPRequest, fieldHTTPResponse *Field
	fieldRequestURI, fieldHost          *Field
)

// findNoted finds them when all fields are known.
func findNoted() {
	for name, f := range map[string]**Field{
		"tcp.seq": &fieldSeq, "tcp.ack": &fieldAck, "tcp.analysis.reused_ports": &fieldReused,
		"tcp.stream": &fieldTCPStream, "udp.stream": &fieldUDPStream,
		"dns": &fieldDNS, "mdns": &fieldMDNS, "llmnr": &fieldLLMNR,
		"http.request": &fieldHTTPRequest, "http.response": &fieldHTTPResponse,
		"http.request.uri": &fieldRequestURI, "http.host": &fieldHost,
		"tcp.completeness": &fieldCompleteness, "dns.time": &fieldDNSTime, "http.time": &fieldHTTPTime,
	} {
		if *f = LookupField(name); *f == nil {
			panic("query: no field " + name)
		}
	}
}

// note returns the n-th value that the notes have of a field, counted from 0.
func note(r *Row, f *Field, n int) (v Value, ok bool) {
	for i := range r.Notes {
		if r.Notes[i].Field != f {
			continue
		}
		if n == 0 {
			return r.Notes[i].Value, true
		}
		n--
	}
	return v, false
}
