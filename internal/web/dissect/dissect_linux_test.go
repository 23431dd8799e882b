package dissect

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/sandbox"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// helperVariable makes the test's binary the helper: confined when it is "confined" and
// was built without cgo, as the product is.
const helperVariable = "TARRAFA_TEST_HELPER"

func TestMain(m *testing.M) {
	switch os.Getenv(helperVariable) {
	case "":
		os.Exit(m.Run())
	case "confined":
		rules := sandbox.Rules{Lenient: true, Access: func() (sandbox.Access, error) { return sandbox.Access{Programs: Programs}, nil }}
		if os.Geteuid() == 0 {
			rules.User = &sandbox.Identity{UID: 65534, GID: 65534}
		}
		if _, err := sandbox.Enter(rules); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	if err := Serve(os.Stdin, os.Stdout, os.Args[1]); err != nil {
		os.Exit(1)
	}
	os.Exit(0)
}

func sharkd(t *testing.T) string {
	t.Helper()
	name, err := exec.LookPath("sharkd")
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("sharkd is not installed (wireshark-common)")
		}
		t.Skip("sharkd is not installed (wireshark-common)")
	}
	return name
}

func startHelper(t *testing.T, how, program string) *Client {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(self, program)
	cmd.Env = []string{helperVariable + "=" + how}
	cmd.Stderr = os.Stderr
	c, err := Start(cmd)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	return c
}

// file makes a pcap file of frames.
func file(t *testing.T, frames ...[]byte) []byte {
	t.Helper()
	var buf bytes.Buffer
	w := segment.NewFileWriter(&buf, segment.FileOptions{Kind: segment.Pcap})
	c := &segment.Chunk{Interfaces: []segment.Interface{{Link: packet.LinkEthernet}}}
	for i, f := range frames {
		if err := w.WritePacket(c, &segment.Record{Time: 1_700_000_000e9 + int64(i), WireLen: uint32(len(f)), Data: f}, segment.PacketOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return buf.Bytes()
}

// hello is a UDP datagram.
var hello = []byte{
	2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 0x08, 0x00,
	0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 7, 10, 0, 0, 1,
	0x13, 0x88, 0x13, 0x89, 0, 13, 0, 0, 'h', 'e', 'l', 'l', 'o',
}

func find(list []Node, f func(*Node) bool) *Node {
	for i := range list {
		if f(&list[i]) {
			return &list[i]
		}
		if n := find(list[i].Nodes, f); n != nil {
			return n
		}
	}
	return nil
}

// TestConfinedSharkd: the real sharkd explains packets from within the sandbox.
func TestConfinedSharkd(t *testing.T) {
	c := startHelper(t, "confined", sharkd(t))
	for round := range 2 {
		r, err := c.Dissect(t.Context(), file(t, hello, hello[:len(hello)-2], hello), 3)
		if err != nil {
			t.Fatal(err)
		}
		if !strings.HasPrefix(r.Program, "sharkd ") || r.Protocol != "UDP" || !strings.Contains(r.Info, "5000") || r.More {
			t.Errorf("round %d: %s, %s, %s", round, r.Program, r.Protocol, r.Info)
		}
		port := find(r.Tree, func(n *Node) bool { return n.Field == "udp.srcport == 5000" })
		if port == nil || port.Offset != 34 || port.Length != 2 {
			t.Errorf("round %d: the source port: %+v", round, port)
		}
	}
	// What it does not understand does not end it.
	if _, err := c.Dissect(t.Context(), []byte("no capture at all"), 1); err == nil {
		t.Error("nonsense was explained")
	}
	if _, err := c.Dissect(t.Context(), file(t, hello), 2); err == nil {
		t.Error("a packet that is not there was explained")
	}
	if _, err := c.Dissect(t.Context(), make([]byte, MaxFile+1), 1); err == nil {
		t.Error("too long a file was taken")
	}
	if r, err := c.Dissect(t.Context(), file(t, hello), 1); err != nil || r.Protocol != "UDP" {
		t.Errorf("afterwards: %v", err)
	}
}

// script makes a program that behaves badly.
func script(t *testing.T, text string) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "sharkd")
	if err := os.WriteFile(name, []byte("#!/bin/sh\n"+text), 0o700); err != nil {
		t.Fatal(err)
	}
	return name
}

// serveOne asks a server of this process once, with short limits.
func serveOne(t *testing.T, program string, times int) []answer {
	t.Helper()
	s := &Server{program: program, args: []string{"-"}, start: 400 * time.Millisecond, reply: 400 * time.Millisecond, idle: time.Minute}
	var in, out bytes.Buffer
	for range times {
		in.Write([]byte{4, 0, 0, 0, 1, 0, 0, 0, 'p', 'c', 'a', 'p'})
	}
	block := &blocking{Reader: &in, end: make(chan struct{})}
	done := make(chan error, 1)
	w := &counting{Writer: &out, left: times, end: block.end}
	go func() { done <- s.serve(block, w) }()
	select {
	case err := <-done:
		if err != nil {
			t.Fatal(err)
		}
	case <-time.After(20 * time.Second):
		t.Fatal("the server hangs")
	}
	var list []answer
	for range times {
		text, err := readFrame(&out)
		if err != nil {
			t.Fatal(err)
		}
		var a answer
		if err := json.Unmarshal(text, &a); err != nil {
			t.Fatal(err)
		}
		list = append(list, a)
	}
	return list
}

// blocking ends only when it is told to.
type blocking struct {
	io.Reader
	end chan struct{}
}

func (b *blocking) Read(p []byte) (int, error) {
	n, err := b.Reader.Read(p)
	if errors.Is(err, io.EOF) {
		<-b.end
	}
	return n, err
}

type counting struct {
	io.Writer
	left int
	end  chan struct{}
}

func (c *counting) Write(p []byte) (int, error) {
	n, err := c.Writer.Write(p)
	if c.left--; c.left == 0 {
		close(c.end)
	}
	return n, err
}

func TestFailuresOfSharkd(t *testing.T) {
	const status = `echo '{"jsonrpc":"2.0","id":1,"result":{"status":"OK"}}'; read line; `
	for name, c := range map[string]struct{ script, want string }{
		"hangs":               {"sleep 600", "too long"},
		"hangs with a child":  {"sleep 600 & sleep 600", "too long"},
		"ends":                {"exit 0", "crashed"},
		"crashes":             {"read line; kill -SEGV $$", "crashed"},
		"garbage":             {"read line; echo garbage; sleep 9", "nonsense"},
		"another answer":      {`read line; echo '{"jsonrpc":"2.0","id":7,"result":{}}'; sleep 9`, "nonsense"},
		"refuses":             {`read line; printf '{"jsonrpc":"2.0","id":1,"error":{"message":"no \\u001b[31m"}}\n'; sleep 9`, "refused: no \ufffd[31m"},
		"endless line":        {`read line; while true; do printf '%01000d' 0; done`, "t"},
		"no such file":        {`read line; echo '{"jsonrpc":"2.0","id":1,"result":{"err":2}}'; sleep 9`, "read the packets"},
		"garbage as a tree":   {"read line; " + status + `echo '{"jsonrpc":"2.0","id":2,"result":{"tree":7}}'; sleep 9`, "nonsense"},
		"no tree":             {"read line; " + status + `echo '{"jsonrpc":"2.0","id":2,"result":{"err":0}}'; sleep 9`, "no such packet"},
		"memory is bounded":   {`read line; echo "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"message\":\"$(ulimit -v) $(ulimit -t) $(ulimit -f) $(ulimit -c)\"}}"; sleep 9`, "1048576 60 0 0"},
		"no environment":      {`read line; echo "{\"jsonrpc\":\"2.0\",\"id\":1,\"error\":{\"message\":\"home $HOME secret $TARRAFA_TOKEN.\"}}"; sleep 9`, "home /nonexistent secret ."},
		"cannot be started":   {"", "cannot be started"},
		"hangs in the middle": {"read line; " + status + "sleep 600", "too long"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Setenv("TARRAFA_TOKEN", "secret")
			program := filepath.Join(t.TempDir(), "missing")
			if c.script != "" {
				program = script(t, c.script)
			}
			// It is started anew each time.
			for _, a := range serveOne(t, program, 2) {
				if a.Result != nil || !strings.Contains(a.Error, c.want) {
					t.Errorf("%+v, want %q", a, c.want)
				}
			}
		})
	}
}

// TestFailuresOfHelper: the program survives whatever its helper does.
func TestFailuresOfHelper(t *testing.T) {
	for name, text := range map[string]string{
		"ends": "exit 0", "garbage": `printf '\004\000\000\000oops'; sleep 2`, "too long": `printf '\377\377\377\377'; sleep 2`,
	} {
		t.Run(name, func(t *testing.T) {
			c, err := Start(exec.Command(script(t, text)))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = c.Close() }()
			for range 2 {
				_, err = c.Dissect(t.Context(), file(t, hello), 1)
				if _, ok := errors.AsType[*Error](err); !ok {
					t.Errorf("%v", err)
				}
			}
		})
	}
	slow, err := Start(exec.Command(script(t, "sleep 5")))
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := slow.Dissect(ctx, file(t, hello), 1); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("who does not wait: %v", err)
	}
}

// TestIdleSharkdEnds: no sharkd is left when nobody asks.
func TestIdleSharkdEnds(t *testing.T) {
	program := script(t, "sleep 600")
	s := &Server{program: program, args: []string{"-"}, start: 100 * time.Millisecond, reply: 100 * time.Millisecond, idle: 50 * time.Millisecond}
	s.file = os.Stdin
	if err := s.launch(); err != nil {
		t.Fatal(err)
	}
	pid := s.child.cmd.Process.Pid
	r, w := io.Pipe()
	done := make(chan error, 1)
	go func() { done <- s.serve(r, io.Discard) }()
	for range 200 {
		if unix.Kill(pid, 0) != nil {
			break
		}
		time.Sleep(20 * time.Millisecond)
	}
	if unix.Kill(pid, 0) == nil {
		t.Error("it still runs")
	}
	_ = w.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestBounds(t *testing.T) {
	var deep, wide strings.Builder
	deep.WriteString(`{"tree":[`)
	for range 2000 {
		deep.WriteString(`{"l":"x","n":[`)
	}
	deep.WriteString(strings.Repeat("]}", 2000) + "]}")
	wide.WriteString(`{"tree":[{"l":"` + strings.Repeat("y", 2*maxText) + `"}`)
	wide.WriteString(strings.Repeat(`,{"l":"z"}`, 2*MaxNodes) + "]}")
	for _, text := range []string{deep.String(), wide.String()} {
		tree, more, err := readTree([]byte(text))
		if err != nil || !more || count(tree) > MaxNodes || len(tree[0].Name) > maxText {
			t.Errorf("%d nodes, more %v, %v", count(tree), more, err)
		}
	}
}

func count(list []Node) int {
	n := len(list)
	for i := range list {
		n += count(list[i].Nodes)
	}
	return n
}

// FuzzAnswer: neither sharkd's answers nor the helper's make more of themselves than is allowed.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(`{"tree":[{"l":"a\u001b","h":[0,4],"n":[{"l":"b","h":[1],"g":true}]}]}`), []byte(`[{"c":["1","0","a","b","UDP","6","info"]}]`))
	f.Add([]byte(`{"error":"x"}`), []byte(`[{"c":null}]`))
	f.Add([]byte(`{"result":{"tree":[{"name":"\u202e"}]}}`), []byte(``))
	f.Fuzz(func(t *testing.T, text, rows []byte) {
		tree, _, _ := readTree(text)
		if r, err := readAnswer(text); err == nil {
			tree = append(tree, r.Tree...)
		}
		protocol, info := readColumns(rows)
		check := append([]Node{{Name: protocol}, {Name: info}}, tree...)
		if count(check) > 2*MaxNodes+2 {
			t.Fatal("too many nodes")
		}
		if find(check, func(n *Node) bool {
			return slices.ContainsFunc([]string{n.Name, n.Field, n.Severity}, func(s string) bool {
				return !utf8.ValidString(s) || strings.ContainsFunc(s, unicode.IsControl)
			})
		}) != nil {
			t.Fatal("a text is not clean")
		}
	})
}
