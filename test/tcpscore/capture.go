package main

import (
	"errors"
	"io"
	"os"

	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// each hands the decoded packets of a capture to f, in order. It stops at damage.
func each(path string, f func(b *track.Batch)) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	defer file.Close()
	rd, err := segment.NewReader(file, segment.ReaderOptions{})
	var damage *segment.DamageError
	if errors.As(err, &damage) {
		return nil
	}
	if err != nil {
		return err
	}
	defer rd.Close()
	tracker := track.New()
	for {
		c, err := rd.Next()
		if errors.Is(err, io.EOF) || errors.As(err, &damage) {
			return nil
		}
		if err != nil {
			return err
		}
		tracker.Load(c)
		for b := tracker.Next(); b != nil; b = tracker.Next() {
			f(b)
		}
		rd.Release(c)
	}
}
