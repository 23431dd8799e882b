package segment

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

func TestWholeBlocksAtEveryCut(t *testing.T) {
	file := written(Pcapng)
	for cut := range len(file) + 1 {
		for _, junk := range [][]byte{nil, make([]byte, 4096), bytes.Repeat([]byte{0xff}, 50)} {
			b := append(bytes.Clone(file[:cut]), junk...)
			end, packets, need := WholeBlocks(b)
			// Zeros may stand for the padding that was cut off.
			if end&3 != 0 || end > len(file) || !bytes.Equal(b[:end], file[:end]) || need > 0 && end+int(need) <= len(b) {
				t.Fatalf("cut at %d: end %d, need %d", cut, end, need)
			}
			all, _, err := readAll(t, bytes.NewReader(b[:end]), ReaderOptions{Buffer: small})
			var f *FormatError
			if err != io.EOF && !(end == 0 && errors.As(err, &f)) || len(all) != int(packets) {
				t.Fatalf("cut at %d: %d packets of %d, %v", cut, len(all), packets, err)
			}
			// What follows is not one whole block more.
			if more, _, _ := WholeBlocks(b[end:]); more != 0 {
				t.Fatalf("cut at %d: %d more bytes", cut, more)
			}
		}
	}
}
