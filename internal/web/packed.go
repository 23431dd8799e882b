package web

import (
	"bytes"
	"compress/gzip"
	"sync"
)

// packedFiles holds the page's files compressed. The files are those of the binary, so
// there are only a few.
var packedFiles sync.Map // name -> []byte

// packed returns a file compressed, or nil when that does not make it smaller.
func (*Server) packed(name string, b []byte) []byte {
	if v, ok := packedFiles.Load(name); ok {
		return v.([]byte)
	}
	var buf bytes.Buffer
	z, err := gzip.NewWriterLevel(&buf, gzip.BestCompression)
	if err != nil {
		return nil
	}
	if _, err = z.Write(b); err != nil || z.Close() != nil {
		return nil
	}
	out := buf.Bytes()
	if len(out) >= len(b) {
		out = nil
	}
	packedFiles.Store(name, out)
	return out
}
