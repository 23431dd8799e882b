package segment

import (
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// faceKey tells interfaces apart when several sections or files become one. Two alike in
// one section stay two: number is the place in the section.
type faceKey struct {
	number                                 int
	name, description, filter, os, machine string
	addresses, comments                    string
	link                                   packet.LinkType
	snapLen                                uint32
}

// faces gives the interfaces of foreign chunks a number in our file.
type faces struct {
	list    []Interface
	numbers map[faceKey]uint32

	// Numbers of the interfaces of the table at hand, plus one; 0: not looked up.
	table   []Interface
	base    int
	mapping []uint32
}

// number returns the output number of the chunk's interface. ok is false when there are
// more than 65 536.
func (f *faces) number(c *Chunk, face uint16) (number uint32, ok bool) {
	if !f.knows(c) {
		f.table, f.base = c.Interfaces, c.Base
		f.mapping = append(f.mapping[:0], make([]uint32, len(c.Interfaces))...)
	}
	if n := f.mapping[face]; n != 0 {
		return n - 1, true
	}
	in := c.Interfaces[face]
	k := faceKey{
		number: int(face) - c.Base, name: in.Name, description: in.Description, filter: in.Filter,
		os: in.OS, machine: in.Hardware, addresses: strings.Join(in.Addresses, " "), comments: strings.Join(in.Comments, "\x00"),
		link: in.Link, snapLen: in.SnapLen,
	}
	n, known := f.numbers[k]
	if !known {
		if len(f.list) == maxInterfaces {
			return 0, false
		}
		if f.numbers == nil {
			f.numbers = map[faceKey]uint32{}
		}
		in.Resolution = Nanoseconds
		n = uint32(len(f.list))
		f.numbers[k] = n
		f.list = append(f.list, in)
	}
	f.mapping[face] = n + 1
	return n, true
}

// knows says whether the mapping is for the chunk's interfaces. Such tables are never
// changed in place.
func (f *faces) knows(c *Chunk) bool {
	return len(f.table) == len(c.Interfaces) && len(f.table) > 0 && &f.table[0] == &c.Interfaces[0] && f.base == c.Base
}
