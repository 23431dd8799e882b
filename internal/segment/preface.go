package segment

import (
	"crypto/sha256"
	"encoding/binary"
	"io"
	"slices"
)

// Caps on a [Preface].
const (
	maxPreface         = 8 << 20 // bytes of its blocks together
	maxPrefaceBlocks   = 4096
	maxPrefaceComments = 1024
	maxPrefaceText     = 256 << 10 // bytes of its comments together
)

// Preface is what a pcapng file says that belongs to no packet and to no interface: who made
// it and what is to be said about it, names of addresses, secrets to decrypt it with. The zero
// value says nothing. It is used by one goroutine.
type Preface struct {
	Section Section  // the first hardware and system that are named; the comments of all sections
	Names   [][]byte // name resolution blocks, whole, little-endian
	Secrets [][]byte // decryption secrets blocks, likewise
	Dropped uint64   // blocks and comments that are not kept: for the caps' sake, or because they make no sense

	size     int // of the blocks
	comments int // bytes of the comments
	known    map[[sha256.Size]byte]bool
}

// Empty tells whether there is nothing to be said.
func (p *Preface) Empty() bool {
	return len(p.Names)+len(p.Secrets)+len(p.Section.Comments) == 0 && p.Section.Hardware == "" && p.Section.OS == ""
}

// Size returns how many bytes the blocks of names and secrets take.
func (p *Preface) Size() int { return p.size }

// WithoutSecrets returns the same but for the secrets.
func (p *Preface) WithoutSecrets() *Preface {
	return &Preface{Section: p.Section, Names: p.Names, Dropped: p.Dropped}
}

// AppendBlocks appends the blocks of names and secrets to dst. They belong behind the
// interfaces and before the packets, for Wireshark decrypts what comes after the secrets.
func (p *Preface) AppendBlocks(dst []byte) []byte {
	for _, b := range slices.Concat(p.Names, p.Secrets) {
		dst = append(dst, b...)
	}
	return dst
}

// Add takes over what another file says, each thing once.
func (p *Preface) Add(o *Preface) {
	p.section(o.Section)
	for _, b := range o.Names {
		p.keep(&p.Names, b)
	}
	for _, b := range o.Secrets {
		p.keep(&p.Secrets, b)
	}
	p.Dropped += o.Dropped
}

// section takes over what a section header says.
func (p *Preface) section(s Section) {
	if p.Section.Hardware == "" {
		p.Section.Hardware = s.Hardware
	}
	if p.Section.OS == "" {
		p.Section.OS = s.OS
	}
	for _, c := range s.Comments {
		switch {
		case slices.Contains(p.Section.Comments, c):
		case len(p.Section.Comments) == maxPrefaceComments || len(c) > maxPrefaceText-p.comments:
			p.Dropped++
		default:
			p.comments += len(c)
			p.Section.Comments = append(p.Section.Comments, c)
		}
	}
}

// keep appends a block, which it owns from now on, to one of the lists.
func (p *Preface) keep(list *[][]byte, block []byte) {
	sum := sha256.Sum256(block)
	switch {
	case block == nil:
		p.Dropped++
	case p.known[sum]:
	case len(p.known) == maxPrefaceBlocks || len(block) > maxPreface-p.size:
		p.Dropped++
	default:
		if p.known == nil {
			p.known = map[[sha256.Size]byte]bool{}
		}
		p.known[sum] = true
		p.size += len(block)
		*list = append(*list, block)
	}
}

// block takes over a block of names or of secrets; what makes no sense in it is left out.
func (p *Preface) block(kind uint32, b []byte, big bool) {
	switch {
	case len(b) > maxPreface:
		p.Dropped++
	case kind == blockNames:
		p.keep(&p.Names, namesBlock(b, big))
	case kind == blockSecrets:
		p.keep(&p.Secrets, secretsBlock(b, big))
	}
}

// Types of the records in a name resolution block.
const (
	nameEnd   = 0
	nameIPv4  = 1
	nameIPv6  = 2
	nameEUI48 = 3
	nameEUI64 = 4
)

// optionNamesIPv6 is the last of the options of a name resolution block: the server that the
// names are from.
const optionNamesIPv6 = 4

// namesBlock makes a name resolution block little-endian; nil: there is nothing in it.
func namesBlock(b []byte, big bool) []byte {
	dst, at := beginBlock(make([]byte, 0, len(b)), blockNames)
	empty := len(dst)
	rest := b[8 : len(b)-4]
	for {
		kind, value, more, ok := nextOption(rest, big) // a record has the shape of an option
		if !ok {
			break
		}
		rest = more
		if address := map[uint16]int{nameIPv4: 4, nameIPv6: 16, nameEUI48: 6, nameEUI64: 8}[kind]; address > 0 && len(value) > address {
			dst = appendOption(dst, kind, value)
		}
	}
	if len(dst) == empty {
		return nil
	}
	dst = binary.LittleEndian.AppendUint32(dst, nameEnd)
	options := len(dst)
	if len(rest) >= 4 && u32(rest, big) == nameEnd {
		dst = copyOptions(dst, rest[4:], big, optionNamesIPv6)
	}
	return endBlock(dst, at, options)
}

// secretsBlock makes a decryption secrets block little-endian; nil: its secrets are not all
// there. What they are is not looked at.
func secretsBlock(b []byte, big bool) []byte {
	if len(b) < minSecrets {
		return nil
	}
	n := u32(b[12:], big)
	if n == 0 || uint64(n) > uint64(len(b)-minSecrets) {
		return nil
	}
	dst, at := beginBlock(make([]byte, 0, len(b)), blockSecrets)
	dst = binary.LittleEndian.AppendUint32(dst, u32(b[8:], big))
	dst = binary.LittleEndian.AppendUint32(dst, n)
	end := 16 + int(n)
	dst = appendPadded(dst, b[16:end])
	options := len(dst)
	dst = copyOptions(dst, b[min(len(b)-4, (end+3)&^3):len(b)-4], big, optionComment)
	return endBlock(dst, at, options)
}

// copyOptions appends the options of a list that are text or addresses, whose bytes are alike
// in both byte orders: those up to the code last.
func copyOptions(dst, list []byte, big bool, last uint16) []byte {
	for {
		code, value, rest, ok := nextOption(list, big)
		if !ok {
			return dst
		}
		list = rest
		if code <= last {
			dst = appendOption(dst, code, value)
		}
	}
}

// ReadPreface reads the beginning of a pcapng file that this program wrote: what stands
// there before the first packet.
func ReadPreface(r io.Reader) (*Preface, error) {
	rd, err := NewReader(r, ReaderOptions{Preface: true})
	if err != nil {
		return nil, err
	}
	defer rd.Close()
	c, err := rd.Next()
	if err == nil {
		rd.Release(c)
	} else if err == io.EOF {
		err = nil
	}
	return rd.Preface(), err
}
