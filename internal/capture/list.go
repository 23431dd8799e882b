package capture

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// InterfaceInfo describes a network interface of this machine.
type InterfaceInfo struct {
	Name        string
	Index       int // the system's number; 0 for "any"
	Description string
	Up          bool // switched on
	Running     bool // has a link
	Loopback    bool
	Wireless    bool
	Default     bool // holds the default route
	MTU         int  // bytes
	MAC         net.HardwareAddr
	Addresses   []netip.Prefix // own addresses, with the length of their network
	Link        packet.LinkType
	HasCounters bool // whether the counters below are known

	// Since the interface was made.
	RxPackets, TxPackets, RxBytes, TxBytes uint64

	native native // what only this system's source needs
}

// DefaultInterface returns the interface that a capture without a name should use: the one
// with the default route, else the first that is up and no loopback, else the first that
// is up. It returns false when there is none.
func DefaultInterface(list []InterfaceInfo) (InterfaceInfo, bool) {
	for _, fits := range []func(InterfaceInfo) bool{
		func(i InterfaceInfo) bool { return i.Default },
		func(i InterfaceInfo) bool { return i.Up && i.Running && !i.Loopback },
		func(i InterfaceInfo) bool { return i.Up && !i.Loopback },
		func(i InterfaceInfo) bool { return i.Up },
	} {
		for _, i := range list {
			if i.Name != AnyInterface && fits(i) {
				return i, true
			}
		}
	}
	return InterfaceInfo{}, false
}

// lookup finds name in list.
func lookup(list []InterfaceInfo, name string) (InterfaceInfo, error) {
	for _, i := range list {
		if i.Name == name {
			return i, nil
		}
	}
	names := make([]string, len(list))
	for k, i := range list {
		names[k] = i.Name
	}
	return InterfaceInfo{}, &NoSuchInterfaceError{Name: name, Nearest: nearest(name, names), Available: names}
}

// nearest returns those of names that name may be a slip of, at most three, nearest first.
func nearest(name string, names []string) []string {
	type guess struct {
		name string
		far  int
	}
	var guesses []guess
	for _, n := range names {
		far := distance(strings.ToLower(name), strings.ToLower(n))
		if far <= max(1, len(n)/2) && far < max(len(n), len(name)) {
			guesses = append(guesses, guess{n, far})
		}
	}
	slices.SortStableFunc(guesses, func(a, b guess) int { return a.far - b.far })
	var near []string
	for _, g := range guesses {
		if g.far > guesses[0].far+1 || len(near) == 3 {
			break
		}
		near = append(near, g.name)
	}
	return near
}

// distance counts the insertions, deletions, replacements and swaps of neighbours that make
// b from a, bytes.
func distance(a, b string) int {
	if len(a) > 64 { // interface names are short; a longer word is no slip
		return len(a)
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(last[j]+1, row[j-1]+1, last[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
