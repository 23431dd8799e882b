package main

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/spf13/pflag"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/trafficlog"
	"github.com/tarrafa/tarrafa/internal/words"
)

// outputFlags choose where packets go besides the archive.
type outputFlags struct {
	write     string
	db        string
	dbPayload bool
	json      string
	jsonExtra bool
	jsonUDP   bool
	local     []string

	database *postgres.Config // behind db; set by access
}

// fromEnvironment is the value of --db without a connection string.
const fromEnvironment = "environment"

func (o *outputFlags) add(f *pflag.FlagSet) {
	f.StringVarP(&o.write, "write", "w", "", "write packets to this file besides (pcapng; pcap when the name ends so; -: stdout)")
	f.StringVar(&o.json, "json", "", "append a JSON object for each TCP packet to this file (-: stdout)")
	f.Lookup("json").NoOptDefVal = trafficlog.DefaultPath
	f.BoolVar(&o.jsonExtra, "json-extra", true, "fields beyond the old watcher's: nanoseconds, packet number, sequence numbers …")
	f.BoolVar(&o.jsonUDP, "json-udp", false, "JSON objects for UDP packets too")
	f.StringArrayVar(&o.local, "local", nil, "address or network that is on our side, for the direction in captures that do not tell (repeat)")
	f.StringVar(&o.db, "db", "", "store a row for each packet in PostgreSQL; without a connection string DB_HOST, DB_PORT, DB_NAME, DB_USER and DB_PASSWORD, or PG*, say where")
	f.Lookup("db").NoOptDefVal = fromEnvironment
	f.BoolVar(&o.dbPayload, "db-payload", false, "store in PostgreSQL what each TCP connection and UDP conversation said too, for tarrafa follow --db")
}

// check says which output options do not go together. part tells that a filter leaves
// packets of the capture out.
func (o *outputFlags) check(part bool) error {
	switch {
	case o.dbPayload && o.db == "":
		return &exitError{code: exitOptions, err: words.Errorf("--db-payload says what is stored in PostgreSQL"), mend: words.T("add --db")}
	case o.dbPayload && part:
		return &exitError{code: exitOptions, err: words.Errorf("--db-payload: streams are put together from all packets of a capture"), mend: words.T("leave -f and -Y out")}
	}
	return nil
}

func (o *outputFlags) any() bool        { return o.write != "" || o.db != "" || o.json != "" }
func (o *outputFlags) usesStdout() bool { return o.write == "-" || o.json == "-" }

// sinkNames are the outputs that a later start catches up with.
func (o *outputFlags) sinkNames() (names []string) {
	if o.db != "" {
		names = append(names, databaseSink)
	}
	if o.keepsRecord() {
		names = append(names, recordSink)
	}
	return names
}

// output is one open sink.
type output struct {
	name       string
	background bool
	sink       track.Follower
	tracker    *track.Tracker           // nil: one that decodes only
	from       segment.Cursor           // where it goes on
	applied    func() uint64            // nil: what the tracker has applied
	parts      func() map[string]uint64 // what applied is made of; may be nil
	// follow replaces the plain way of following; may be nil. from opens the capture at a
	// place.
	follow func(ctx context.Context, from func(segment.Cursor) track.Chunks, t *track.Tracker) error
	state  func() live.Sink // without Behind and Lost
	reopen func() error     // SIGHUP; may be nil
	close  func(ctx context.Context) error
}

type outputs struct {
	list []*output
	log  *slog.Logger
}

// outputTarget is what sinks need to know of the capture they follow.
type outputTarget struct {
	id         string          // names the capture for ever
	dir        string          // the live capture's folder; empty: a file
	file       bool            // the capture is a file, not live
	part       bool            // a filter leaves packets out
	flowMemory int64           // for the flows of a sink that knows them; 0: the default
	limits     flow.Thresholds // for its findings; zero: the defaults
	payload    bool            // a database stores payload too
	stdout     io.Writer
	interfaces []segment.Interface
	log        *slog.Logger
}

func (o *outputFlags) open(t outputTarget) (*outputs, error) {
	outs := &outputs{log: t.log}
	if o.write != "" {
		out, err := openWrite(o.write, t)
		if err != nil {
			return nil, err
		}
		outs.list = append(outs.list, out)
	}
	if o.json != "" {
		out, err := openRecord(o, t)
		if err != nil {
			return nil, errors.Join(err, outs.close(context.Background()))
		}
		outs.list = append(outs.list, out)
	}
	if o.db != "" {
		t.payload = o.dbPayload
		out, err := openDatabase(*o.database, t)
		if err != nil {
			return nil, errors.Join(err, outs.close(context.Background()))
		}
		outs.list = append(outs.list, out)
	}
	return outs, nil
}

// close ends all sinks; each flushes what it holds.
func (o *outputs) close(ctx context.Context) error {
	var err error
	for _, out := range o.list {
		err = errors.Join(err, out.close(ctx))
	}
	return err
}

func (o *outputs) reopen() {
	for _, out := range o.list {
		if out.reopen == nil {
			continue
		}
		if err := out.reopen(); err != nil {
			o.log.Error("reopen", "output", out.name, "error", printable(err.Error()))
		}
	}
}

// captureFile is the follower behind -w.
type captureFile struct {
	name string
	file *os.File
	w    *segment.FileWriter
}

func openWrite(name string, t outputTarget) (*output, error) {
	c := &captureFile{name: name}
	var w io.Writer = t.stdout
	if name == "-" {
		if err := notOnTerminal(w, "the capture file"); err != nil {
			return nil, err
		}
	} else {
		f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
		if err != nil {
			return nil, fileError(name, err)
		}
		c.file, w = f, f
	}
	kind := segment.Pcapng
	if strings.HasSuffix(name, ".pcap") || strings.HasSuffix(name, ".cap") {
		kind = segment.Pcap
	}
	c.w = segment.NewFileWriter(w, segment.FileOptions{
		Kind: kind, Section: segment.Section{Application: versionText()}, Interfaces: t.interfaces,
	})
	if err := c.w.Flush(); err != nil {
		return nil, fileError(name, err)
	}
	return &output{
		name: "file", sink: c,
		state: func() live.Sink { return live.Sink{Name: "file", Target: name, State: live.SinkOK} },
		close: func(context.Context) error { return c.close() },
	}, nil
}

// Apply implements track.Follower. What a reader at the other end of a pipe has refused
// stays refused.
func (c *captureFile) Apply(_ context.Context, b *track.Batch) error {
	err := c.write(b)
	if err == nil {
		err = c.w.Flush()
	}
	if err != nil {
		return &track.FatalError{Err: fileError(c.name, err)}
	}
	return nil
}

// write writes the packets of the batch's rows, which may be fewer than the chunk has.
func (c *captureFile) write(b *track.Batch) error {
	if len(b.Rows) == int(b.Chunk.Packets) {
		return c.w.WriteChunk(b.Chunk)
	}
	it := b.Chunk.Records()
	var rec segment.Record
	number, next := b.Chunk.First, 0
	for it.Next(&rec) && next < len(b.Rows) {
		if number == b.Rows[next].Number {
			if err := c.w.WriteRecord(b.Chunk, &rec); err != nil {
				return err
			}
			next++
		}
		number++
	}
	return nil
}

func (c *captureFile) close() error {
	err := c.w.Flush()
	if c.file != nil {
		err = errors.Join(err, c.file.Close())
	}
	return fileError(c.name, err)
}
