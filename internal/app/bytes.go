package app

// be16, be24 and be32 read big-endian numbers; b must be long enough.
func be16(b []byte) int { return int(b[0])<<8 | int(b[1]) }
func be24(b []byte) int { return int(b[0])<<16 | int(b[1])<<8 | int(b[2]) }
func be32(b []byte) uint32 {
	return uint32(b[0])<<24 | uint32(b[1])<<16 | uint32(b[2])<<8 | uint32(b[3])
}

// le32 reads a little-endian number; b must be long enough.
func le32(b []byte) uint32 {
	return uint32(b[3])<<24 | uint32(b[2])<<16 | uint32(b[1])<<8 | uint32(b[0])
}

// hasPrefix says that b begins with s, without a conversion.
func hasPrefix(b []byte, s string) bool { return len(b) >= len(s) && string(b[:len(s)]) == s }

// cursor reads fields one after the other. Reading past the end sets bad and gives
// zeros; the bytes it gives are borrowed from b.
type cursor struct {
	b   []byte
	bad bool
}

func (c *cursor) take(n int) []byte {
	if n < 0 || n > len(c.b) {
		c.bad = true
		c.b = nil
		return nil
	}
	v := c.b[:n]
	c.b = c.b[n:]
	return v
}

func (c *cursor) u8() int {
	if v := c.take(1); v != nil {
		return int(v[0])
	}
	return 0
}

func (c *cursor) u16() int {
	if v := c.take(2); v != nil {
		return be16(v)
	}
	return 0
}

func (c *cursor) u24() int {
	if v := c.take(3); v != nil {
		return be24(v)
	}
	return 0
}

// vec8, vec16 and vec24 read a length of 1, 2 or 3 octets and that many bytes.
func (c *cursor) vec8() []byte  { return c.take(c.u8()) }
func (c *cursor) vec16() []byte { return c.take(c.u16()) }
func (c *cursor) vec24() []byte { return c.take(c.u24()) }
