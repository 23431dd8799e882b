package track_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"testing/synctest"
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// list is a source of a few chunks.
type list struct {
	chunks   []*segment.Chunk
	released int
}

func (l *list) Next(context.Context) (*segment.Chunk, error) {
	if len(l.chunks) == 0 {
		return nil, io.EOF
	}
	c := l.chunks[0]
	l.chunks = l.chunks[1:]
	return c, nil
}

func (l *list) Release(*segment.Chunk) { l.released++ }

func TestRunOffersAgainWhatWasRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		c := udpChunk(t, 500)
		src := &list{chunks: []*segment.Chunk{c, c}}
		tr := track.New()
		calls := 0
		start := time.Now()
		err := tr.Run(t.Context(), src, follower(func(*track.Batch) error {
			if calls++; calls <= 3 {
				return errors.New("not now")
			}
			return nil
		}))
		if err != nil || calls != 5 || src.released != 2 {
			t.Errorf("%v after %d calls, %d released", err, calls, src.released)
		}
		if tr.Applied() != 2*uint64(c.Packets) || tr.Retries() != 3 {
			t.Errorf("applied %d, retries %d", tr.Applied(), tr.Retries())
		}
		var sum uint64
		for _, n := range tr.Outcomes() {
			sum += n
		}
		if sum != tr.Applied() {
			t.Errorf("outcomes %d, applied %d", sum, tr.Applied())
		}
		if waited := time.Since(start); waited != 700*time.Millisecond {
			t.Errorf("waited %s", waited)
		}
	})
}

func TestRunEndsWithContextWhileRefused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		tr := track.New()
		err := tr.Run(ctx, &list{chunks: []*segment.Chunk{udpChunk(t, 500)}}, follower(func(*track.Batch) error {
			return errors.New("never")
		}))
		if !errors.Is(err, context.DeadlineExceeded) || tr.Applied() != 0 {
			t.Errorf("%v, applied %d", err, tr.Applied())
		}
	})
}

func TestRunEndsWithFatalError(t *testing.T) {
	cause := errors.New("broken pipe")
	tr := track.New()
	err := tr.Run(t.Context(), &list{chunks: []*segment.Chunk{udpChunk(t, 500)}}, follower(func(*track.Batch) error {
		return &track.FatalError{Err: cause}
	}))
	if !errors.Is(err, cause) || tr.Retries() != 0 {
		t.Errorf("%v after %d retries", err, tr.Retries())
	}
}
