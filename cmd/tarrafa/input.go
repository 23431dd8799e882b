package main

import (
	"context"
	"errors"
	"io"
	"os"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

// input is one capture to read: a file, standard input, or a capture folder.
type input struct {
	name   string
	chunks track.Chunks
	close  func()
	// ledger is what the capture itself says about its making; valid after the end.
	ledger func() archive.Ledger
	// known is the number of bytes to read, 0 when that cannot be told.
	known int64
	ended bool // it is a capture folder to which no more packets come
	// shared lets several read a file side by side, in place of chunks; nil: not asked for,
	// or not possible.
	shared *segment.Shared
}

// openInput opens a file ("-": standard input), a capture folder, or all captures of a
// data directory. follow waits at the end of a file for more.
func openInput(name string, follow bool) ([]*input, error) {
	return openInputWith(name, segment.ReaderOptions{Follow: follow, Buffer: segment.NearBuffer})
}

func openInputWith(name string, opt segment.ReaderOptions) ([]*input, error) {
	if name == "-" {
		in, err := openStream("standard input", os.Stdin, opt)
		return []*input{in}, err
	}
	info, err := os.Stat(name)
	if err != nil {
		return nil, fileError(name, err)
	}
	if info.IsDir() {
		return openFolder(name)
	}
	f, err := os.Open(name)
	if err != nil {
		return nil, fileError(name, err)
	}
	in, err := openStream(name, f, opt)
	if err != nil {
		_ = f.Close()
		return nil, err
	}
	in.known = info.Size()
	return []*input{in}, nil
}

func openFolder(name string) ([]*input, error) {
	dirs := []string{name}
	if !archive.IsCapture(name) {
		list, err := archive.List(name)
		if err != nil {
			return nil, fileError(name, err)
		}
		if len(list) == 0 {
			return nil, &exitError{
				code: exitFile, err: words.Errorf("%s: no capture in this folder", name),
				mend: words.T("name a capture file, or a folder that tarrafa capture made"),
			}
		}
		dirs = list
	}
	ins := make([]*input, 0, len(dirs))
	for _, dir := range dirs {
		s, err := archive.Open(dir)
		if err != nil {
			return nil, fileError(dir, err)
		}
		walk := s.Walk(segment.Cursor{})
		in := &input{name: dir, chunks: walk, close: func() { walk.Close(); _ = s.Close() }, ended: s.Meta.State != archive.StateOpen}
		for _, seg := range s.Meta.Segments {
			in.known += seg.Bytes
		}
		in.ledger = func() archive.Ledger {
			l := archive.Ledger{Written: s.Packets(), Delivered: s.Packets(), Received: s.Packets()}
			if s.Meta.Ledger != nil {
				l = *s.Meta.Ledger
			}
			return l
		}
		ins = append(ins, in)
	}
	return ins, nil
}

func openStream(name string, f *os.File, opt segment.ReaderOptions) (*input, error) {
	r, err := segment.NewReader(f, opt)
	if err != nil {
		return nil, fileError(name, err)
	}
	c := &fileChunks{name: name, file: f, reader: r, follow: opt.Follow, done: make(chan struct{})}
	return &input{name: name, chunks: c, close: c.close, ledger: c.ledger}, nil
}

// fileChunks reads a file ahead of the one who decodes it.
type fileChunks struct {
	name   string
	file   *os.File
	reader *segment.Reader
	follow bool
	out    chan result // nil until somebody asks for the first chunk
	done   chan struct{}
	end    error
}

type result struct {
	chunk *segment.Chunk
	err   error
}

// growPoll is how often a growing file is looked at.
const growPoll = 50 * time.Millisecond

func (c *fileChunks) read() {
	defer close(c.out)
	for {
		chunk, err := c.reader.Next()
		if err != nil && c.follow && c.reader.Retry() {
			select {
			case <-time.After(growPoll):
				continue
			case <-c.done:
				return
			}
		}
		select {
		case c.out <- result{chunk, err}:
		case <-c.done:
			return
		}
		if err != nil {
			return
		}
	}
}

// Next implements track.Chunks.
func (c *fileChunks) Next(ctx context.Context) (*segment.Chunk, error) {
	if c.end != nil {
		return nil, c.end
	}
	if c.out == nil {
		c.out = make(chan result, 2)
		go c.read()
	}
	select {
	case r, ok := <-c.out:
		if !ok {
			return nil, io.EOF
		}
		c.end = r.err
		if r.err != nil && !errors.Is(r.err, io.EOF) {
			c.end = fileError(c.name, r.err)
			return nil, c.end
		}
		return r.chunk, r.err
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Release implements track.Chunks.
func (c *fileChunks) Release(chunk *segment.Chunk) { c.reader.Release(chunk) }

func (c *fileChunks) close() {
	close(c.done)
	_ = c.file.Close()
	if c.out != nil {
		for r := range c.out {
			if r.chunk != nil {
				c.reader.Release(r.chunk)
			}
		}
	}
	c.reader.Close()
}

// ledger adds up what the file's own statistics blocks say.
func (c *fileChunks) ledger() archive.Ledger {
	n := c.reader.Counters().Packets
	l := archive.Ledger{Written: n, Delivered: n}
	l.Dropped = archive.LostBefore(c.reader.Statistics())
	l.Received = l.Delivered + l.Dropped
	return l
}

// openInputs opens everything that was named on the command line.
func openInputs(names []string, follow bool) ([]*input, error) {
	return openInputsWith(names, segment.ReaderOptions{Follow: follow, Buffer: segment.NearBuffer})
}

func openInputsWith(names []string, opt segment.ReaderOptions) ([]*input, error) {
	var all []*input
	for _, n := range names {
		ins, err := openInputWith(n, opt)
		if err != nil {
			closeInputs(all)
			return nil, err
		}
		all = append(all, ins...)
	}
	return all, nil
}

// shareInputs lets several goroutines read each input, and tells whether that is possible
// with all of them: whole files, not compressed, nobody has read from.
func shareInputs(ins []*input) bool {
	for _, in := range ins {
		c, ok := in.chunks.(*fileChunks)
		if !ok || c.out != nil || c.follow || c.reader.Compression() != "" {
			return false
		}
		if info, err := c.file.Stat(); err != nil || !info.Mode().IsRegular() {
			return false
		}
	}
	for _, in := range ins {
		c := in.chunks.(*fileChunks)
		in.shared = c.reader.Share(c.file)
	}
	return true
}

func closeInputs(ins []*input) {
	for _, in := range ins {
		in.close()
	}
}
