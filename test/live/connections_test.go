package live_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// A live capture writes flows and findings beside the segments, and they say what reading
// the segments again says.
func TestConnectionsAreWrittenBesideSegments(t *testing.T) {
	lab.Needs(t, "python3")
	ns := lab.NewNamespace(t)
	dir := t.TempDir()
	r := start(t, ns, "capture", "-i", "lo", "--data-dir", dir, "--view", "none", "--flow-memory", "4MiB", "tcp")
	r.Capturing()
	ns.Sh(t, `ip link set lo up; python3 - <<'EOF'
import socket
for port in range(2000, 2100):
    s = socket.socket()
    try:
        s.connect(("127.0.0.1", port))
    except OSError:
        pass
    s.close()
EOF`)
	if code := r.End(); code != 0 {
		t.Fatalf("exit code %d: %s", code, r.Stderr())
	}
	folder := r.Kept()
	lab.Balanced(t, lab.ReadMeta(t, folder).Ledger)
	for _, name := range []string{"000001.parquet", "000001.flows.parquet"} {
		b, err := os.ReadFile(filepath.Join(folder, name))
		if err != nil || !bytes.HasPrefix(b, []byte("PAR1")) || !bytes.HasSuffix(b, []byte("PAR1")) {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
	live := kinds(t, file(t, folder, "findings.jsonl"))
	again := kinds(t, printed(t, "findings", "--json", folder))
	if !live["port_scan"] || fmt.Sprint(live) != fmt.Sprint(again) {
		t.Errorf("live %v, read again %v", live, again)
	}
	var flows int
	dec := json.NewDecoder(bytes.NewReader(printed(t, "flows", "--json", folder)))
	for dec.More() {
		var f struct {
			ConnState string `json:"conn_state"`
		}
		must(t, dec.Decode(&f))
		if f.ConnState != "REJ" {
			t.Errorf("a flow in state %s", f.ConnState)
		}
		flows++
	}
	if flows != 100 {
		t.Errorf("%d flows", flows)
	}
	againTheSame(t, folder)
}

// againTheSame makes everything again that the capture made beside its segment, and
// compares.
func againTheSame(t *testing.T, folder string) {
	t.Helper()
	names := []string{"000001.parquet", "000001.flows.parquet", "000001.seconds.parquet", "000001.addresses.parquet", "findings.jsonl"}
	before := map[string][]byte{}
	for _, name := range names {
		before[name] = file(t, folder, name)
		must(t, os.Remove(filepath.Join(folder, name)))
	}
	printed(t, "reindex", "--flow-memory", "4MiB", folder)
	for _, name := range names {
		b := file(t, folder, name)
		if name == "findings.jsonl" {
			if now, then := kinds(t, b), kinds(t, before[name]); fmt.Sprint(now) != fmt.Sprint(then) {
				t.Errorf("findings made again %v, were %v", now, then)
			}
		} else if !bytes.Equal(b, before[name]) {
			t.Errorf("%s made again is not what the capture made: %d bytes, were %d", name, len(b), len(before[name]))
		}
	}
}

func kinds(t *testing.T, lines []byte) map[string]bool {
	t.Helper()
	set := map[string]bool{}
	dec := json.NewDecoder(bytes.NewReader(lines))
	for dec.More() {
		var f struct{ Kind, Sentence string }
		must(t, dec.Decode(&f))
		if f.Sentence == "" {
			t.Errorf("%s says nothing", f.Kind)
		}
		set[f.Kind] = true
	}
	return set
}

func file(t *testing.T, folder, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join(folder, name))
	must(t, err)
	return b
}

// printed is what the program prints.
func printed(t *testing.T, args ...string) []byte {
	t.Helper()
	b, err := exec.Command(binary, args...).Output()
	must(t, err)
	return b
}
