package track

// nameRing keeps the names of flows in memory of a fixed size: the newest overwrite the
// oldest. A name is a length byte and its bytes, in cells of 16 bytes. Places are cells
// counted from 1, modulo 2³².
type nameRing struct {
	chunks [][]byte // taken as they are needed
	limit  uint32   // cells that there may be
	first  uint64   // cells used, ever
	lost   uint64   // names asked for after they were overwritten
}

const (
	nameCell  = 16
	nameCells = 1 << 12 // cells in a chunk: 64 KiB
	nameCap   = 255
)

func newNameRing(memory int64) nameRing {
	chunks := max(min(memory/(nameCell*nameCells), 1<<14), 2)
	return nameRing{limit: uint32(chunks) * nameCells}
}

// put keeps a copy of the first 255 bytes of a name and returns its place, never 0.
func (r *nameRing) put(name []byte) uint32 {
	name = name[:min(len(name), nameCap)]
	cells := uint32(1+len(name)+nameCell-1) / nameCell
	at := uint32(r.first % uint64(r.limit))
	if left := nameCells - at%nameCells; left < cells {
		r.first += uint64(left) // names do not span chunks
		at = uint32(r.first % uint64(r.limit))
	}
	if int(at/nameCells) == len(r.chunks) {
		r.chunks = append(r.chunks, make([]byte, nameCell*nameCells))
	}
	b := r.chunks[at/nameCells][at%nameCells*nameCell:]
	b[0] = byte(len(name))
	copy(b[1:], name)
	place := uint32(r.first) + 1
	if place == 0 { // 0 means none
		r.first += uint64(cells)
		return r.put(name)
	}
	r.first += uint64(cells)
	return place
}

// get returns a name, nil when there is none or it was overwritten. It belongs to the ring
// and is valid until the next put.
func (r *nameRing) get(place uint32) []byte {
	if place == 0 {
		return nil
	}
	age := uint32(r.first) - (place - 1)
	if age > r.limit {
		r.lost++
		return nil
	}
	at := uint32((r.first - uint64(age)) % uint64(r.limit))
	b := r.chunks[at/nameCells][at%nameCells*nameCell:]
	n := int(b[0])
	return b[1 : 1+n : 1+n]
}

func (r *nameRing) bytes() uint64 { return uint64(len(r.chunks)) * nameCell * nameCells }
