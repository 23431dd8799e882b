package trafficlog

import (
	"log/slog"
	"net/netip"
	"time"
)

// DefaultPath is where the old watcher wrote.
const DefaultPath = "logs/traffic.json"

// Options say what is written. The zero value writes exactly the old watcher's fields.
type Options struct {
	Extra    bool           // our additions behind the old fields
	UDP      bool           // records for UDP packets too
	Capture  string         // names the capture, for the additions and the cursor
	Local    []netip.Prefix // the capturing machine's addresses, where the capture does not tell directions
	Location *time.Location // of the timestamp; nil: the local one
	Workers  int            // goroutines that encode a large batch; 0: 2

	// CursorFile is a file that says how far the record of this Capture got, so that a new
	// start goes on there: [Log.Resume]. Empty: none. A stream has none.
	CursorFile string

	Log *slog.Logger // nil: none
}

func (o Options) withDefaults() Options {
	if o.Location == nil {
		o.Location = time.Local
	}
	if o.Workers <= 0 {
		o.Workers = 2
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}
