package archive

import "sync"

// queueBytes is how much may be on its way to the disk. It carries the capture over the
// moments in which the disk takes nothing: the kernel's ring alone would hold a second.
const queueBytes = 28 << 20

// queue brings blocks to the goroutine that writes them.
type queue struct {
	mu      sync.Mutex
	changed *sync.Cond
	runs    []blocksRun
	bytes   int     // memory of the buffers that runs hold
	last    *buffer // of the newest run
	closed  bool
	done    chan struct{}
}

// Start makes a goroutine write the segments, so that a slow disk does not hold up the one
// that appends.
func (a *Archive) Start() {
	q := &queue{done: make(chan struct{})}
	q.changed = sync.NewCond(&q.mu)
	a.queue = q
	go func() {
		defer close(q.done)
		for {
			r, ok := q.take()
			if !ok {
				return
			}
			if r.do != nil {
				r.do()
				continue
			}
			a.append(r)
			r.buf.release()
		}
	}()
}

func (q *queue) put(r blocksRun) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for q.bytes >= queueBytes {
		q.changed.Wait()
	}
	if r.buf != nil && r.buf != q.last {
		q.bytes += cap(r.buf.data)
		q.last = r.buf
	}
	q.runs = append(q.runs, r)
	q.changed.Broadcast()
}

// take waits for the next run; false when the queue is finished and empty.
func (q *queue) take() (blocksRun, bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	for len(q.runs) == 0 {
		if q.closed {
			return blocksRun{}, false
		}
		q.bytes, q.last = 0, nil
		q.changed.Wait()
	}
	r := q.runs[0]
	q.runs[0] = blocksRun{}
	q.runs = q.runs[1:]
	if r.buf != nil && len(q.runs) > 0 && q.runs[0].buf != nil && q.runs[0].buf != r.buf {
		q.bytes -= cap(r.buf.data)
		q.changed.Broadcast()
	}
	return r, true
}

// finish waits until everything is written.
func (q *queue) finish() {
	q.mu.Lock()
	q.closed = true
	q.changed.Broadcast()
	q.mu.Unlock()
	<-q.done
}
