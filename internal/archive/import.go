package archive

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// Imported says what an import did.
type Imported struct {
	Dir      string // the new capture's folder
	ID       string
	Counters segment.RewriteCounters
	Damaged  []error // files that were read up to a damage, with the place
	LeftOut  uint64  // comments and blocks of names and secrets that are damaged, or too many
}

// Import makes a new capture of capture files, one after another, of any kind that
// [segment.Reader] reads. They are read twice: the interfaces of all have to be known when
// the first segment begins. cfg.Interfaces is not used. A compressed file that unpacks to more
// than most bytes is refused before anything is written ([*segment.UnpackedError]); 0: than
// [segment.MostUnpacked] says. progress, which may be nil, is told
// how many bytes of the files were read, of twice their size.
func Import(ctx context.Context, cfg Config, files []string, most int64, progress func(read int64)) (*Imported, error) {
	var read int64
	var in Imported
	lost := map[string]uint64{}
	first, preface := &segment.Rewriter{}, &segment.Preface{}
	scratch := segment.NewBuilder(make([]byte, 0, 2*segment.ChunkSize))
	for _, name := range files {
		var err error
		lost[name], err = eachChunk(ctx, name, preface, most, &read, progress, func(c *segment.Chunk) error {
			return rewrite(first, c, scratch, func() error { scratch.Reset(scratch.Bytes()[:0]); return nil })
		})
		if err != nil {
			if _, ok := errors.AsType[*segment.DamageError](err); !ok {
				return nil, err
			}
			in.Damaged = append(in.Damaged, err)
		}
	}
	cfg.Interfaces, cfg.Preface = first.Interfaces(), Preface(preface)
	if len(cfg.Interfaces) == 0 {
		cfg.Interfaces = []segment.Interface{{Name: "import", Link: 1, Resolution: segment.Nanoseconds}}
	}
	a, _, err := Create(cfg)
	if err != nil {
		return nil, err
	}
	in.Dir, in.ID, in.LeftOut = a.Dir(), a.ID(), preface.Dropped
	w := &segment.Rewriter{}
	b := segment.NewBuilder(nil)
	b.Reset(a.Buffer())
	flush := func() error {
		a.Append(b)
		b.Reset(a.Buffer())
		return a.Trouble()
	}
	for _, name := range files {
		_, err = eachChunk(ctx, name, nil, most, &read, progress, func(c *segment.Chunk) error { return rewrite(w, c, b, flush) })
		if _, ok := errors.AsType[*segment.DamageError](err); ok {
			err = nil
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = flush()
	}
	in.Counters = w.Counters()
	n, before := in.Counters.Written, uint64(0)
	for _, name := range files {
		before += lost[name]
	}
	a.SetSource(n+in.Counters.Dropped+before, before, in.Counters.Dropped, n, in.Counters.Cut)
	err = errors.Join(err, a.Close(), a.Release(a.Ledger()))
	if err != nil {
		// Half an import would look like a whole one.
		return nil, errors.Join(err, os.RemoveAll(in.Dir))
	}
	return &in, nil
}

// rewrite hands a chunk's packets to b, and b to flush when it is full.
func rewrite(w *segment.Rewriter, c *segment.Chunk, b *segment.Builder, flush func() error) error {
	w.Load(c)
	for w.Fill(b) {
		need := w.Need()
		if err := flush(); err != nil {
			return err
		}
		if room := b.Room(); need > room && b.Packets() == 0 && room >= segment.ChunkSize/2 && need > segment.ChunkSize {
			return fmt.Errorf("archive: a packet with %d bytes of comments and data does not fit into a chunk", need)
		}
	}
	return nil
}

// eachChunk reads a file, and returns what it says was lost before: see [LostBefore]. What it
// says besides its packets is added to preface, when that is not nil.
func eachChunk(ctx context.Context, name string, preface *segment.Preface, most int64, read *int64, progress func(int64), f func(*segment.Chunk) error) (lost uint64, err error) {
	h, err := os.Open(name)
	if err != nil {
		return 0, fmt.Errorf("archive: import: %w", err)
	}
	defer func() { _ = h.Close() }()
	r, err := segment.NewReader(&counted{h, read, progress}, segment.ReaderOptions{Preface: preface != nil})
	if err != nil {
		return 0, fmt.Errorf("%s: %w", name, err)
	}
	defer r.Close()
	if preface != nil {
		defer func() { preface.Add(r.Preface()) }()
	}
	if most == 0 && r.Compression() != "" {
		info, err := h.Stat()
		if err != nil {
			return 0, fmt.Errorf("archive: import: %w", err)
		}
		most = segment.MostUnpacked(info.Size())
	}
	for {
		c, err := r.Next()
		if r.Compression() != "" && r.Counters().Bytes > most {
			return 0, fmt.Errorf("%s: %w", name, &segment.UnpackedError{Most: most})
		}
		if errors.Is(err, io.EOF) {
			return LostBefore(r.Statistics()), nil
		}
		if err != nil {
			return LostBefore(r.Statistics()), fmt.Errorf("%s: %w", name, err)
		}
		err = f(c)
		r.Release(c)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return 0, err
		}
	}
}

// counted tells how much was read.
type counted struct {
	r        io.Reader
	read     *int64
	progress func(int64)
}

func (c *counted) Read(p []byte) (int, error) {
	n, err := c.r.Read(p)
	*c.read += int64(n)
	if c.progress != nil {
		c.progress(*c.read)
	}
	return n, err
}
