package segment

import "io"

// WholeBlocks walks over the little-endian pcapng blocks at the beginning of b, as
// [Builder] and the Append functions write them. It returns where the last whole block
// ends and how many of the blocks are packets. need is the length of the block that
// follows, 0 when even that cannot be told, and -1 when what follows is no block.
func WholeBlocks(b []byte) (end int, packets uint32, need int64) {
	for {
		rest := b[end:]
		if len(rest) < 8 {
			return end, packets, 0
		}
		kind, n := u32(rest, false), u32(rest[4:], false)
		if n < minBlock || n&3 != 0 || n > MaxRecord || kind == 0 {
			// Zeros are what a power cut may leave behind; no block has type 0.
			return end, packets, -1
		}
		if uint64(n) > uint64(len(rest)) {
			return end, packets, int64(n)
		}
		if u32(rest[n-4:], false) != n {
			return end, packets, -1
		}
		if kind == blockEnhancedPacket {
			if n < minEnhancedPacket || u32(rest[20:], false) > n-minEnhancedPacket {
				return end, packets, -1
			}
			packets++
		}
		end += int(n)
	}
}

// headFirst and headMost are how much of a segment is read to learn its interfaces: at first,
// and when they do not fit.
const (
	headFirst = 64 << 10
	headMost  = 16 << 20
)

// ReadHead reads what stands before the first packet of a segment: what its section header
// says, and the interfaces. The error is r's.
func ReadHead(r io.ReaderAt) (Section, []Interface, error) {
	for size := int64(headFirst); ; size = min(8*size, headMost) {
		b, err := io.ReadAll(io.NewSectionReader(r, 0, size))
		if err != nil {
			return Section{}, nil, err
		}
		s, faces, whole := head(b)
		if whole || int64(len(b)) < size || size == headMost {
			return s, faces, nil
		}
	}
}

// head reads the little-endian blocks of a segment that describe it. whole is false when b
// may end before they do.
func head(b []byte) (s Section, faces []Interface, whole bool) {
	var kept notes
	for len(b) >= minBlock {
		kind, n := u32(b, false), u32(b[4:], false)
		if n < minBlock || n&3 != 0 || n > MaxRecord {
			return s, faces, true
		}
		if uint64(n) > uint64(len(b)) {
			break
		}
		block := b[:n]
		switch kind {
		case blockSection:
			if n >= minSection {
				s = kept.parseSection(block, false)
			}
		case blockInterface:
			if n >= minInterface && len(faces) < maxInterfaces {
				faces = append(faces, kept.face(parseInterface(block, false)))
			}
		default:
			return s, faces, true
		}
		b = b[n:]
	}
	return s, faces, false
}

// Notes returns the interface statistics among the little-endian blocks of b, oldest
// first, at most 4 096. faces are the section's interfaces.
func Notes(b []byte, faces []Interface) []Statistics {
	var kept notes
	for len(b) >= minBlock {
		kind, n := u32(b, false), u32(b[4:], false)
		if n < minBlock || n&3 != 0 || uint64(n) > uint64(len(b)) {
			break
		}
		if kind == blockStatistics && n >= minStatistics {
			kept.statistics(b[:n], false, 0, faces)
		}
		b = b[n:]
	}
	return kept.stats
}
