package postgres

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"
)

// How long a connection may be idle before it is asked for a sign of life.
const idlePing = 5 * time.Second

// run stores flights until ctx ends or the run fails.
func (s *Sink) run(ctx context.Context, done chan struct{}) {
	defer close(done)
	tick := time.NewTicker(max(s.opt.FlushEvery/2, time.Millisecond))
	defer tick.Stop()
	quiet := time.Now()
	for {
		select {
		case <-ctx.Done():
			return
		case f := <-s.full:
			if !s.deliver(ctx, f) {
				return
			}
			quiet = time.Now()
			s.free <- f
			s.mu.Lock()
			if s.busy--; s.busy == 0 && s.fill != nil && s.fill.due(&s.opt) {
				s.launch()
			}
			s.mu.Unlock()
		case <-tick.C:
			s.mu.Lock()
			if s.fill != nil && time.Since(s.fill.since) >= s.opt.FlushEvery/2 {
				s.launch()
			}
			s.mu.Unlock()
			if time.Since(quiet) >= idlePing {
				if !s.check(ctx) {
					return
				}
				quiet = time.Now()
			}
		}
	}
}

// deliver stores a flight, however long that takes. It returns false when the run is over.
func (s *Sink) deliver(ctx context.Context, f *flight) bool {
	bo := backoff{most: s.longest}
	for {
		done, err := s.attempt(ctx, f)
		switch {
		case ctx.Err() != nil:
			return false
		case err == nil && done:
			return true
		case errors.Is(err, ErrRestart):
			s.opt.Log.Warn("rows are taken from the capture again", "why", err)
			s.fail(err)
			return false
		case err != nil:
			s.note(err)
			if bo.wait(ctx) != nil {
				return false
			}
		}
	}
}

// attempt tries to store a flight once. done says that it is in the database.
func (s *Sink) attempt(ctx context.Context, f *flight) (done bool, err error) {
	ctx, cancel := context.WithTimeout(ctx, s.opt.FlushTimeout)
	defer cancel()
	if s.sess == nil {
		if err := s.reopen(ctx); err != nil {
			return false, err
		}
	} else if err := s.recheck(ctx); err != nil {
		return false, err
	}
	if err := s.settle(ctx); err != nil {
		return false, err
	}
	switch s.sess.cursor {
	case f.start: // or f.end too, for flows alone: storing these twice changes nothing
		f.again = f.again || f.start == f.end
	case f.end: // an earlier attempt's commit went through, only its answer was lost
		s.commit(f, outcome{}, true)
		return true, nil
	default:
		return false, fmt.Errorf("%w: it stands at packet %d, not at %d", ErrRestart, s.sess.cursor.Packet, f.start.Packet)
	}
	out, err := s.sess.store(ctx, f, s.waiting, s.more)
	if err != nil {
		s.sess.stale, s.sess.unsettled = true, true
		if s.sess.conn.IsClosed() || layoutChanged(sqlState(err)) {
			s.drop() // the next attempt looks at the table again
		}
		if errors.Is(err, errMoved) {
			return false, nil // the next attempt reads the cursor
		}
		return false, err
	}
	s.commit(f, out, false)
	return true, nil
}

// longestPending is how long a commit may stay without having reached the server's disk.
const longestPending = time.Second

// waiting tells whether another flight waits, so that one will be stored as soon as the one
// in hand is: the database is the bottleneck.
func (s *Sink) waiting() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.awaited()
}

// awaited is waiting with the lock held. Of the launched flights one is being stored.
func (s *Sink) awaited() bool {
	return s.busy > 1 || s.fill != nil && s.fill.due(&s.opt)
}

// more tells whether another flight waits, so that the one in hand need not wait for the
// server's disk.
func (s *Sink) more() bool {
	return s.waiting() && time.Since(s.lastSync) < longestPending
}

// reopen connects again and makes sure that the rows in memory still fit.
func (s *Sink) reopen(ctx context.Context) error {
	sess, err := open(ctx, s.cfg, &s.opt, s.capture, s.backend)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopt(sess)
	sess.unsettled = true
	layout := layout{targets: s.encoder.targets, text: s.encoder.text, sequence: sess.layout.sequence}
	if !sess.layout.equal(&layout) || sess.capture != s.encoder.capture || sess.payloads != s.sending {
		return fmt.Errorf("%w: the table was changed", ErrRestart)
	}
	return nil
}

// recheck reads the cursor again after an attempt that failed without breaking the
// connection.
func (s *Sink) recheck(ctx context.Context) error {
	if !s.sess.stale {
		return nil
	}
	before := s.sess.cursor
	err := s.sess.readCursor(ctx, s.capture)
	if err == nil {
		err = s.sess.preparePayloads(ctx, &s.opt)
	}
	if err == nil && s.sess.cursor != before {
		err = s.sess.resumeAddresses(ctx, s.sess.addressed)
	}
	if err != nil {
		s.drop()
		return err
	}
	s.sess.stale = false
	return nil
}

// settle makes sure, after an attempt that failed, that what was committed before is on the
// server's disk: nobody knows how long the next commit takes.
func (s *Sink) settle(ctx context.Context) error {
	if !s.sess.unsettled || s.sess.cursor != s.reached {
		return nil
	}
	// A transaction of its own, which waits for the disk and so for all before it.
	if _, err := batch(ctx, s.sess.conn, "SELECT pg_catalog.txid_current()"); err != nil {
		s.drop()
		return s.cfg.failure("commit", err)
	}
	s.sess.unsettled = false
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.committed != s.reached.Cursor || s.durable != s.last {
		s.committed, s.durable, s.lastSync = s.reached.Cursor, s.last, time.Now()
		s.tell()
	}
	return nil
}

// drop gives up the connection.
func (s *Sink) drop() {
	s.sess.close()
	s.sess = nil
}

// commit books a flight that is in the database. lost says that its outcome comes from
// the database's own books: it was there after the connection broke. That the server has
// it on its disk is not certain then, but the next commit that waits makes it so.
func (s *Sink) commit(f *flight, out outcome, lost bool) {
	s.mu.Lock()
	if lost {
		out.stored = s.sess.stored - min(s.sess.stored, s.status.Stored)
		out.rejected = s.sess.rejected - min(s.sess.rejected, s.status.Rejected)
		out.pending = s.awaited()
	}
	s.status.Stored += out.stored
	s.status.Rejected += out.rejected
	s.status.Skipped += f.skipped
	s.status.Connected = true
	s.status.LastError, s.status.Problem = "", ProblemOther
	if out.why != "" {
		s.status.Refusal = out.why
	}
	s.status.Commits++
	s.status.LastCommit = time.Now()
	s.reached, s.last, s.summing = f.end, f.seq, s.sess.pending.on
	if !out.pending {
		s.committed, s.durable, s.lastSync = f.end.Cursor, f.seq, time.Now()
	}
	st := s.status
	behind := s.next.Packet - s.committed.Packet
	s.tell()
	s.mu.Unlock()
	if out.rejected > 0 {
		s.talk.refused(out, st.Rejected)
	}
	s.talk.stored(out.stored, st.Stored, behind)
}

// check asks an idle connection for a sign of life, and connects again when there is
// none. It returns false when the run is over.
func (s *Sink) check(ctx context.Context) bool {
	if s.sess != nil {
		err := s.sess.ping(ctx, s.opt.ConnectTimeout)
		if err == nil || ctx.Err() != nil {
			return true
		}
		s.note(err)
		s.drop()
	}
	err := s.reopen(ctx)
	if err == nil && s.sess.cursor != s.reached {
		err = fmt.Errorf("%w: it stands at packet %d", ErrRestart, s.sess.cursor.Packet)
	}
	switch {
	case errors.Is(err, ErrRestart):
		s.opt.Log.Warn("rows are taken from the capture again", "why", err)
		s.fail(err)
		return false
	case err != nil && ctx.Err() == nil:
		s.note(err)
	}
	return true
}

// talk is what the sink says in the log: the first line of a kind at once, then one in a
// while, with what has come together.
type talk struct {
	log *slog.Logger

	rows                        uint64
	nextRows, nextBad, nextFail time.Time
	lastProblem                 Problem
}

const (
	rowsEvery    = 10 * time.Second
	troubleEvery = 30 * time.Second
)

func (t *talk) stored(rows, total, behind uint64) {
	t.rows += rows
	t.nextFail = time.Time{}
	now := time.Now()
	if now.Before(t.nextRows) || t.rows == 0 {
		return
	}
	t.log.Info("stored rows", "rows", t.rows, "total", total, "packets behind", behind)
	t.rows, t.nextRows = 0, now.Add(rowsEvery)
}

func (t *talk) refused(out outcome, total uint64) {
	now := time.Now()
	if now.Before(t.nextBad) {
		return
	}
	t.log.Warn("the table refuses rows", "rows", out.rejected, "total", total, "why", out.why)
	t.nextBad = now.Add(troubleEvery)
}

func (t *talk) trouble(e *Error, retries uint64) {
	now := time.Now()
	if now.Before(t.nextFail) && e.Problem == t.lastProblem {
		return
	}
	t.log.Error("the database does not take rows; they are kept in the capture", "error", e.Error(),
		"problem", e.Problem.String(), "failed attempts", retries)
	t.nextFail, t.lastProblem = now.Add(troubleEvery), e.Problem
}
