//go:build unix

package main

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/internal/track"
)

// testDatabase returns an empty database of a server that ends with the test.
func testDatabase(t *testing.T) (srv *pgtest.Server, db string) {
	t.Helper()
	srv, err := pgtest.New()
	if err != nil {
		if errors.Is(err, pgtest.ErrNotInstalled) && os.Getenv("CI") == "" {
			t.Skip(err)
		}
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = srv.Close() })
	return srv, srv.Database(t)
}

// sharedFiles returns the captures beside the repository, ordinary and hostile ones.
func sharedFiles(t *testing.T) []string {
	t.Helper()
	var list []string
	for _, pattern := range []string{"captures/*.*", "hostile/*.pcap*"} {
		files, err := filepath.Glob("../../../shared/" + pattern)
		if err != nil {
			t.Fatal(err)
		}
		list = append(list, files...)
	}
	// Those without streams, but large when unpacked, tell nothing.
	list = slices.DeleteFunc(list, func(f string) bool {
		return slices.Contains([]string{".md", ".tsv"}, filepath.Ext(f)) || strings.Contains(f, "bomb") || strings.Contains(f, "synflood")
	})
	if list == nil {
		t.Skip("no captures beside the repository: ../shared/captures")
	}
	return list
}

// streamName is a stream as it is named.
type streamName struct {
	udp    bool
	stream int64
}

// said puts streams together one beside the other.
type said map[streamName]*spoken

type spoken struct {
	following
	text bytes.Buffer
	w    *bufio.Writer
}

func (s said) add(c *track.Part) {
	n := streamName{c.Proto == packet.ProtoUDP, int64(c.Stream)}
	if s[n] == nil {
		p := &spoken{following: following{o: &followOptions{stream: n.stream, udp: n.udp, as: "json"}}}
		p.w = bufio.NewWriter(&p.text)
		p.out = &jsonDialogue{w: p.w}
		s[n] = p
	}
	s[n].add(c)
}

// result returns what was printed, and what is missing.
func (p *spoken) result() string {
	p.end()
	_ = p.w.Flush()
	return p.text.String() + fmt.Sprintf("%+v %v", p.streams.Counters(), p.err)
}

// fileStreams returns the streams of a capture file.
func fileStreams(t *testing.T, file string) said {
	t.Helper()
	ins, err := openInputs([]string{file}, false)
	if err != nil {
		return nil // no capture at all
	}
	defer closeInputs(ins)
	list := said{}
	var payloads track.Payloads
	table := flow.NewTable(flow.Options{})
	_ = track.New().Run(t.Context(), ins[0].chunks, followerFunc(func(_ context.Context, b *track.Batch) error {
		notes := make([]flow.Note, len(b.Rows))
		table.Apply(b.Rows, b.Chunk.Bytes, notes)
		for i := range b.Rows {
			payloads.Conversations(b, i, &notes[i], list.add)
		}
		return nil
	}))
	return list
}

// databaseStreams returns the same streams as a capture in the database has them.
func databaseStreams(t *testing.T, dsn, capture string, list said) said {
	t.Helper()
	cfg, err := databaseConfig(dsn)
	if err != nil {
		t.Fatal(err)
	}
	r, err := postgres.OpenReader(t.Context(), cfg, capture, postgres.ReaderOptions{Stored: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	got := said{}
	for n := range list {
		c := track.Part{Proto: (&followOptions{udp: n.udp}).proto(), Stream: uint32(n.stream)}
		count, err := r.Stream(t.Context(), c.Proto, c.Stream, func(p *packet.Summary, fromClient bool, payload []byte) error {
			c.Summary, c.FromClient, c.Payload = p, fromClient, payload
			got.add(&c)
			return nil
		})
		if err != nil || count.Others != 0 || count.Stored != count.Seen {
			t.Errorf("stream %+v: %+v, %v", n, count, err)
		}
	}
	return got
}

// TestFollowDatabase stores every capture with its payload: each stream comes out of the
// database as it comes out of the file.
func TestFollowDatabase(t *testing.T) {
	srv, db := testDatabase(t)
	dsn := srv.DSN(db, db)
	tcp, udp := 0, 0
	for _, file := range sharedFiles(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := fileStreams(t, file)
			_, talk, code := command("read", "--no-sandbox", "--db="+dsn, "--db-payload", file)
			if code != exitOK && code != exitFile {
				t.Fatalf("read --db-payload: exit code %d: %s", code, talk)
			}
			if want == nil {
				return // no capture at all
			}
			capture, err := captureID(file)
			if err != nil {
				t.Fatal(err)
			}
			got := databaseStreams(t, dsn, capture, want)
			for n, w := range want {
				if n.udp {
					udp++
				} else {
					tcp++
				}
				if g := got[n]; g == nil || g.result() != w.result() {
					t.Fatalf("stream %+v differs", n)
				}
			}
			askTexts(t, dsn, capture, file)
			for n := range want {
				askStream(t, dsn, capture, file, n, forms[(tcp+udp)%len(forms)])
				break
			}
		})
	}
	if got := srv.Run(t, db, "SELECT count(DISTINCT (capture, proto, stream)) FROM tarrafa_payloads"); got != fmt.Sprint(tcp+udp) {
		t.Errorf("the database has %s streams, the files %d", got, tcp+udp)
	}
	// The numbers are those that flows --db prints, and so are client and server.
	if got := srv.Run(t, db, "SELECT count(*) FROM flows f WHERE stream IS NOT NULL AND NOT EXISTS (SELECT FROM tarrafa_payloads p WHERE p.capture = f.capture "+
		"AND p.proto = f.proto AND p.stream = f.stream AND p.number = f.first_packet AND CASE WHEN from_client THEN (src, src_port) ELSE (dst, dst_port) END = (f.client, f.client_port))"); got != "0" {
		t.Errorf("%s flows have no stream of their number", got)
	}
	checkTexts(t, srv, db)
	if tcp < 531 || udp < 100 {
		t.Errorf("%d TCP connections and %d UDP conversations: the captures are too few for this test", tcp, udp)
	}
}

// askTexts asks the database for the texts that the analysis made of what was sent.
func askTexts(t *testing.T, dsn, capture, file string) {
	t.Helper()
	for _, question := range [][]string{{"flows"}, {"findings", "--json"}} {
		args := append(question, "--no-sandbox")
		want, _, _ := command(append(args, file)...)
		got, talk, code := command(append(args, "--db="+dsn, "--capture", capture)...)
		if code != exitOK || sortedLines(got) != sortedLines(want) {
			t.Errorf("%v: exit code %d: %s\n%.1000s\nwant\n%.1000s", question, code, talk, got, want)
		}
	}
}

// checkTexts looks in all that is stored for bytes that could act on a terminal, break a
// line or turn text around. Without them it must hold what was made of such bytes.
func checkTexts(t *testing.T, srv *pgtest.Server, db string) {
	t.Helper()
	const bad = `'[\u0001-\u001f\u007f-\u009f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff]'`
	for table := range strings.FieldsSeq(srv.Run(t, db, "SELECT relname FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace")) {
		if got := srv.Run(t, db, "SELECT count(*), min(r::text) FROM "+table+" AS r WHERE r::text ~ "+bad); !strings.HasPrefix(got, "0|") {
			t.Errorf("the table %s holds raw bytes: %q", table, got)
		}
	}
	if got := srv.Run(t, db, `SELECT count(*) > 0 FROM flows WHERE concat(name, host) ~ '\\(x|u)'`); got != "t" {
		t.Error("no flow's name had such bytes: the captures are too few for this test")
	}
}

// TestNamesAsSent: a name that was stored is printed as one that comes from the packets.
func TestNamesAsSent(t *testing.T) {
	for _, name := range []string{
		"", "plain.example", `back\slash\x41`, "\x00\x1b[31m\n\r\t\x7f", "\x80\xff\xc3(", "\u0085\u009b", "\u202e\u2066", "é 日本 \U0001f41f", "\U000e0001\uffff", `"quotes'`,
	} {
		if got := asSent(string(app.Printable(nil, []byte(name)))); got != name {
			t.Errorf("%q came back as %q", name, got)
		}
	}
	if other := `not ours: \q`; asSent(other) != other {
		t.Errorf("%q came back as %q", other, asSent(other))
	}
}

// forms are those in which a stream is printed.
var forms = []string{"ascii", "hex", "raw", "json"}

// askStream follows a stream with the command.
func askStream(t *testing.T, dsn, capture, file string, n streamName, as string) {
	t.Helper()
	args := []string{"follow", "--no-sandbox", "--as", as, "--stream", fmt.Sprint(n.stream)}
	if n.udp {
		args = append(args, "--udp")
	}
	want, missing, whole := command(append(args, file)...)
	got, talk, code := command(append(args, "--db="+dsn, "--capture", capture)...)
	// Packets without IP header are no part of it.
	talk = regexp.MustCompile(`(?m)^tarrafa: capture .* have no row .*\n`).ReplaceAllString(talk, "")
	if code != exitOK || got != want || whole == exitOK && talk != missing {
		t.Errorf("%v: exit code %d, want %d: %s\n%.300s\nwant %s\n%.300s", args, code, whole, talk, got, missing, want)
	}
}

// TestFollowDatabaseWithout: a capture that was stored without payload is not followed, the
// answer says where it can be and how the payload gets there, and that is true.
func TestFollowDatabaseWithout(t *testing.T) {
	srv, db := testDatabase(t)
	dsn := srv.DSN(db, db)
	file := samplesFile(t)
	follow := func(more ...string) (string, string, int) {
		return command(append([]string{"follow", "--no-sandbox", "--stream", "0", "--db=" + dsn}, more...)...)
	}
	if _, talk, code := command("read", "--no-sandbox", "--db="+dsn, file); code != exitOK {
		t.Fatalf("read --db: exit code %d: %s", code, talk)
	}
	id, err := captureID(file)
	if err != nil {
		t.Fatal(err)
	}
	const lacks = ": what was said is not in the database, only a row for each packet\n  "
	const store = "; to have it in the database: tarrafa read --db --db-payload "
	if _, talk, code := follow(); code != exitDatabase || !strings.Contains(talk, lacks+"follow it in the folder or file of capture "+id+store+"FILE") {
		t.Errorf("without payload: exit code %d: %s", code, talk)
	}
	// Where the capture's folder is on this machine, it is named.
	data := t.TempDir()
	t.Setenv("XDG_DATA_HOME", data)
	folder := filepath.Join(data, "tarrafa", id)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		t.Fatal(err)
	}
	if _, talk, _ := follow("--udp"); !strings.Contains(talk, lacks+"run: tarrafa follow --stream 0 --udp "+folder+store+folder) {
		t.Errorf("the folder %s is not named: %s", folder, talk)
	}
	live := filepath.Join(filepath.Dir(folder), "20261121T120000Z-eth0")
	if err := os.Mkdir(live, 0o700); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]string{"20261121T120000Z-eth0-0123abcd": live, "20261121T120000Z-eth1-0123abcd": "", "..": "", "../" + id: "", "": "", ".": ""} {
		if got := captureFolder(filepath.Dir(folder), id); got != want {
			t.Errorf("the folder of capture %q: %s", id, got)
		}
	}
	for _, c := range []struct {
		args []string
		say  string
	}{
		{[]string{"read", "--db-payload", file}, "add --db"},
		{[]string{"read", "--db=" + dsn, "--db-payload", "-Y", "tcp", file}, "leave -f and -Y out"},
		{[]string{"capture", "-i", "lo", "--db-payload"}, "add --db"},
	} {
		if _, talk, code := command(append(c.args, "--no-sandbox")...); code != exitOptions || !strings.Contains(talk, c.say) {
			t.Errorf("%v: exit code %d: %s", c.args, code, talk)
		}
	}

	if _, talk, code := command("read", "--no-sandbox", "--db="+dsn, "--db-payload", file); code != exitOK {
		t.Fatalf("read --db-payload: exit code %d: %s", code, talk)
	}
	want, _, _ := command("follow", "--no-sandbox", "--stream", "0", file)
	if got, talk, code := follow(); code != exitOK || got == "" || got != want {
		t.Errorf("with payload: exit code %d: %s%s\nwant\n%s", code, talk, got, want)
	}
	if _, talk, code := command("follow", "--no-sandbox", "--stream", "9999", "--db="+dsn, "--capture", id); code != exitOptions ||
		!strings.Contains(talk, "--db has ") || !strings.Contains(talk, "tarrafa flows --db --capture "+id) {
		t.Errorf("no such stream: exit code %d: %s", code, talk)
	}
	srv.Run(t, db, "UPDATE tarrafa_cursors SET payloads = 3")
	if got, talk, code := follow(); code != exitOK || got != want || !strings.Contains(talk, "the payload of packets 3 to ") {
		t.Errorf("with a part of the payload: exit code %d: %s%s", code, talk, got)
	}
}
