package main

import (
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/live"
)

// retainEvery is how often the age and the size of what is kept are looked at.
const retainEvery = 10 * time.Second

// retain keeps the data directory within its limits while the capture runs.
func (s *session) retain() (stop func()) {
	limits := archive.Retention{Bytes: int64(s.o.keep), Age: s.o.keepFor}
	if limits.Bytes == 0 {
		limits.Bytes = roomFor(s.o.dataDir)
	}
	done := make(chan struct{})
	s.wg.Go(func() {
		tick := time.NewTicker(retainEvery)
		defer tick.Stop()
		for {
			select {
			case <-done:
				return
			case <-tick.C:
			}
			gone, err := s.archive.Retain(limits)
			if err != nil {
				s.say(live.Warning, "old segments cannot be removed: "+err.Error())
			}
			if gone.Segments > 0 {
				s.say(live.Info, fmt.Sprintf("%d old segments removed, %s: %d packets", gone.Segments, formatSize(gone.Bytes), gone.Packets))
			}
		}
	})
	return func() { close(done) }
}

// roomFor is four fifths of what the captures take and of what is free beside them; 0 when
// that cannot be told.
func roomFor(dataDir string) int64 {
	free, err := freeSpace(dataDir)
	if err != nil {
		return 0
	}
	var used int64
	_ = filepath.WalkDir(dataDir, func(_ string, e fs.DirEntry, err error) error {
		if err == nil && e.Type().IsRegular() {
			if info, err := e.Info(); err == nil {
				used += info.Size()
			}
		}
		return nil
	})
	return (free + used) / 5 * 4
}

// followIndex lets the index of each segment be written beside the capture, with what is
// known of the connections.
func (s *session) followIndex() error {
	if s.o.noIndex {
		return nil
	}
	root, err := s.archive.Root()
	if err != nil {
		return err
	}
	s.index, err = index.NewWriter(index.Config{
		Root: root, Capture: s.archive.ID(), Program: versionText(), FlowMemory: int64(s.o.flowMemory),
		Trouble: func(n uint32, err error) {
			s.say(live.Warning, fmt.Sprintf("segment %d has no index: %v; make it later: tarrafa reindex %s", n, err, s.archive.Dir()))
		},
	})
	if err == nil {
		s.links, err = newConnections(root, s.archive.ID(), int64(s.o.flowMemory), s.o.limits, s.index, s.log)
	}
	if err != nil {
		return errors.Join(storageError(s.archive.Dir(), err), root.Close())
	}
	out := s.links.output()
	out.background = true
	s.follow(out)
	return nil
}
