//go:build unix

package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
	"github.com/tarrafa/tarrafa/internal/web"
)

// samplesFile writes the made packets as a pcap file, a millisecond apart.
func samplesFile(t *testing.T) string {
	t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
	for i, s := range packettest.Samples() {
		if s.Link != 1 {
			continue
		}
		for _, n := range []uint32{1_700_000_000, uint32(i) * 1000, uint32(len(s.Data)), uint32(len(s.Data))} {
			b = binary.LittleEndian.AppendUint32(b, n)
		}
		b = append(b, s.Data...)
	}
	name := filepath.Join(t.TempDir(), "samples.pcap")
	if err := os.WriteFile(name, b, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// command runs the program's command line and returns what it prints and its exit code.
func command(args ...string) (stdout, stderr string, code int) {
	var out, talk bytes.Buffer
	root := rootCommand()
	root.SetArgs(joinOptionalValues(args))
	root.SetOut(&out)
	root.SetErr(&talk)
	code = report(&talk, root.Execute())
	return out.String(), talk.String(), code
}

// TestAskDatabase stores a file and asks the database what the file is asked.
func TestAskDatabase(t *testing.T) {
	srv, db := testDatabase(t)
	dsn := srv.DSN(db, db)

	if _, talk, code := command("stats", "--no-sandbox", "--db", dsn); code != exitDatabase || !strings.Contains(talk, "no table") {
		t.Errorf("an empty database: exit code %d: %s", code, talk)
	}
	file := samplesFile(t)
	if _, talk, code := command("read", "--no-sandbox", "--db", dsn, file); code != exitOK {
		t.Fatalf("read --db: exit code %d: %s", code, talk)
	}

	for _, question := range [][]string{
		{"top", "ip.proto"}, {"top", "src", "-n", "3", "--json"}, {"series", "--bucket", "10ms"},
		{"packets", "-Y", "frame.number <= 2 && tcp.dstport == 4321 && frame.len > 60"}, {"packets", "-Y", "frame.number <= 2 && (tcp.flags.push == 1 || udp)", "--json"},
	} {
		// The file's packets without IP header are no rows, and the headers of unusual ones
		// are not in the columns: only packets that both hold whole are compared.
		limit := []string{"-Y", "frame.number <= 2"}
		for _, word := range question {
			if word == "-Y" {
				limit = nil
			}
		}
		args := append(append([]string{}, question...), limit...)
		want, _, code := command(append(append([]string{}, args...), "--no-sandbox", file)...)
		if code != exitOK {
			t.Fatalf("%v of the file: exit code %d", args, code)
		}
		got, talk, code := command(append(append([]string{}, args...), "--no-sandbox", "--db="+dsn)...)
		if code != exitOK || got != want || got == "" {
			t.Errorf("%v: exit code %d: %s%s\nwant\n%s", args, code, talk, got, want)
		}
	}

	askFlows(t, dsn, file)
	exportDatabase(t, dsn, file)
	showDatabase(t, dsn)

	out, talk, code := command("stats", "--no-sandbox", "--db", dsn, "--json")
	var doc databaseDocument
	if err := json.Unmarshal([]byte(out), &doc); err != nil || code != exitOK {
		t.Fatalf("stats --db --json: exit code %d, %v: %s%s", code, err, talk, out)
	}
	if c := doc.Capture; c.Packets != c.Stored+c.Skipped+c.Rejected || doc.Packets != c.Stored || c.Skipped == 0 {
		t.Errorf("stats --db --json: %d packets of %+v", doc.Packets, c)
	}
	if !strings.Contains(talk, "without IP header") || strings.Contains(out, `"sizes"`) {
		t.Errorf("stats --db --json: %s%s", talk, out)
	}
	if out, _, code := command("stats", "--no-sandbox", "--db="+dsn); code != exitOK || !strings.Contains(out, "in PostgreSQL") {
		t.Errorf("stats --db: exit code %d: %s", code, out)
	}

	for _, c := range []struct {
		args []string
		code int
		say  string
	}{
		{[]string{"stats", "--db=" + dsn, "--capture", "none\x1b[31m"}, exitDatabase, "no capture"},
		{[]string{"packets", "--db=" + dsn, "-Y", "payload contains \"x\""}, exitDatabase, "payload"},
		{[]string{"top", "ip.ttl", "--db=" + dsn}, exitDatabase, "no column"},
		{[]string{"top", "ip.sr", "--db=" + dsn}, exitOptions, "ip.src"},
		{[]string{"stats", "--db=" + dsn, file}, exitOptions, "one of them"},
		{[]string{"stats", "--capture", "x", file}, exitOptions, "--db"},
		{[]string{"series", "--db=host=127.0.0.1 port=1 user=x dbname=x"}, exitDatabase, "pg_isready"},
	} {
		if _, talk, code := command(append(c.args, "--no-sandbox")...); code != c.code || !strings.Contains(talk, c.say) || strings.Contains(talk, "\x1b") {
			t.Errorf("%v: exit code %d, want %d: %s", c.args, code, c.code, talk)
		}
	}
}

// askFlows asks for flows and findings, and for what the database does not hold.
func askFlows(t *testing.T, dsn, file string) {
	t.Helper()
	want, _, _ := command("flows", "--no-sandbox", file)
	got, talk, code := command("flows", "--no-sandbox", "--db="+dsn)
	if code != exitOK || got == "" || sortedLines(got) != sortedLines(want) {
		t.Errorf("flows --db: exit code %d: %s%s\nwant\n%s", code, talk, got, want)
	}
	want, _, _ = command("findings", "--no-sandbox", "--json", file)
	if got, talk, code := command("findings", "--no-sandbox", "--json", "--db="+dsn); code != exitOK || got != want {
		t.Errorf("findings --db: exit code %d: %s%s\nwant\n%s", code, talk, got, want)
	}
	if got, talk, code := command("flows", "--no-sandbox", "--json", "--db="+dsn, "-n", "1", "-Y", "frame.number <= 2"); code != exitOK || strings.Count(got, "\n") != 1 {
		t.Errorf("flows --db -n 1 -Y: exit code %d: %s%s", code, talk, got)
	}
	for _, c := range []struct {
		args []string
		code int
		say  string
	}{
		{[]string{"findings", "--threshold", "refused=1"}, exitOptions, "time of storing"},
		{[]string{"flows", file}, exitOptions, "one of them"},
	} {
		if _, talk, code := command(append(c.args, "--no-sandbox", "--db="+dsn)...); code != c.code || !strings.Contains(talk, c.say) {
			t.Errorf("%v: exit code %d, want %d: %s", c.args, code, c.code, talk)
		}
	}
}

// sortedLines puts lines in order: files are listed by the ends of the flows, the database
// by their beginnings.
func sortedLines(s string) string {
	lines := strings.Split(s, "\n")
	slices.Sort(lines)
	return strings.Join(lines, "\n")
}

// exportDatabase exports what both the file and the database hold.
func exportDatabase(t *testing.T, dsn, file string) {
	t.Helper()
	for _, format := range []string{"csv", "jsonl"} {
		args := []string{"export", "--no-sandbox", "--format", format, "-Y", "frame.number <= 2"}
		want, _, _ := command(append(args, file)...)
		if got, talk, code := command(append(args, "--db="+dsn)...); code != exitOK || got == "" || got != want {
			t.Errorf("export --format %s: exit code %d: %s%s\nwant\n%s", format, code, talk, got, want)
		}
	}
	for _, format := range []string{"pcapng", "pcap", "parquet"} {
		out := filepath.Join(t.TempDir(), "out."+format)
		_, talk, code := command("export", "--no-sandbox", "--db="+dsn, "-o", out)
		if _, err := os.Stat(out); code != exitDatabase || !strings.Contains(talk, "holds no packet bytes") || err == nil {
			t.Errorf("export to %s: exit code %d: %s", format, code, talk)
		}
	}
}

// showDatabase asks what the page asks of a database.
func showDatabase(t *testing.T, dsn string) {
	t.Helper()
	ctx := t.Context()
	cfg, err := databaseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	s := &databaseShelf{cfg: cfg}
	list, err := s.List(ctx)
	if err != nil || len(list) != 1 || list[0].Packets == 0 {
		t.Fatalf("%+v, %v", list, err)
	}
	server := web.New(web.Config{Content: web.Content{Captures: s}, Bearer: "secret-token-of-the-test"})
	if err := server.Listen(ctx, "127.0.0.1:0"); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(ctx)
	done := make(chan error)
	go func() { done <- server.Serve(ctx) }()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Error(err)
		}
	})
	link, err := url.Parse(server.Link())
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) (int, string) {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+link.Host+"/api/v1/captures/"+url.PathEscape(list[0].ID)+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer secret-token-of-the-test")
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		body, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res.StatusCode, string(body)
	}
	for path, want := range map[string]string{
		"/totals": `"protocols"`, "/top?field=frame.len": `"rows"`, "/series?bucket=1s": `"points"`, "/packets?count=3": `"number":1`,
		"/packets/1": "cannot_answer", "/packets/9999": "not_found", "/analysis": `"flow_count"`, "/packets?filter=payload+contains+%22x%22": "cannot_answer",
	} {
		if code, body := ask(path); !strings.Contains(body, want) {
			t.Errorf("%s: %d %.300s", path, code, body)
		}
	}
}
