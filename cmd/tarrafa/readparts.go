package main

import (
	"context"
	"errors"
	"io"
	"sync"
	"sync/atomic"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/trafficlog"
)

// pagesAhead is how many blocks' lines may wait to be written.
const pagesAhead = 6

// recordJob writes the traffic record of a file with several workers. Each makes the lines
// of what it has read, while the bytes are still in its processor core's cache, and writes
// them, or what else is next in line.
type recordJob struct {
	ctx     context.Context
	log     *trafficlog.Log
	decoder *packet.Decoder // for whose turn it is: fragments are put together in order
	order   *inOrder[*trafficlog.Page]
	pages   chan *trafficlog.Page

	failed atomic.Pointer[error] // the record cannot be written
}

// recordInParts writes the record of a shared file and returns why it ended early.
func recordInParts(ctx context.Context, in *input, log *trafficlog.Log, workers int) error {
	if err := learnSides(ctx, in, log); err != nil {
		return err
	}
	j := &recordJob{ctx: ctx, log: log, decoder: packet.NewDecoder(), pages: make(chan *trafficlog.Page, pagesAhead)}
	j.order = newInOrder(pagesAhead, j.write)
	for range pagesAhead {
		j.pages <- &trafficlog.Page{}
	}
	var wg sync.WaitGroup
	ends := make([]error, workers)
	for i := range workers {
		w := &recordWorker{job: j, share: in.shared.New(), scribe: log.NewScribe()}
		wg.Go(func() { ends[i] = w.work() })
	}
	wg.Wait()
	if err := j.failed.Load(); err != nil {
		return *err
	}
	for _, err := range ends {
		switch {
		case err == nil || errors.Is(err, io.EOF):
		case errors.Is(err, context.Canceled):
			return err
		default:
			return fileError(in.name, err)
		}
	}
	return nil
}

// learnSides lets the record see the first packets, as it would when it was written by one
// alone: they may tell which side is the capturing machine.
func learnSides(ctx context.Context, in *input, log *trafficlog.Log) error {
	file := in.chunks.(*fileChunks).file
	r, err := segment.NewReader(io.NewSectionReader(file, 0, in.known), segment.ReaderOptions{Buffer: segment.NearBuffer})
	if err != nil {
		return fileError(in.name, err)
	}
	defer r.Close()
	c, err := r.Next()
	if err != nil {
		return ctx.Err() // reported when the packets are read
	}
	t := track.New()
	t.Load(c)
	log.Learn(t.Next())
	return nil
}

// write writes the lines of the block that is next.
func (j *recordJob) write(p *trafficlog.Page) {
	if j.failed.Load() == nil {
		if err := j.log.Append(j.ctx, p); err != nil {
			j.failed.Store(&err)
		}
	}
	j.pages <- p
}

// recordWorker is one of the workers.
type recordWorker struct {
	job    *recordJob
	share  *segment.Share
	scribe *trafficlog.Scribe
	rows   []packet.Summary
}

func (w *recordWorker) work() error {
	j := w.job
	for j.failed.Load() == nil {
		if err := j.ctx.Err(); err != nil {
			return err
		}
		w.rows = w.rows[:0]
		chunks, n, end := w.share.Next(w.decode)
		j.order.wait(n)
		page := <-j.pages
		page.Begin()
		rows := w.rows
		for i := range chunks {
			c := &chunks[i]
			w.scribe.Write(page, c, rows[:c.Packets])
			rows = rows[c.Packets:]
		}
		j.order.finish(n, page)
		if end != nil {
			return end
		}
	}
	return nil
}

// decode decodes a block, when it is its turn.
func (w *recordWorker) decode(chunks []segment.Chunk) {
	for i := range chunks {
		c := &chunks[i]
		w.scribe.See(c)
		it := c.Records()
		number := c.First
		var rec segment.Record
		for ; it.Next(&rec); number++ {
			w.rows = append(w.rows, packet.Summary{
				Number: number, Time: rec.Time, Offset: rec.Offset, DataOff: rec.DataOff,
				CapLen: uint32(len(rec.Data)), WireLen: rec.WireLen,
				Interface: rec.Interface, Direction: rec.Direction,
			})
			w.job.decoder.Summarize(rec.Data, &w.rows[len(w.rows)-1], faceOf(c, rec.Interface).Link)
		}
	}
}
