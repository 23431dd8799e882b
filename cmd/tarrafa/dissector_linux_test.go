package main

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"
)

// viewer is a running `tarrafa view`, built as it is given away.
type viewer struct {
	cmd  *exec.Cmd
	base string
}

func startViewer(t *testing.T, args ...string) *viewer {
	t.Helper()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o755); err != nil {
		t.Fatal(err)
	}
	program := filepath.Join(dir, "tarrafa")
	build := exec.CommandContext(t.Context(), "go", "build", "-o", program, ".")
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	cmd := exec.Command(program, append([]string{"view", "--listen", "127.0.0.1:0"}, args...)...)
	cmd.Env = append(os.Environ(), "TARRAFA_TOKEN=of the test", "XDG_DATA_HOME="+dir)
	stderr, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	lines := bufio.NewScanner(stderr)
	link := regexp.MustCompile(`http://[0-9.:]+`)
	for lines.Scan() {
		if base := link.FindString(lines.Text()); base != "" {
			go func() { _, _ = io.Copy(io.Discard, stderr) }()
			return &viewer{cmd, base}
		}
	}
	t.Fatal("the page is not served")
	return nil
}

func (v *viewer) get(t *testing.T, path string, into any) int {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 40*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, v.base+path, http.NoBody)
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer of the test")
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	if err := json.NewDecoder(resp.Body).Decode(into); err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode
}

// children returns the processes that one has started.
func children(pid int) (list []int) {
	names, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range names {
		text, err := os.ReadFile(name)
		if err != nil {
			continue
		}
		_, after, _ := strings.Cut(string(text), ") ")
		if f := strings.Fields(after); len(f) > 1 && f[1] == strconv.Itoa(pid) {
			n, _ := strconv.Atoi(filepath.Base(filepath.Dir(name)))
			list = append(list, n)
		}
	}
	return list
}

// gone waits until a process is no more.
func gone(t *testing.T, pid int) {
	t.Helper()
	for range 250 {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		if err != nil || strings.Contains(string(text), ") Z ") {
			return
		}
		time.Sleep(20 * time.Millisecond)
	}
	t.Errorf("process %d still runs", pid)
}

// TestSharkd: the real sharkd explains packets of a file, without any power over the
// machine, and its failures are told and overcome.
func TestSharkd(t *testing.T) {
	if _, err := exec.LookPath("sharkd"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("sharkd is not installed (wireshark-common)")
		}
		t.Skip("sharkd is not installed (wireshark-common)")
	}
	v := startViewer(t, samplesFile(t))
	var tree struct {
		Program, Protocol, Error string
		Tree                     []struct{ Name string }
	}
	const path = "/api/v1/captures/file-1/packets/1/dissection"
	ask := func(when string, status int) {
		t.Helper()
		tree.Program, tree.Error = "", ""
		if st := v.get(t, path, &tree); st != status || (st == 200) != strings.HasPrefix(tree.Program, "sharkd ") {
			t.Fatalf("%s: %d %+v", when, st, tree)
		}
	}
	ask("at first", 200)
	keeper := children(v.cmd.Process.Pid)
	if len(keeper) != 1 {
		t.Fatalf("children: %v", keeper)
	}
	sharkd := func() int {
		t.Helper()
		list := children(keeper[0])
		if len(list) != 1 {
			t.Fatalf("children of the keeper: %v", list)
		}
		return list[0]
	}
	for _, pid := range []int{keeper[0], sharkd()} {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
		if err != nil {
			t.Fatal(err)
		}
		wanted := []string{"NoNewPrivs:\t1", "Seccomp:\t2", "CapEff:\t0000000000000000", "CapPrm:\t0000000000000000", "CapAmb:\t0000000000000000"}
		if os.Geteuid() == 0 {
			wanted = append(wanted, "Uid:\t65534\t65534\t65534\t65534", "Gid:\t65534\t65534\t65534\t65534", "CapBnd:\t0000000000000000")
		}
		for _, want := range wanted {
			if !strings.Contains(string(text), want) {
				t.Errorf("process %d: %s is missing", pid, want)
			}
		}
	}
	limits, err := os.ReadFile(fmt.Sprintf("/proc/%d/limits", sharkd()))
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{`Max address space +1073741824 `, `Max cpu time +60 `, `Max file size +0 `, `Max core file size +0 `} {
		if !regexp.MustCompile(want).Match(limits) {
			t.Errorf("limit %s is missing in\n%s", want, limits)
		}
	}
	if err := syscall.Kill(sharkd(), syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	ask("after a crash", 502)
	ask("the next time", 200)
	hung := sharkd()
	if err := syscall.Kill(hung, syscall.SIGSTOP); err != nil {
		t.Fatal(err)
	}
	ask("while it hangs", 502)
	gone(t, hung)
	ask("after it hung", 200)
	last := sharkd()
	if err := v.cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	gone(t, keeper[0])
	gone(t, last)
}
