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

// quiet is a source that has one chunk and then waits.
type quiet struct{ chunk *segment.Chunk }

func (q *quiet) Next(ctx context.Context) (*segment.Chunk, error) {
	if c := q.chunk; c != nil {
		q.chunk = nil
		return c, nil
	}
	<-ctx.Done()
	return nil, ctx.Err()
}

func (q *quiet) Release(*segment.Chunk) {}

// While no packets come flows end all the same, each at its time, and are counted.
func TestFlowsEndOnAQuietLink(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene()
		s.request(1, 4000, 100, "closed.example") // FIN from both sides
		s.tcp(true, 2, 4001, 100, 0, syn, "")     // half open
		s.dns(3, "udp.example")
		s.tcp(true, 4, 4002, 100, 900, psh, "from the middle")
		ended := map[string]time.Duration{}
		start := time.Now()
		a := track.NewAnalysis(track.AnalysisOptions{Ended: func(c *track.Conversation) {
			ended[c.End.String()+" "+c.Tuple.Src.Netip(4).String()] = time.Since(start)
		}})
		tr := track.NewAnalysing(a)
		tr.AgeWhenQuiet()
		ctx, cancel := context.WithTimeout(t.Context(), 15*time.Minute)
		defer cancel()
		err := tr.Run(ctx, &quiet{s.chunk()}, follower(func(*track.Batch) error { return nil }))
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("Run: %v", err)
		}
		round := 30 * time.Second // one sweep
		for what, after := range map[string]time.Duration{
			"closed 10.0.0.1": time.Minute,
			"idle 10.0.0.2":   time.Minute,
			"idle 10.0.0.3":   2 * time.Minute,
			"idle 10.0.0.4":   10 * time.Minute,
		} {
			if at, ok := ended[what]; !ok || at < after || at > after+round+5*time.Second {
				t.Errorf("%s: ended %v after %v, want it after %v to %v", what, ok, at, after, after+round)
			}
		}
		c := a.Counters().Flow
		if c.Idle != 3 || c.Closed != 1 || c.Live != 0 || c.Flows != 4 {
			t.Errorf("%+v", c)
		}
	})
}

// Who reads a file gets the same flows whatever the time of day.
func TestFilesDoNotAge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newScene()
		s.dns(3, "udp.example")
		a := track.NewAnalysis(track.AnalysisOptions{})
		ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
		defer cancel()
		_ = track.NewAnalysing(a).Run(ctx, &quiet{s.chunk()}, follower(func(*track.Batch) error { return nil }))
		if c := a.Counters().Flow; c.Live != 1 || c.Idle != 0 {
			t.Errorf("%+v", c)
		}
	})
}

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
