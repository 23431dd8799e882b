package capture

import (
	"errors"
	"io/fs"
	"slices"
	"strings"
	"testing"
)

func TestNearest(t *testing.T) {
	names := []string{"lo", "eth0", "eth1", "wlan0", "docker0", "any"}
	for _, c := range []struct {
		name string
		want []string
	}{
		{"eht0", []string{"eth0", "eth1"}},
		{"eth9", []string{"eth0", "eth1"}},
		{"ETH0", []string{"eth0", "eth1"}},
		{"wlna0", []string{"wlan0"}},
		{"wlan", []string{"wlan0"}},
		{"doker0", []string{"docker0"}},
		{"l0", []string{"lo"}},
		{"zzzzzzzz", nil},
		{"", nil},
		{strings.Repeat("eth0", 1000), nil},
	} {
		if got := similar(c.name, names); !slices.Equal(got, c.want) {
			t.Errorf("%.20q: %v, want %v", c.name, got, c.want)
		}
	}
}

func TestDefaultInterface(t *testing.T) {
	lo := InterfaceInfo{Name: "lo", Up: true, Running: true, Loopback: true}
	off := InterfaceInfo{Name: "off"}
	idle := InterfaceInfo{Name: "idle", Up: true}
	on := InterfaceInfo{Name: "on", Up: true, Running: true}
	route := InterfaceInfo{Name: "route", Up: true, Running: true, Default: true}
	all := InterfaceInfo{Name: AnyInterface, Up: true, Running: true}
	for _, c := range []struct {
		list []InterfaceInfo
		want string
	}{
		{[]InterfaceInfo{lo, off, idle, on, route, all}, "route"},
		{[]InterfaceInfo{lo, off, idle, on, all}, "on"},
		{[]InterfaceInfo{lo, off, idle, all}, "idle"},
		{[]InterfaceInfo{lo, off, all}, "lo"},
		{[]InterfaceInfo{off, all}, ""},
	} {
		if got, ok := DefaultInterface(c.list); got.Name != c.want || ok != (c.want != "") {
			t.Errorf("%q, want %q", got.Name, c.want)
		}
	}
}

func TestErrorsSayEverything(t *testing.T) {
	for _, c := range []struct {
		err  error
		want string
	}{
		{
			&NoSuchInterfaceError{Name: "eht0\x1b", Nearest: []string{"eth0", "eth1"}, Available: []string{"lo", "eth0", "eth1"}},
			`there is no interface "eht0\x1b"; did you mean eth0 or eth1? (there are: lo, eth0, eth1)`,
		},
		{
			&PermissionError{Op: "open a packet socket", Interface: "eth0", Commands: []string{"sudo a", "b"}, Err: fs.ErrPermission},
			"capture on eth0: open a packet socket: permission denied; this mends it: sudo a   or once: b",
		},
		{
			&OpError{Op: "make the ring", Interface: "eth0", Hint: "a smaller buffer may do", Err: errors.New("no memory")},
			"capture on eth0: make the ring: no memory (a smaller buffer may do)",
		},
	} {
		if got := c.err.Error(); got != c.want {
			t.Errorf("%s\nwant %s", got, c.want)
		}
	}
	if !errors.Is(&PermissionError{Err: fs.ErrPermission}, fs.ErrPermission) || !errors.Is(&OpError{Err: fs.ErrPermission}, fs.ErrPermission) {
		t.Error("the cause is hidden")
	}
}

func TestShellQuote(t *testing.T) {
	for in, want := range map[string]string{
		"":               "''",
		"-i":             "-i",
		"tcp port 443":   "'tcp port 443'",
		"it's":           `'it'\''s'`,
		"a;reboot":       "'a;reboot'",
		"/usr/bin/x_1.2": "/usr/bin/x_1.2",
		"$HOME":          "'$HOME'",
	} {
		if got := shellQuote(in); got != want {
			t.Errorf("%q: %s, want %s", in, got, want)
		}
	}
}
