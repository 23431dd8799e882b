package index

import (
	"io"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// Export writes packets that were picked out as one Parquet file with the columns of an
// index. It is used by one goroutine.
type Export struct{ w *Writer }

// NewExport begins a file.
func NewExport(out io.Writer, program string) (*Export, error) {
	w, err := NewWriter(Config{Program: program})
	if err != nil {
		return nil, err
	}
	w.addresses.init()
	w.table, err = newTable(out, "packets", specs[:], w.enc)
	return &Export{w}, err
}

// Packet adds a packet. It keeps nothing of data, its captured bytes.
func (e *Export) Packet(s *packet.Summary, data []byte) error {
	row := [1]packet.Summary{*s}
	row[0].DataOff = 0
	e.w.block(row[:], data, nil)
	if e.w.stage.rows == GroupRows {
		return e.w.flush()
	}
	return nil
}

// Close writes what is left, and the footer.
func (e *Export) Close() error {
	if err := e.w.flush(); err != nil {
		return err
	}
	return e.w.table.finish(&e.w.info, e.w.cfg.Program)
}
