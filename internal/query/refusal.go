package query

import "strings"

// refusal says why a field that tshark has is not here, and which one comes nearest.
type refusal struct{ why, near string }

const (
	whyNames     = "names of addresses are not looked up"
	whyDissector = "it depends on dissectors that only tshark has"
	whyGuess     = "tshark guesses where the packet ends and the padding begins"
	whyExpert    = "it is a remark of tshark's dissectors"
	whyScreen    = "it is about Wireshark's list of packets"
	whyHeader    = "of an HTTP message's header only the listed fields are kept"
)

// refusals are tshark's fields that people ask for, by name. A name that ends with a point
// stands for all that begin with it.
var refusals = map[string]refusal{
	"frame.protocols":      {whyDissector, "app"},
	"frame.coloring_rule.": {whyScreen, "frame"}, "frame.marked": {whyScreen, "frame"}, "frame.ignored": {whyScreen, "frame"},
	"_ws.col.": {whyScreen, "frame"},
	"ip.host":  {whyNames, "ip.addr"}, "ip.src_host": {whyNames, "ip.src"}, "ip.dst_host": {whyNames, "ip.dst"},
	"ipv6.host": {whyNames, "ipv6.addr"}, "ipv6.src_host": {whyNames, "ipv6.src"}, "ipv6.dst_host": {whyNames, "ipv6.dst"},
	"data": {whyDissector, "payload"}, "data.data": {whyDissector, "payload"}, "data.len": {whyDissector, "payload"},
	"data.text":   {whyDissector, "payload"},
	"eth.padding": {whyGuess, "eth"}, "eth.trailer": {whyGuess, "eth"}, "eth.fcs": {whyGuess, "eth"}, "eth.fcs.": {whyGuess, "eth"},
	"tcp.segment_data": {whyDissector, "tcp.payload"}, "tcp.segment": {whyDissector, "tcp.payload"}, "tcp.segment.": {whyDissector, "tcp.payload"},
	"tcp.segments": {whyDissector, "tcp.payload"}, "tcp.reassembled.": {whyDissector, "tcp.payload"},
	"tcp.reassembled_in": {whyDissector, "tcp.stream"}, "tcp.pdu.": {whyDissector, "tcp.len"}, "udp.pdu.": {whyDissector, "udp.length"},
	"_ws.malformed": {whyExpert, "tcp.analysis.flags"}, "_ws.expert": {whyExpert, "tcp.analysis.flags"},
	"_ws.malformed.": {whyExpert, "tcp.analysis.flags"}, "_ws.expert.": {whyExpert, "tcp.analysis.flags"},
	"http.content_length": {whyHeader, "http.content_type"}, "http.content_length_header": {whyHeader, "http.content_type"},
	"http.response.phrase": {whyHeader, "http.response.code"}, "http.response.code.desc": {whyHeader, "http.response.code"},
	"http.response.version": {whyHeader, "http.response.code"}, "http.request.version": {whyHeader, "http.request.method"},
	"http.cookie": {whyHeader, "http.host"}, "http.file_data": {whyHeader, "payload"},
	"http.response.line": {whyHeader, "http.response"}, "http.request.line": {whyHeader, "http.request"},
}

// refused returns why a field of tshark's is not here; ok is false when nothing is known of
// the name.
func refused(name string) (why refusal, ok bool) {
	name = strings.ToLower(strings.TrimPrefix(name, "."))
	if LookupField(name) != nil {
		return why, false
	}
	if why, ok = refusals[name]; ok {
		return why, true
	}
	if plain, is := strings.CutSuffix(name, "_resolved"); is && LookupField(plain) != nil {
		return refusal{whyNames, plain}, true
	}
	for at := strings.LastIndexByte(name, '.'); at > 0; at = strings.LastIndexByte(name[:at], '.') {
		if why, ok = refusals[name[:at+1]]; ok {
			return why, true
		}
	}
	return why, false
}

// WhyRefused says why a field that tshark has is not here, in a few words, or "".
func WhyRefused(name string) string {
	r, _ := refused(name)
	return r.why
}
