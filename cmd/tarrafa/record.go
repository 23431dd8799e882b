package main

import (
	"context"
	"errors"
	"net/netip"
	"os"
	"path/filepath"
	"sync"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/trafficlog"
	"github.com/tarrafa/tarrafa/internal/words"
)

// recordSink is the name of the JSON Lines sink in the ledger.
const recordSink = "JSON"

// record is the output behind --json.
type record struct {
	log  *trafficlog.Log
	path string // absolute; empty: a stream
	opt  trafficlog.Options
	t    outputTarget

	mu      sync.Mutex
	earlier *trafficlog.Log // of an earlier capture that is being completed; nil: none
}

func openRecord(o *outputFlags, t outputTarget) (*output, error) {
	local, err := o.localAddresses()
	if err != nil {
		return nil, err
	}
	r := &record{t: t, opt: trafficlog.Options{Extra: o.jsonExtra, UDP: o.jsonUDP, Capture: t.id, Local: local, Log: t.log}}
	if o.json == "-" {
		r.log = trafficlog.NewWriter(t.stdout, r.opt)
	} else {
		opt := r.opt
		if t.dir != "" {
			opt.CursorFile = filepath.Join(t.dir, archive.RecordCursor)
		}
		if r.path, err = filepath.Abs(o.json); err == nil {
			r.log, err = trafficlog.Open(o.json, opt)
		}
		if err != nil {
			return nil, fileError(o.json, err)
		}
	}
	// Lines count one by one, also those of a batch that a full disk took in part. What a
	// filter keeps from a file's record is nobody's to write.
	applied := func() uint64 {
		st := r.log.Status()
		return st.Lines + st.Skipped + st.Repeated
	}
	if t.file {
		applied = nil
	}
	out := &output{
		name: recordSink, sink: r.log, applied: applied,
		state: func() live.Sink {
			st := r.log.Status()
			s := live.Sink{Name: recordSink, Target: st.Target, State: live.SinkOK, Rows: st.Lines, Error: st.LastError}
			if st.LastError != "" {
				s.State = live.SinkRetrying
			}
			return s
		},
		parts: func() map[string]uint64 {
			st := r.log.Status()
			return map[string]uint64{"lines": st.Lines, "no_record": st.Skipped, "there_already": st.Repeated}
		},
		reopen: r.reopen,
		close:  func(context.Context) error { return r.log.Close() },
	}
	if t.dir != "" {
		out.follow = r.follow
	}
	return out, nil
}

// keepsRecord tells whether the record is a file to which a later start can add what is
// missing.
func (o *outputFlags) keepsRecord() bool {
	if o.json == "" || o.json == "-" {
		return false
	}
	info, err := os.Stat(o.json)
	return err != nil || info.Mode().IsRegular()
}

// follow completes the records of earlier captures, oldest first, and then writes that of
// this one: without our additions a line does not say whose it is, and the order of the
// lines tells how far a capture that was killed had come.
func (r *record) follow(ctx context.Context, from func(segment.Cursor) track.Chunks, t *track.Tracker) error {
	r.catchUp(ctx)
	at, err := r.log.Resume()
	if err != nil {
		return err
	}
	return t.Run(ctx, from(at), r.log)
}

// catchUp writes what earlier captures of the data directory still owe this record.
func (r *record) catchUp(ctx context.Context) {
	dirs, err := archive.List(filepath.Dir(r.t.dir))
	if err != nil {
		r.t.log.Warn("earlier captures cannot be listed", "error", err)
		return
	}
	for _, dir := range dirs {
		if dir == r.t.dir || ctx.Err() != nil {
			continue
		}
		kept, err := trafficlog.ReadKept(filepath.Join(dir, archive.RecordCursor))
		if err != nil || kept.Record != r.path {
			continue // no record, or another one
		}
		s, err := archive.Open(dir)
		if err != nil {
			continue // said when somebody opens that capture
		}
		if owes(&s.Meta, recordSink) {
			if err := r.complete(ctx, s, kept); err != nil && ctx.Err() == nil {
				r.t.log.Warn("an earlier capture is not wholly in the traffic record yet", "capture", dir, "error", err)
			}
		}
		_ = s.Close()
	}
}

// complete writes the lines of an earlier capture that are missing.
func (r *record) complete(ctx context.Context, s *archive.Stored, kept trafficlog.Kept) error {
	opt := r.opt
	opt.Capture, opt.Extra, opt.UDP = s.Meta.ID, kept.Extra, kept.UDP
	opt.CursorFile = filepath.Join(s.Dir(), archive.RecordCursor)
	l, err := trafficlog.Open(r.path, opt)
	if err != nil {
		return err
	}
	r.setEarlier(l)
	defer func() {
		r.setEarlier(nil)
		_ = l.Close()
	}()
	at, err := l.Resume()
	if err != nil {
		return err
	}
	walk := s.Walk(at)
	defer walk.Close()
	if err := track.New().Run(ctx, walk, l); err != nil {
		return err
	}
	st := l.Status()
	applied := s.Packets() - min(s.Packets(), walk.Expired())
	r.t.log.Info("an earlier capture is now wholly in the traffic record", "capture", s.Dir(), "lines", st.Lines)
	return s.Settle(archive.FollowerEntry{
		Name: recordSink, Applied: applied, Expired: walk.Expired(),
		Parts: map[string]uint64{"lines": st.Lines, "no_record": st.Skipped, "there_already": applied - min(applied, st.Lines+st.Skipped)},
	})
}

func (r *record) setEarlier(l *trafficlog.Log) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.earlier = l
}

// reopen goes on in the file that has the record's name now.
func (r *record) reopen() error {
	r.mu.Lock()
	defer r.mu.Unlock()
	err := r.log.Reopen()
	if r.earlier != nil {
		err = errors.Join(err, r.earlier.Reopen())
	}
	return err
}

// localAddresses reads --local.
func (o *outputFlags) localAddresses() ([]netip.Prefix, error) {
	var list []netip.Prefix
	for _, text := range o.local {
		p, err := netip.ParsePrefix(text)
		if err != nil {
			a, aerr := netip.ParseAddr(text)
			if aerr != nil {
				return nil, &exitError{code: exitOptions, err: words.Errorf("--local %s: no address and no network", text), mend: words.T("write for example 192.168.1.5 or 10.0.0.0/8")}
			}
			p = netip.PrefixFrom(a, a.BitLen())
		}
		list = append(list, p)
	}
	return list, nil
}
