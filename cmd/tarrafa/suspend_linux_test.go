package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// TestCapturingIsStoppedAndStarted: a confined capture is stopped and started again over the
// page's interface. What passes meanwhile is neither kept nor counted as lost, the segment
// says from when to when, and so do the page, the log and the ledger.
func TestCapturingIsStoppedAndStarted(t *testing.T) {
	ns, run, client := capturePage(t, "log", "host 10.99.0.1 and udp")
	order := func(path string) {
		t.Helper()
		if err := post(t.Context(), client, path); err != nil {
			t.Fatal(err)
		}
	}
	var now struct {
		Suspended time.Time
		Ledger    archive.Ledger
	}
	until := func(what string, ok func() bool) {
		t.Helper()
		run.Until(what, func() bool {
			if err := fetch(t.Context(), client, http.MethodGet, "../live", "", &now); err != nil {
				t.Fatal(err)
			}
			return ok()
		})
	}
	put(t, ns, "va", talk(t, 0)) // two of the eight are UDP
	until("two packets", func() bool { return now.Ledger.Received == 2 })
	order("suspend")
	run.Says("interface vb suspended: capturing was stopped")
	until("the page to say so", func() bool { return !now.Suspended.IsZero() })
	order("suspend") // once more does no harm
	for i := range 5 {
		put(t, ns, "va", talk(t, 1+i))
	}
	order("resume")
	run.Says("interface vb resumed: capturing was started again")
	put(t, ns, "va", talk(t, 6))
	now.Suspended = time.Time{} // absent again
	until("four packets", func() bool { return now.Ledger.Received == 4 })
	if !now.Suspended.IsZero() || now.Ledger.Suspended <= 0 {
		t.Errorf("suspended since %v, in all %v", now.Suspended, now.Ledger.Suspended)
	}
	order("suspend")
	run.Says("CAPTURING IS STOPPED") // in the lines of the log, every five seconds
	if code := run.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, run.Stderr())
	}
	ledger := lab.ReadMeta(t, run.Kept()).Ledger
	lab.Balanced(t, ledger)
	if ledger.Received != 4 || ledger.Dropped != 0 || ledger.Lost != 0 {
		t.Errorf("%+v", ledger)
	}
	if !strings.Contains(run.Stdout(), "in all capturing was stopped") {
		t.Errorf("the printed ledger says nothing:\n%s", run.Stdout())
	}
	b, err := os.ReadFile(filepath.Join(run.Kept(), archive.FileName(1)))
	if err != nil {
		t.Fatal(err)
	}
	for note, want := range map[string]int{"interface vb suspended": 2, "interface vb resumed": 1} {
		if n := bytes.Count(b, []byte("tarrafa event: "+note)); n != want {
			t.Errorf("%d notes %q in the segment, want %d", n, note, want)
		}
	}
	var meta struct{ Ledger archive.Ledger }
	if b, err = os.ReadFile(filepath.Join(run.Kept(), archive.MetaName)); err == nil {
		err = json.Unmarshal(b, &meta)
	}
	if err != nil || meta.Ledger.Suspended <= now.Ledger.Suspended {
		t.Errorf("capture.json: %v, stopped for %v", err, meta.Ledger.Suspended)
	}
}

// post gives an order to the page's interface.
func post(ctx context.Context, c *http.Client, path string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+livePage+"/api/v1/"+path, http.NoBody)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer secret")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusNoContent {
		return fmt.Errorf("%s: %s", path, resp.Status)
	}
	return nil
}
