//go:build amd64

package trust_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/coder/websocket"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// viewer is the page of `tarrafa view`.
type viewer struct {
	*lab.Run
	address string
}

const bearer = "of the test"

var pageAddress = regexp.MustCompile(`http://([0-9.]+:[0-9]+)`)

func view(t *testing.T, args ...string) *viewer {
	t.Helper()
	cmd := exec.Command(program, append([]string{"view", "--listen", "127.0.0.1:0", "--sharkd", "off"}, args...)...)
	cmd.Env = append(os.Environ(), "TARRAFA_TOKEN="+bearer, "XDG_DATA_HOME="+t.TempDir())
	v := &viewer{Run: lab.Start(t, cmd)}
	v.Until("the link", func() bool { return pageAddress.MatchString(v.Stderr()) })
	v.address = pageAddress.FindStringSubmatch(v.Stderr())[1]
	return v
}

// get asks the page, and waits for a server that does not answer yet.
func (v *viewer) get(t *testing.T, path string) (status int, body string) {
	t.Helper()
	client := &http.Client{Timeout: hang, Transport: &http.Transport{DisableKeepAlives: true}}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+v.address+path, http.NoBody)
	must(t, err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := client.Do(req)
	must(t, err)
	defer func() { _ = resp.Body.Close() }()
	b, err := io.ReadAll(resp.Body)
	must(t, err)
	return resp.StatusCode, string(b)
}

// The page over files, folders and a database is confined on all threads when it answers,
// and answers.
func TestViewIsConfined(t *testing.T) {
	lab.NeedsRoot(t)
	dir := lab.OpenDir(t)
	file, data := filepath.Join(dir, "made.pcap"), filepath.Join(dir, "data")
	madeCapture(t, file, 3000)
	if out, err := exec.Command(program, "import", "--data-dir", data, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	server := pgtest.Start(t)
	name := server.Database(t)
	dsn := server.DSN(name, name)
	if out, err := exec.Command(program, "read", "--db="+dsn, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, tc := range []struct{ name, over, capabilities string }{
		{"file", file, foreignFiles}, {"folder", data, foreignFiles}, {"database", "--db=" + dsn, none},
	} {
		t.Run(tc.name, func(t *testing.T) {
			v := view(t, tc.over)
			status, text := v.get(t, "/api/v1/captures")
			var list []struct{ ID string }
			if err := json.Unmarshal([]byte(text), &list); err != nil || status != http.StatusOK || len(list) != 1 {
				t.Fatalf("%d: %v: %s", status, err, text)
			}
			if status, totals := v.get(t, "/api/v1/captures/"+list[0].ID+"/totals"); status != http.StatusOK || !strings.Contains(totals, "3000") {
				t.Errorf("%d: %s", status, totals)
			}
			for _, s := range statuses(t, v.PID()) {
				for k, want := range map[string]string{
					"CapInh": none, "CapPrm": tc.capabilities, "CapEff": tc.capabilities, "CapBnd": none, "CapAmb": none, "NoNewPrivs": "1", "Seccomp": "2",
				} {
					if s[k] != want {
						t.Errorf("thread %s: %s is %q, want %q", s["Pid"], k, s[k], want)
					}
				}
			}
			if code := v.End(); code != 0 {
				t.Errorf("exit code %d\n%s", code, v.Stderr())
			}
		})
	}
}

// Clients that never finish their requests, and requests that are too large, take nothing
// from others.
func TestPageUnderSlowAndGreedyClients(t *testing.T) {
	file := filepath.Join(t.TempDir(), "made.pcap")
	madeCapture(t, file, 10)
	v := view(t, file)
	var slow []net.Conn
	for range 300 {
		c, err := net.Dial("tcp", v.address)
		must(t, err)
		defer func() { _ = c.Close() }()
		_, err = io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+v.address+"\r\nX-Slow: ")
		must(t, err)
		slow = append(slow, c)
	}
	begin := time.Now()
	if status, list := v.get(t, "/api/v1/captures"); status != http.StatusOK {
		t.Errorf("%d: %s", status, list)
	}
	t.Logf("answered in %s beside %d that never ask", time.Since(begin).Round(time.Millisecond), len(slow))
	// A header, a name of a filter and a body that are too large.
	c, err := net.Dial("tcp", v.address)
	must(t, err)
	defer func() { _ = c.Close() }()
	go func() {
		_, _ = io.WriteString(c, "GET / HTTP/1.1\r\nHost: "+v.address+"\r\nX-Large: "+strings.Repeat("x", 1<<20))
	}()
	if line, err := bufio.NewReader(c).ReadString('\n'); err == nil && !strings.Contains(line, " 431 ") {
		t.Errorf("a header of 1 MiB: %q", line)
	}
	for _, filter := range []string{strings.Repeat("(", 20_000), strings.Repeat("!", 20_000), "http.host%20matches%20%22" + strings.Repeat("(a*)*", 200) + "%22"} {
		begin := time.Now()
		status, answer := v.get(t, "/api/v1/filter?text="+filter)
		if status >= 500 || time.Since(begin) > 5*time.Second {
			t.Errorf("%.20s…: %d after %s: %.200s", filter, status, time.Since(begin), answer)
		}
	}
	// Names that lead here by somebody else's DNS.
	for _, host := range []string{"evil.example", "127.0.0.1.evil.example:80", "localhost.evil.example", ""} {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+v.address+"/api/v1/captures", http.NoBody)
		must(t, err)
		req.Host = host
		req.Header.Set("Authorization", "Bearer "+bearer)
		if host == "" {
			req.Host = "0.0.0.0:80"
		}
		resp, err := http.DefaultClient.Do(req)
		must(t, err)
		_ = resp.Body.Close()
		if resp.StatusCode < 400 {
			t.Errorf("Host %q: %d", req.Host, resp.StatusCode)
		}
	}
	// A client that asks for another view all the time: the newest counts.
	conn, _, err := websocket.Dial(t.Context(), "ws://"+v.address+"/api/v1/ws", &websocket.DialOptions{
		HTTPHeader: http.Header{"Authorization": {"Bearer " + bearer}, "Origin": {"http://" + v.address}},
	})
	must(t, err)
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	go func() {
		for {
			if _, _, err := conn.Read(t.Context()); err != nil {
				return
			}
		}
	}()
	for i := range 20_000 {
		must(t, conn.Write(t.Context(), websocket.MessageText, fmt.Appendf(nil, `{"type":"view","view":%d,"capture":"file-1","filter":"frame.len > %d"}`, i+1, i)))
	}
	begin = time.Now()
	if status, list := v.get(t, "/api/v1/captures"); status != http.StatusOK || time.Since(begin) > 5*time.Second {
		t.Errorf("%d after %s: %s", status, time.Since(begin), list)
	}
	if status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", v.PID())); err != nil || residentOf(t, string(status)) > 256<<10 {
		t.Errorf("resident %d kB after 20 000 views: %v", residentOf(t, string(status)), err)
	}
	// Who does not finish is sent away.
	must(t, slow[0].SetReadDeadline(time.Now().Add(hang)))
	if _, err := io.Copy(io.Discard, slow[0]); err != nil {
		t.Errorf("a client that never finishes its request is kept: %v", err)
	}
}

// residentOf reads the resident memory in /proc/PID/status, in kB.
func residentOf(t *testing.T, status string) (kB int) {
	t.Helper()
	_, line, _ := strings.Cut(status, "VmRSS:")
	if _, err := fmt.Sscan(line, &kB); err != nil {
		t.Fatal(err)
	}
	return kB
}

// Two hundred pages, half of which read nothing, are open beside a capture: those above the
// cap are refused and counted, and not one packet is missed. The page does not know the
// database's password.
func TestTwoHundredPagesBesideACapture(t *testing.T) {
	ns := lab.NewNamespace(t)
	const secret, pages, most, sent = "secret-word", 200, 32, 20_000
	cmd := ns.Command(program, "capture", "-i", "vb", "--data-dir", filepath.Join(lab.OpenDir(t), "data"), "--view", "none", "--listen", "127.0.0.1:0",
		"--sharkd", "off", "--db", "postgres://packetuser:"+secret+"@127.0.0.1:1/packetdb", "udp port 5353")
	cmd.Env = append(os.Environ(), "TARRAFA_TOKEN="+bearer)
	r := lab.Start(t, cmd)
	r.Capturing()
	r.Until("the link", func() bool { return pageAddress.MatchString(r.Stderr()) })
	address := pageAddress.FindStringSubmatch(r.Stderr())[1]
	client := &http.Client{Timeout: hang, Transport: &http.Transport{DialContext: func(_ context.Context, network, addr string) (c net.Conn, err error) {
		err = ns.Inside(func() error {
			c, err = net.DialTimeout(network, addr, hang)
			return err
		})
		return c, err
	}}}
	header := http.Header{"Authorization": {"Bearer " + bearer}, "Origin": {"http://" + address}}
	get := func(path string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://"+address+path, http.NoBody)
		must(t, err)
		req.Header = header
		resp, err := client.Do(req)
		must(t, err)
		defer func() { _ = resp.Body.Close() }()
		b, err := io.ReadAll(resp.Body)
		must(t, err)
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d: %.200s", path, resp.StatusCode, b)
		}
		return string(b)
	}
	open, refused := 0, 0
	for i := range pages {
		conn, resp, err := websocket.Dial(t.Context(), "ws://"+address+"/api/v1/ws", &websocket.DialOptions{HTTPClient: &http.Client{Transport: client.Transport}, HTTPHeader: header})
		if err != nil {
			if resp == nil || resp.StatusCode != http.StatusServiceUnavailable {
				t.Fatalf("page %d: %v", i, err)
			}
			refused++
			continue
		}
		defer func() { _ = conn.CloseNow() }()
		open++
		conn.SetReadLimit(1 << 20)
		for _, m := range []string{
			`{"type":"view","view":1,"capture":"live"}`, `{"type":"window","view":1,"request":1,"count":50,"follow":true}`, `{"type":"statistics","on":true}`,
		} {
			must(t, conn.Write(t.Context(), websocket.MessageText, []byte(m)))
		}
		if i%2 == 0 {
			go func() {
				for {
					if _, _, err := conn.Read(t.Context()); err != nil {
						return
					}
				}
			}()
		}
	}
	if open != most || refused != pages-most {
		t.Errorf("%d pages are open and %d refused, want %d and %d", open, refused, most, pages-most)
	}
	ns.MustSend(t, sent, 200, 2*time.Millisecond)
	r.Says("127.0.0.1:1") // the database, which is not there
	live, metrics := get("/api/v1/live"), get("/metrics")
	if want := fmt.Sprintf(`tarrafa_page_refused_requests_total{reason="clients"} %d`, refused); !strings.Contains(metrics, want) {
		t.Errorf("/metrics does not say %s", want)
	}
	for what, text := range map[string]string{"the page": live + get("/api/v1/session") + get("/api/v1/captures"), "/metrics": metrics, "the log": r.Stderr()} {
		if strings.Contains(text, secret) {
			t.Errorf("%s shows the password", what)
		}
	}
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, r.Stderr())
	}
	m := lab.ReadMeta(t, r.Kept())
	lab.Balanced(t, m.Ledger)
	lab.FaultRow(t, "200 pages, half of which read nothing", sent, m.Ledger.Written, m.Ledger.Dropped+m.Ledger.Lost, 0)
	if m.Ledger.Written != sent || m.Ledger.Dropped != 0 {
		t.Errorf("ledger %+v", m.Ledger)
	}
}
