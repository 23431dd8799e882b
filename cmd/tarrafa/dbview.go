package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"slices"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web"
)

// databaseShelf is the captures of a database, as the page shows them: packets without
// their bytes.
type databaseShelf struct {
	cfg  postgres.Config
	only string // one capture; empty: all
}

var (
	_ web.Captures = (*databaseShelf)(nil)
	_ web.Analyser = (*databaseShelf)(nil)
)

// viewDatabase serves the page over a database.
func viewDatabase(ctx context.Context, stderr io.Writer, page *pageFlags, d *databaseFlags) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	s := &databaseShelf{only: d.capture}
	server, err := page.server(ctx, web.Config{Content: web.Content{Captures: s, Stop: cancel}})
	if err != nil {
		return err
	}
	page.show(stderr, server, nil)
	if err := confineQuietly(stderr, d.noSandbox, databaseRules(d.dsn, nil, &s.cfg)); err != nil {
		return err
	}
	if _, err := s.List(ctx); err != nil {
		return databaseError(ctx, err)
	}
	return server.Serve(ctx)
}

// List implements web.Captures.
func (s *databaseShelf) List(ctx context.Context) ([]web.Capture, error) {
	stored, err := postgres.Captures(ctx, s.cfg, postgres.ReaderOptions{})
	if err != nil {
		return nil, err
	}
	list := make([]web.Capture, 0, len(stored))
	for _, c := range slices.Backward(stored) {
		if s.only == "" || c.ID == s.only {
			list = append(list, web.Capture{ID: c.ID, Name: c.ID, State: archive.StateClosed, Started: c.Updated, Packets: c.Stored})
		}
	}
	return list, nil
}

// Open implements web.Captures.
func (s *databaseShelf) Open(ctx context.Context, id string) (query.Reader, error) {
	r, err := s.open(ctx, id)
	if err != nil {
		return nil, err
	}
	return storedNumbers{r}, nil
}

func (s *databaseShelf) open(ctx context.Context, id string) (*postgres.Reader, error) {
	if id == "" || s.only != "" && s.only != id {
		return nil, web.ErrNoCapture
	}
	r, err := postgres.OpenReader(ctx, s.cfg, id, postgres.ReaderOptions{Stored: true})
	if _, none := errors.AsType[*postgres.NoCaptureError](err); none {
		return nil, web.ErrNoCapture
	}
	return r, err
}

// Remove implements web.Captures.
func (*databaseShelf) Remove(context.Context, string) error {
	return &query.CannotAnswerError{What: "deleting", Why: "captures in the database are not deleted from here"}
}

// Analyse implements web.Analyser, with what was stored.
func (s *databaseShelf) Analyse(ctx context.Context, id string, _ func(uint64)) (*web.Analysis, error) {
	r, err := s.open(ctx, id)
	if err != nil {
		return nil, err
	}
	defer func() { _ = r.Close() }()
	result := &web.Analysis{Packets: r.Capture().Stored}
	flows := []flowDocument{}
	for from := uint64(0); ; from += pageOfFlows {
		page, err := r.Flows(ctx, query.Scope{}, from, pageOfFlows)
		if err != nil {
			return nil, err
		}
		for i := range page.Rows {
			flows = append(flows, storedFlow(&page.Rows[i]))
		}
		result.FlowCount = page.Total
		slices.SortFunc(flows, func(a, b flowDocument) int {
			return cmp.Or(cmp.Compare(b.bytes(), a.bytes()), cmp.Compare(a.Flow, b.Flow))
		})
		flows = flows[:min(len(flows), maxPageFlows)]
		if len(page.Rows) < pageOfFlows {
			break
		}
	}
	stored, err := r.Findings(ctx)
	if err != nil {
		return nil, err
	}
	findings := []index.Finding{}
	for i := range stored {
		findings = append(findings, storedFinding(&stored[i]))
	}
	result.Flows, result.Findings = flows, findings
	return result, nil
}

// storedNumbers tells the page which packets there are not.
type storedNumbers struct{ *postgres.Reader }

// Packet implements query.Reader.
func (r storedNumbers) Packet(ctx context.Context, number uint64) (*query.Detail, error) {
	d, err := r.Reader.Packet(ctx, number)
	if _, ok := errors.AsType[*postgres.NoPacketError](err); ok {
		err = fmt.Errorf("%w: %w", err, fs.ErrNotExist)
	}
	return d, err
}
