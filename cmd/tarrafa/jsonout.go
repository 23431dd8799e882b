package main

import (
	"encoding/json"
	"io"

	"github.com/tarrafa/tarrafa/internal/inert"
)

// newEncoder makes an encoder of JSON that a terminal may show: characters that it would
// act on are written as \u escapes, which read back as the same text.
func newEncoder(w io.Writer) *json.Encoder {
	enc := json.NewEncoder(inertJSON{w})
	enc.SetEscapeHTML(false)
	return enc
}

// inertJSON escapes what stands raw in JSON and is not inert. Each Write must be whole
// values, as those of [json.Encoder] are.
type inertJSON struct{ w io.Writer }

// Write implements io.Writer.
func (j inertJSON) Write(p []byte) (int, error) {
	if _, err := j.w.Write(inert.JSON(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
