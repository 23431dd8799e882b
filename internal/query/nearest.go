package query

import (
	"slices"
	"strings"

	"github.com/tarrafa/tarrafa/internal/nearest"
)

// mostCandidates is how many names an error suggests.
const mostCandidates = 3

// otherNames are what people coming from other tools call fields.
var otherNames = map[string]string{
	"host": "ip.addr", "src": "ip.src", "dst": "ip.dst", "port": "tcp.port", "net": "ip.addr", "proto": "ip.proto",
	"length": "frame.len", "len": "frame.len", "size": "frame.len", "time": "frame.time", "iface": "frame.interface_name",
	"mac": "eth.addr", "ether": "eth", "ip6": "ipv6", "icmp6": "icmpv6",
	"tcp.flags.rst": "tcp.flags.reset", "tcp.flags.psh": "tcp.flags.push", "sni": "tls.handshake.extensions_server_name",
	"stream": "tcp.stream",
}

// Nearest returns the names of up to three fields that a wrong name perhaps means, best
// first.
func Nearest(name string) []string {
	name = strings.ToLower(strings.TrimPrefix(name, "."))
	if r, ok := refused(name); ok {
		return []string{r.near}
	}
	if other := otherNames[name]; other != "" {
		return []string{other}
	}
	if LookupField(name) != nil {
		return []string{name}
	}
	if list := similar(name, fieldNames, mostCandidates); list != nil {
		return list
	}
	var list []string
	for _, n := range fieldNames {
		if len(list) < mostCandidates && len(name) > 1 && (strings.HasPrefix(n, name) || strings.HasSuffix(n, "."+name)) {
			list = append(list, n)
		}
	}
	if list == nil { // what the field is about
		for at := strings.LastIndexByte(name, '.'); at > 0 && list == nil; at = strings.LastIndexByte(name[:at], '.') {
			if f := LookupField(name[:at]); f != nil {
				list = []string{f.Name}
			}
		}
	}
	return list
}

// similar returns the names that differ from name by few letters, best first.
func similar(name string, names []string, most int) []string {
	type near struct {
		name string
		far  int
	}
	limit := min(4, len(name)/2+1)
	var list []near
	for _, n := range names {
		if d := nearest.Distance(name, n, limit); d < limit {
			list = append(list, near{n, d})
		}
	}
	slices.SortStableFunc(list, func(a, b near) int { return a.far - b.far })
	var out []string
	for i := range list {
		if i < most && list[i].far == list[0].far {
			out = append(out, list[i].name)
		}
	}
	return out
}
