//go:build amd64

package trust_test

import (
	"bufio"
	"encoding/json"
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
	// Who does not finish is sent away.
	must(t, slow[0].SetReadDeadline(time.Now().Add(hang)))
	if _, err := io.Copy(io.Discard, slow[0]); err != nil {
		t.Errorf("a client that never finishes its request is kept: %v", err)
	}
}
