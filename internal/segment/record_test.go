package segment

import (
	"bytes"
	"testing"
)

func TestCountRecords(t *testing.T) {
	for name, file := range files() {
		r, err := NewReader(bytes.NewReader(file), ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for {
			c, err := r.Next()
			if err != nil {
				break
			}
			if n := c.CountRecords(); n != c.Packets {
				t.Errorf("%s: %d records of %d", name, n, c.Packets)
			}
		}
	}
}
