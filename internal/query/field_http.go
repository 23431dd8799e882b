package query

import "strings"

// httpFields are made of what the recognition of applications says of HTTP requests.
var httpFields = []Field{
	{Name: "http.request.full_uri", Type: TypeText, notes: true, get: fullURI},
}

// fullURI appends the whole URI of each request that names its host, as tshark puts it
// together: of several hosts the last one counts.
func fullURI(r *Row, dst []Value) []Value {
	var uri, host string
	request, named := false, false
	flush := func() {
		switch lower := strings.ToLower(uri[:min(len(uri), len("https://"))]); {
		case !request || !named:
		case strings.HasPrefix(lower, "http://") || strings.HasPrefix(lower, "https://") || uri == host:
			dst = append(dst, Value{Text: uri})
		default:
			dst = append(dst, Value{Text: "http://" + host + uri})
		}
		request, named, uri, host = false, false, "", ""
	}
	for i := range r.Notes {
		switch n := &r.Notes[i]; n.Field {
		case fieldHTTPRequest:
			flush()
			request = true
		case fieldRequestURI:
			uri = n.Value.Text
		case fieldHost:
			host, named = strings.TrimSpace(n.Value.Text), true
		}
	}
	flush()
	return dst
}
