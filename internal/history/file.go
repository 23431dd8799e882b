package history

import (
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// OpenFile opens one capture file of any kind that this program reads. The file is read
// through once, to find its records. What a compressed file unpacks to is kept in a
// temporary file without a name until Close. A file that is damaged at some place is opened
// up to there, and a notice says so.
func OpenFile(name string, opt Options) (*Capture, error) {
	f, err := os.Open(name)
	if err != nil {
		return nil, err
	}
	r, err := segment.NewReader(f, segment.ReaderOptions{Preface: true, Buffer: segment.NearBuffer})
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	defer r.Close()
	c := newCapture(opt)
	data := f
	if r.Compression() != "" {
		if data, err = os.CreateTemp("", "tarrafa-*"); err != nil {
			return nil, errors.Join(fmt.Errorf("history: unpack %s: %w", name, err), f.Close())
		}
		_ = os.Remove(data.Name())
	}
	p := &part{first: 1, sealed: true, open: func() (reader, error) { return shared{data}, nil }}
	most := int64(-1)
	if data != f {
		info, err := f.Stat()
		if err != nil {
			return nil, errors.Join(err, f.Close(), data.Close())
		}
		most = segment.MostUnpacked(info.Size())
	}
	units, err := fileUnits(p, r, data, most)
	if data != f {
		err = errors.Join(err, f.Close())
	}
	if damage, ok := errors.AsType[*segment.DamageError](err); ok {
		c.tell("%s: %v; what is before it is answered for", name, damage)
		err = nil
	}
	if err != nil {
		return nil, errors.Join(err, data.Close())
	}
	c.close = data.Close
	c.preface = archive.Preface(r.Preface())
	c.append(p, units)
	return c, nil
}

// shared is a file that several read; it is closed with the capture.
type shared struct{ *os.File }

func (shared) Close() error { return nil }

// fileUnits reads a file through. What it holds is written to data when most, the bytes
// that this may be, is not negative.
func fileUnits(p *part, r *segment.Reader, data *os.File, most int64) ([]*unit, error) {
	var units []*unit
	for {
		ch, err := r.Next()
		if errors.Is(err, io.EOF) {
			return units, nil
		}
		if err != nil {
			return units, err
		}
		u := &unit{part: p, first: ch.First, rows: int(ch.Packets), group: -1, size: int64(len(ch.Bytes))}
		u.chunk = segment.Chunk{
			Offset: ch.Offset, First: ch.First, Packets: ch.Packets, Format: ch.Format, Base: ch.Base, Interfaces: ch.Interfaces,
		}
		if most >= 0 {
			if ch.Offset+int64(len(ch.Bytes)) > most {
				r.Release(ch)
				return units, &segment.UnpackedError{Most: most}
			}
			if _, err := data.WriteAt(ch.Bytes, ch.Offset); err != nil {
				r.Release(ch)
				return units, fmt.Errorf("history: unpack: %w", err)
			}
		}
		r.Release(ch)
		p.packets += uint64(u.rows)
		units = append(units, u)
	}
}
