package postgres

import (
	"context"
	"math/rand/v2"
	"time"
)

// Waits between attempts: doubling, each shortened at random by up to a half so that many
// captures do not come back to a restarted server in step.
const (
	firstWait = 100 * time.Millisecond
	longWait  = 5 * time.Second
)

type backoff struct {
	last time.Duration
	most time.Duration // 0: longWait
}

// next returns how long to wait before the next attempt.
func (b *backoff) next() time.Duration {
	most := b.most
	if most == 0 {
		most = longWait
	}
	b.last = min(max(2*b.last, firstWait), most)
	return b.last - time.Duration(rand.Int64N(int64(b.last/2)))
}

// wait waits; it returns ctx's error when that ends first.
func (b *backoff) wait(ctx context.Context) error {
	timer := time.NewTimer(b.next())
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
