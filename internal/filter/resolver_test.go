package filter

import (
	"context"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

// etc is a folder with the system's files.
func etc(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range files {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestSystemFiles(t *testing.T) {
	s := &System{Dir: etc(t, map[string]string{
		"services":  "# comment\nhttp\t80/tcp\twww # more\nhttp 81/tcp\ndomain 53/tcp\ndomain 53/udp\ntftp 69/udp\nbad\nworse x/tcp\nhuge 99999/tcp\nsctponly 5/sctp\n",
		"protocols": "ip\t0\tIP\ntcp 6 TCP\nbad\nworse 300\n",
		"ethers":    "02:0:0:0:0:1 gate\n02:00:00:00:00 short\nnonsense\n",
		"networks":  "loopback 127.0.0.0\nlocal 10.1 alias\nbad 10.x\n",
	})}
	for _, c := range []struct {
		name     string
		tcp, udp int
		ok       bool
	}{{"http", 80, -1, true}, {"www", 80, -1, true}, {"domain", 53, 53, true}, {"tftp", -1, 69, true}, {"bad", 0, 0, false},
		{"worse", 0, 0, false}, {"huge", 0, 0, false}, {"sctponly", 0, 0, false}, {"80/tcp", 0, 0, false}} {
		tcp, udp, ok := s.Port(c.name)
		if ok != c.ok || ok && (tcp != c.tcp || udp != c.udp) {
			t.Errorf("Port(%q) = %d, %d, %v", c.name, tcp, udp, ok)
		}
	}
	for name, want := range map[string]int{"ip": 0, "IP": 0, "tcp": 6, "TCP": 6, "bad": -1, "worse": -1, "6": -1} {
		if n, ok := s.Protocol(name); ok != (want >= 0) || ok && n != want {
			t.Errorf("Protocol(%q) = %d, %v", name, n, ok)
		}
	}
	if mac, ok := s.Ether("gate"); !ok || mac != [6]byte{2, 0, 0, 0, 0, 1} {
		t.Errorf("Ether = %v, %v", mac, ok)
	}
	if _, ok := s.Ether("short"); ok {
		t.Error("a broken line of ethers is taken")
	}
	for name, want := range map[string]uint32{"loopback": 127 << 24, "local": 10<<8 | 1, "alias": 10<<8 | 1, "bad": 0, "none": 0} {
		if n, ok := s.Network(name); n != want || ok != (want != 0) {
			t.Errorf("Network(%q) = %#x, %v", name, n, ok)
		}
	}
}

func TestSystemWithoutFiles(t *testing.T) {
	s := &System{Dir: etc(t, nil)}
	if tcp, _, ok := s.Port("http"); !ok || tcp != 80 {
		t.Error("http is unknown without a services file")
	}
	if n, ok := s.Protocol("ospf"); !ok || n != 89 {
		t.Error("ospf is unknown without a protocols file")
	}
	if _, ok := s.Ether("x"); ok {
		t.Error("a MAC address out of nowhere")
	}
}

// A name service that does not answer ends a compilation after the time-out, with an error that says so.
func TestHostTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &System{Lookup: func(ctx context.Context, _ string) ([]netip.Addr, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		start := time.Now()
		_, err := Compile("host slow.example", Target{LinkType: linkEther, Resolver: s})
		if d := time.Since(start); d != hostTimeout {
			t.Errorf("took %v", d)
		}
		if err == nil || !strings.Contains(err.Error(), "no answer within 5s") {
			t.Errorf("error: %v", err)
		}
	})
}

// An explanation tries several expressions and asks for a name once.
func TestExplainAsksOnce(t *testing.T) {
	asked := 0
	s := &System{Lookup: func(context.Context, string) ([]netip.Addr, error) {
		asked++
		return []netip.Addr{netip.MustParseAddr("10.0.0.1")}, nil
	}}
	e, err := Explain("host gate.example and port 80", Target{LinkType: linkEther, Resolver: s})
	if err != nil {
		t.Fatal(err)
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	if len(e.Misses) < 3 {
		t.Errorf("misses: %+v", e.Misses)
	}
}
