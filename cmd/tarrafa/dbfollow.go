package main

import (
	"bufio"
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/words"
)

// databaseFollow puts a stream together whose packets the database holds. When it has no
// stream of that number, f.streams is nil and f.stored says how many there are.
func databaseFollow(ctx context.Context, stderr io.Writer, f *following, w *bufio.Writer) error {
	o := f.o
	o.database.noSandbox = o.noSandbox
	folders := defaultDataDir() // looked up before the program is confined
	return askDatabase(ctx, stderr, &o.database, func(ctx context.Context, r *postgres.Reader) (err error) {
		c := track.Part{Proto: o.proto(), Stream: uint32(o.stream)}
		f.stored, err = r.Stream(ctx, c.Proto, c.Stream, func(p *packet.Summary, fromClient bool, payload []byte) error {
			c.Summary, c.FromClient, c.Payload = p, fromClient, payload
			f.add(&c)
			return f.err
		})
		id := r.Capture().ID
		if errors.Is(err, query.ErrCannotAnswer) {
			return noPayload(o, id, folders)
		}
		f.end()
		if ferr := errors.Join(f.err, w.Flush()); ferr != nil {
			return ferr
		}
		if err != nil {
			return err
		}
		n := f.stored
		if n.Stored < n.Seen {
			_, _ = words.Fprintf(stderr, "tarrafa: the payload of packets %d to %d of capture %s is not in the database\n", n.Stored+1, n.Seen, oneLine(id))
		}
		if n.Others > 0 {
			_, _ = words.Fprintf(stderr, "tarrafa: %d packets of another stream with this number were left out: the beginning of the capture was gone when they were stored\n", n.Others)
		}
		if f.streams != nil {
			f.report(stderr)
		}
		return nil
	})
}

// noPayload says that a capture was stored without payload, where the bytes are, and how
// they get into the database.
func noPayload(o *followOptions, id, folders string) error {
	follow := words.Sprintf("follow it in the folder or file of capture %s", oneLine(id))
	store := words.T("FILE")
	if folder := captureFolder(folders, id); folder != "" {
		kind := ""
		if o.udp {
			kind = " --udp"
		}
		store = shellQuote(folder)
		follow = words.Sprintf("run: tarrafa follow --stream %d%s %s", o.stream, kind, store)
	}
	return &exitError{
		code: exitDatabase,
		err:  words.Errorf("stream %d of capture %s: what was said is not in the database, only a row for each packet", o.stream, oneLine(id)),
		mend: words.Sprintf("%s; to have it in the database: tarrafa read --db --db-payload %s, or capture with --db --db-payload", follow, store),
	}
}

// captureFolder returns the folder of a capture that was made on this machine, or nothing. A
// capture is named as its folder is, with a random end behind.
func captureFolder(folders, id string) string {
	for _, name := range []string{id, randomEnd.ReplaceAllString(id, "")} {
		if folder := filepath.Join(folders, name); filepath.IsLocal(name) && name == filepath.Base(name) && name != "." && isDir(folder) {
			return folder
		}
	}
	return ""
}

var randomEnd = regexp.MustCompile("-[0-9a-f]{8}$")

func isDir(name string) bool {
	info, err := os.Stat(name)
	return err == nil && info.IsDir()
}
