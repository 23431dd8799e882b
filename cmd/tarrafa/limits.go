package main

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

// limited is what counts the caps that it has reached: a [track.Tracker], say.
type limited interface{ Limits() map[string]uint64 }

var _ limited = (*track.Tracker)(nil)

// limitsOf are the caps that were reached while an input was read, by their names in
// docs/limits.md.
func limitsOf(in *input, t limited) map[string]uint64 {
	reached := t.Limits()
	if f, ok := in.chunks.(*fileChunks); ok {
		c := f.reader.Counters()
		for name, n := range map[string]uint64{"text_bytes_dropped": c.TextDropped, "statistics_dropped": c.StatisticsDropped} {
			if n > 0 {
				if reached == nil {
					reached = map[string]uint64{}
				}
				reached[name] = n
			}
		}
	}
	return reached
}

// addLimits books them.
func addLimits(f *archive.FollowerEntry, in *input, t limited) {
	for name, n := range limitsOf(in, t) {
		if f.Limits == nil {
			f.Limits = map[string]uint64{}
		}
		f.Limits[name] += n
	}
}

// sayLimits tells the user which caps were reached and what that means for the answer.
func sayLimits(stderr io.Writer, in *input, t *track.Tracker) {
	reached := limitsOf(in, t)
	if len(reached) == 0 {
		return
	}
	var list []string
	for _, name := range slices.Sorted(maps.Keys(reached)) {
		list = append(list, fmt.Sprintf("%s %d", name, reached[name]))
	}
	_, _ = words.Fprintf(stderr, "tarrafa: %s: limits reached (docs/limits.md): %s", oneLine(in.name), strings.Join(list, ", "))
	if reached["flows_forced"] > 0 {
		_, _ = fmt.Fprint(stderr, "; flows were given up before their end for want of memory, and stream numbers may differ from tshark's: raise --flow-memory")
	}
	_, _ = fmt.Fprintln(stderr)
}
