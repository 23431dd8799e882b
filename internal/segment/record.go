package segment

// CountRecords returns how many packets there are in the Chunk's Bytes.
func (c *Chunk) CountRecords() uint32 {
	var rec Record
	n := uint32(0)
	it := c.Records()
	for ; it.Next(&rec); n++ {
	}
	return n
}
