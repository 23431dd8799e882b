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

// entropy returns the Shannon entropy of a name's characters in bits a character, without
// regard to case.
func entropy(name []byte) float64 {
	var n [256]uint16
	total := 0
	for _, c := range name {
		if 'A' <= c && c <= 'Z' {
			c += 'a' - 'A'
		}
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
