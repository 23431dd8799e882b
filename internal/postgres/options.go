package postgres

import (
	"log/slog"
	"strings"
	"time"
)

// Options say how rows are stored. The zero value is the recommended one.
type Options struct {
	Table string // name or schema.name; empty: packets
	Basic bool   // the old recorder's six columns only, for the highest rate
	NonIP bool   // rows for packets without IP header too, with NULL addresses and protocol
	Flows bool   // Ended and Found are called: flows and findings are stored too
	// Payload stores what each TCP connection and UDP conversation said too, for
	// [Reader.Stream]; it needs Flows and the notes of every packet. A capture that was
	// stored with it once goes on with it, and one that was not is completed when it is
	// followed from its beginning.
	Payload    bool
	PrimaryKey bool // a table that we make gets PRIMARY KEY (id); it costs a third of the rate

	FlushRows      int            // rows per transaction; 0: 50 000
	FlushEvery     time.Duration  // longest wait of a row; 0: 1 s
	ConnectTimeout time.Duration  // for one attempt to log in; 0: 5 s
	FlushTimeout   time.Duration  // for one transaction; 0: 30 s
	Location       *time.Location // of columns without time zone; nil: the local one, as the old recorder's

	Log *slog.Logger // nil: none

	warned        map[string]bool // what the log has said about the table
	mostAddresses int             // of a capture, that are summed up
}

const (
	defaultTable      = "packets"
	defaultFlushRows  = 50_000
	defaultFlushEvery = time.Second
	defaultConnect    = 5 * time.Second
	defaultFlush      = 30 * time.Second
)

func (o Options) withDefaults() Options {
	if o.Table == "" {
		o.Table = defaultTable
	}
	if o.FlushRows <= 0 {
		o.FlushRows = defaultFlushRows
	}
	if o.FlushEvery <= 0 {
		o.FlushEvery = defaultFlushEvery
	}
	if o.ConnectTimeout <= 0 {
		o.ConnectTimeout = defaultConnect
	}
	if o.FlushTimeout <= 0 {
		o.FlushTimeout = defaultFlush
	}
	if o.Location == nil {
		o.Location = time.Local
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.mostAddresses <= 0 {
		o.mostAddresses = defaultMostAddresses
	}
	o.warned = map[string]bool{}
	return o
}

// quotedTable returns the table's name for SQL.
func (o *Options) quotedTable() string {
	schema, name, ok := strings.Cut(o.Table, ".")
	if !ok {
		return quoteIdent(o.Table)
	}
	return quoteIdent(schema) + "." + quoteIdent(name)
}

// schema returns the schema where the table is made, for SQL.
func (o *Options) schema() string {
	if schema, _, ok := strings.Cut(o.Table, "."); ok {
		return quoteIdent(schema)
	}
	return "public"
}
