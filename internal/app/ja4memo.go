package app

import "slices"

// How many lists a hashMemo knows, and how long they may be: nearly all clients send 20 to
// 60 numbers. Clients come again and again with the same lists.
const (
	memoPlaces = 128
	memoLength = 92
)

// hashMemo remembers the hashes of lists of numbers as they stood in ClientHellos, so that
// they are not sorted, written out and hashed again. A newer list takes an older one's
// place.
type hashMemo struct {
	places [memoPlaces]remembered
}

type remembered struct {
	n    uint16 // length of list, 0: the place is free
	list [memoLength]uint16
	hash [hash12Length]byte
}

// greaseMark begins a list that is not of ciphers, of which reserved numbers (RFC 8701) are
// left out.
const greaseMark = 0x0a0a

// place returns where list belongs, and whether its hash is there. nil when it is too long
// or empty.
func (m *hashMemo) place(list []uint16) (p *remembered, known bool) {
	if len(list) == 0 || len(list) > memoLength {
		return nil, false
	}
	h := uint64(len(list))
	for _, v := range list {
		h = (h<<5 ^ h>>59 ^ uint64(v)) * 0x9e3779b97f4a7c15
	}
	p = &m.places[h>>32%memoPlaces]
	return p, slices.Equal(p.list[:p.n], list)
}

// put notes a list in its place; fill must follow.
func (p *remembered) put(list []uint16) { p.n = uint16(copy(p.list[:], list)) }

// fill notes the hash that out ends with, and returns out. p may be nil.
func (p *remembered) fill(out []byte) []byte {
	if p != nil {
		copy(p.hash[:], out[len(out)-hash12Length:])
	}
	return out
}
