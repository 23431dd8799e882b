package main

import (
	"context"
	"errors"
	"io"
	"sync"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/track"
)

// Several workers count one file. What a worker has read it decodes and counts itself,
// while the bytes are still in its processor core's cache. Packets that depend on those
// before, which are fragments, are put aside with the number of their block, and counted
// in order by whichever worker comes by.

const (
	// countAhead is how many blocks workers may be ahead of the oldest one that is not done.
	countAhead = 16
	// countRows is how many packets are decoded before they are counted.
	countRows = 64
)

// errInOrder says that one who sees all packets in order has to count them.
var errInOrder = errors.New("the packets have to be counted in order")

// countInParts counts files with several workers. It returns errInOrder when what they find
// depends on order; the inputs are used up then.
func countInParts(ctx context.Context, ins []*input, workers int, ledger *archive.Ledger, follower *archive.FollowerEntry) (*stats.Counters, error) {
	parts := stats.NewParts(workers + 1)
	var failed error
	first := uint64(0)
	for _, in := range ins {
		j := newCountJob(ctx, in.shared, parts, workers, first)
		if err := j.run(); errors.Is(err, context.Canceled) {
			failed = errors.Join(failed, err)
		} else if err != nil {
			failed = errors.Join(failed, fileError(in.name, err))
		}
		if parts.Lost() {
			return nil, errInOrder
		}
		l := in.ledger()
		first += l.Written
		addLedger(ledger, l)
		addLimits(follower, in, j)
	}
	counters := parts.Join()
	if parts.Lost() {
		return nil, errInOrder
	}
	outcomes := counters.Outcomes()
	for o, n := range outcomes {
		if n > 0 {
			follower.Parts[packet.Outcome(o).String()] = n
			follower.Applied += n
		}
	}
	return counters, failed
}

// countJob is the counting of one file.
type countJob struct {
	ctx   context.Context
	parts *stats.Parts
	base  uint64 // packets of the files before
	count []*countWorker

	// Of what was put aside.
	order   *inOrder[*aside]
	decoder *packet.Decoder
	part    *stats.Part
	rows    [1]packet.Summary
}

func newCountJob(ctx context.Context, file *segment.Shared, parts *stats.Parts, workers int, base uint64) *countJob {
	j := &countJob{
		ctx: ctx, parts: parts, base: base,
		decoder: packet.NewDecoder(), part: parts.At(workers),
	}
	j.order = newInOrder(countAhead, j.countAside)
	for i := range workers {
		j.count = append(j.count, &countWorker{job: j, share: file.New(), decoder: packet.NewDecoder(), part: parts.At(i)})
	}
	return j
}

// run counts the file and returns why it ended early.
func (j *countJob) run() error {
	var wg sync.WaitGroup
	ends := make([]error, len(j.count))
	for i, w := range j.count {
		wg.Go(func() { ends[i] = w.work() })
	}
	wg.Wait()
	for _, err := range ends {
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
	}
	return nil
}

// Limits implements limited.
func (j *countJob) Limits() map[string]uint64 {
	c := j.decoder.Counters().Fragments
	return track.FragmentLimits(&c)
}

// aside is what was put aside of a block.
type aside struct {
	packets []asidePacket
	bytes   []byte // theirs; owned
}

// asidePacket is a packet that was put aside.
type asidePacket struct {
	rec    segment.Record // without Data
	number uint64
	link   packet.LinkType
	from   int // of its bytes
	length int
}

// countAside counts what was put aside of a block, when all blocks before are counted.
func (j *countJob) countAside(a *aside) {
	if a == nil {
		return
	}
	for i := range a.packets {
		p := &a.packets[i]
		s := &j.rows[0]
		summaryOf(s, &p.rec, p.number)
		s.CapLen = uint32(p.length)
		j.decoder.Summarize(a.bytes[p.from:p.from+p.length], s, p.link)
		j.part.Apply(j.rows[:])
	}
}

// countWorker is one of the workers.
type countWorker struct {
	job     *countJob
	share   *segment.Share
	decoder *packet.Decoder
	part    *stats.Part
	rows    [countRows]packet.Summary
}

func (w *countWorker) work() error {
	for {
		if err := w.job.ctx.Err(); err != nil {
			return err
		}
		if w.job.parts.Lost() {
			return nil
		}
		chunks, n, end := w.share.Next(nil)
		w.job.order.wait(n)
		var a *aside
		for i := range chunks {
			a = w.chunk(&chunks[i], a)
		}
		w.job.order.finish(n, a)
		if end != nil {
			return end
		}
	}
}

// chunk counts a chunk, puts some of its packets aside with those of a, which may be nil,
// and returns all of them.
func (w *countWorker) chunk(c *segment.Chunk, a *aside) *aside {
	it := c.Records()
	number := w.job.base + c.First
	n := 0
	var rec segment.Record
	for ; it.Next(&rec); number++ {
		s := &w.rows[n]
		summaryOf(s, &rec, number)
		link := faceOf(c, rec.Interface).Link
		if !w.decoder.SummarizeApart(rec.Data, s, link) {
			if a == nil {
				a = &aside{}
			}
			p := asidePacket{rec, number, link, len(a.bytes), len(rec.Data)}
			p.rec.Data = nil
			a.packets, a.bytes = append(a.packets, p), append(a.bytes, rec.Data...)
			continue
		}
		if n++; n == countRows {
			w.part.Apply(w.rows[:])
			n = 0
		}
	}
	w.part.Apply(w.rows[:n])
	return a
}

// summaryOf sets what a Decoder does not, as far as statistics need it.
func summaryOf(s *packet.Summary, rec *segment.Record, number uint64) {
	s.Number, s.Time = number, rec.Time
	s.CapLen, s.WireLen = uint32(len(rec.Data)), rec.WireLen
	s.Interface, s.Direction = rec.Interface, rec.Direction
}
