package flow

import (
	"bytes"
	"math"
)

// splitDomain cuts a name into the part that its owner chooses freely and the domain. The
// domain is the last two labels, or three when the last but one is short and the last is
// a country's (co.uk, com.br): a rule of thumb that needs no list.
func splitDomain(name []byte) (front, parent []byte) {
	if len(name) > 255 {
		name = name[len(name)-255:]
	}
	cut := len(name)
	labels := 0
	want := 2
	for cut > 0 {
		at := bytes.LastIndexByte(name[:cut], '.')
		labels++
		if labels == 2 && cut-at-1 <= 3 && len(name)-cut-1 == 2 {
			want = 3
		}
		cut = max(at, 0)
		if labels == want {
			if at < 0 {
				return nil, name
			}
			return name[:at], name[at+1:]
		}
	}
	return nil, name
}

// long reports that the part of a name before the domain has room for data: a label of so
// many characters, or two and a half times as many in shorter ones. Ordinary words in
// several labels (a cluster's services with their search domains) have neither.
func long(front []byte, limit float64) bool {
	if float64(len(front)) >= 2.5*limit {
		return true
	}
	for from := 0; from <= len(front); {
		n := bytes.IndexByte(front[from:], '.')
		if n < 0 {
			n = len(front) - from
		}
		if float64(n) >= limit {
			return true
		}
		from += n + 1
	}
	return false
}

// sharedDomains are domains of large networks whose many customers have a long name of
// their own in each, and those that no name server of a stranger can answer for.
var sharedDomains = map[string]bool{
	"akadns.net": true, "akamai.net": true, "akamaiedge.net": true, "akamaihd.net": true, "akamaized.net": true,
	"amazonaws.com": true, "apple-dns.net": true, "azure.com": true, "azureedge.net": true, "azurefd.net": true,
	"azurewebsites.net": true, "cdn77.org": true, "cdninstagram.com": true, "cloudflare.net": true, "cloudfront.net": true,
	"edgekey.net": true, "edgesuite.net": true, "fastly.net": true, "fastlylb.net": true, "fbcdn.net": true,
	"googleapis.com": true, "googleusercontent.com": true, "googlevideo.com": true, "llnwd.net": true,
	"trafficmanager.net": true, "windows.net": true,
}

// shared reports a domain, in lower case, in which long names are no sign of a tunnel.
func shared(domain []byte) bool {
	if last := domain[bytes.LastIndexByte(domain, '.')+1:]; string(last) == "arpa" || string(last) == "local" {
		return true
	}
	return sharedDomains[string(domain)]
}

// lower appends a name in lower case.
func lower(dst, name []byte) []byte {
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
		dst = append(dst, c)
	}
	return dst
}

// entropy returns the Shannon entropy of a name's characters, in lower case, in bits a
// character.
func entropy(name []byte) float64 {
	var n [256]uint16
	total := 0
	for _, c := range name {
		if c == '.' {
			continue
		}
		n[c]++
		total++
	}
	var h float64
	for _, k := range n {
		if k > 0 {
			p := float64(k) / float64(total)
			h -= p * math.Log2(p)
		}
	}
	return h
}
