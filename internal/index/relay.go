package index

import (
	"context"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// relay hands batches on to a follower that works in a goroutine of its own: while one
// batch is written, the next are analysed.
type relay struct {
	to   track.Follower
	free chan *carried
	full chan *carried
	done chan struct{}
}

// carried is a batch with memory of its own.
type carried struct {
	batch track.Batch
	chunk segment.Chunk
	bytes []byte
	rows  []packet.Summary
	notes []flow.Note
	apps  []app.Protocol
	names []track.Name
	texts []byte // of the names
}

// relayed is how many batches are on their way: about 2 MB each.
const relayed = 8

var _ track.Follower = (*relay)(nil)

func newRelay(to track.Follower) *relay {
	r := &relay{to: to, free: make(chan *carried, relayed), full: make(chan *carried, relayed), done: make(chan struct{})}
	for range relayed {
		r.free <- &carried{}
	}
	go func() {
		defer close(r.done)
		for c := range r.full {
			_ = r.to.Apply(context.Background(), &c.batch) // the writer counts its failures itself
			r.free <- c
		}
	}()
	return r
}

// Apply implements [track.Follower].
func (r *relay) Apply(_ context.Context, b *track.Batch) error {
	c := <-r.free
	c.bytes = append(c.bytes[:0], b.Chunk.Bytes...)
	c.rows = append(c.rows[:0], b.Rows...)
	c.notes = append(c.notes[:0], b.Notes...)
	c.apps = append(c.apps[:0], b.Apps...)
	c.names = append(c.names[:0], b.Names...)
	c.texts = c.texts[:0]
	for i := range c.names {
		from, v := len(c.texts), &c.names[i].Field.Value
		c.texts = append(c.texts, *v...)
		*v = c.texts[from:len(c.texts):len(c.texts)] // stays what it is when texts moves
	}
	c.chunk = *b.Chunk
	c.chunk.Bytes = c.bytes
	c.batch = track.Batch{Chunk: &c.chunk, Rows: c.rows, Notes: c.notes, Apps: c.apps, Names: c.names, Next: b.Next}
	r.full <- c
	return nil
}

// wait returns when everything has been applied. No Apply may follow.
func (r *relay) wait() {
	close(r.full)
	<-r.done
}
