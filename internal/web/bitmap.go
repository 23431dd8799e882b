package web

import (
	"math/bits"
	"sort"
)

// bitmap holds which positions of a view are wanted: one bit each, so that a filter's
// result over a hundred million packets takes 12.5 MB.
type bitmap struct {
	words  []uint64
	blocks []uint64 // set bits before each block of blockWords words
	length uint64   // positions looked at
	count  uint64   // of them set
}

const blockWords = 64

// add appends one position.
func (b *bitmap) add(set bool) {
	if b.length%64 == 0 {
		if len(b.words)%blockWords == 0 {
			b.blocks = append(b.blocks, b.count)
		}
		b.words = append(b.words, 0)
	}
	if set {
		b.words[len(b.words)-1] |= 1 << (b.length % 64)
		b.count++
	}
	b.length++
}

// rank returns how many of the first n positions are set.
func (b *bitmap) rank(n uint64) uint64 {
	n = min(n, b.length)
	word := int(n / 64)
	block := word / blockWords
	if block >= len(b.blocks) {
		return b.count
	}
	sum := b.blocks[block]
	for _, w := range b.words[block*blockWords : word] {
		sum += uint64(bits.OnesCount64(w))
	}
	if rest := n % 64; rest > 0 {
		sum += uint64(bits.OnesCount64(b.words[word] & (1<<rest - 1)))
	}
	return sum
}

// find appends the positions of the set bits from the k-th one (from 0) on, at most n.
func (b *bitmap) find(dst []uint64, k uint64, n int) []uint64 {
	if k >= b.count || n <= 0 {
		return dst
	}
	block := sort.Search(len(b.blocks), func(i int) bool { return b.blocks[i] > k }) - 1
	skip := k - b.blocks[block]
	for i := block * blockWords; i < len(b.words); i++ {
		w := b.words[i]
		if ones := uint64(bits.OnesCount64(w)); ones <= skip {
			skip -= ones
			continue
		}
		for ; w != 0; w &= w - 1 {
			if skip > 0 {
				skip--
				continue
			}
			dst = append(dst, uint64(i)*64+uint64(bits.TrailingZeros64(w)))
			if n--; n == 0 {
				return dst
			}
		}
	}
	return dst
}
