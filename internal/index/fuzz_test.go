package index

import (
	"encoding/binary"
	"os"
	"testing"

	"github.com/zeebo/xxh3"
)

// FuzzFile opens and reads files whose checksums were made right again, so that what
// stands behind them is looked at too.
func FuzzFile(f *testing.F) {
	s := makeArchive(f, 500, 0)
	indexAll(f, s)
	good := readFile(f, s, FileName(1))
	f.Add(good, uint32(0), byte(0))
	f.Add(good, uint32(100), byte(1))
	f.Add([]byte("PAR1PAR1"), uint32(0), byte(0))
	dir := f.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		f.Fatal(err)
	}
	l, err := NewLoader()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, b []byte, at uint32, x byte) {
		if len(b) > 0 {
			b[int(at)%len(b)] ^= x
		}
		mendSum(b)
		if err := root.WriteFile(FileName(1), b, 0o600); err != nil {
			t.Fatal(err)
		}
		file, err := Open(root, "", &s.Meta.Segments[0])
		if err != nil {
			return
		}
		l.closeFile()
		var v Values
		for g := range file.Groups {
			for c := range file.Groups[g].Chunks {
				if len(file.Groups[g].Chunks) == int(ColumnCount) {
					_ = l.Load(file, g, Column(c), &v)
				}
			}
		}
	})
}

// mendSum makes the directory's checksum right.
func mendSum(b []byte) {
	n := len(b)
	if n < 8+trailerSize {
		return
	}
	end := int64(n) - 8 - int64(binary.LittleEndian.Uint32(b[n-8:]))
	if end < trailerSize || end > int64(n) {
		return
	}
	t := b[end-trailerSize : end]
	size := int64(binary.LittleEndian.Uint32(t[8:]))
	if from := end - trailerSize - size; from >= 0 {
		binary.LittleEndian.PutUint64(t, xxh3.Hash(b[from:end-trailerSize]))
	}
}
