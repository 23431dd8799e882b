package capture

import (
	"net"
	"net/netip"
	"slices"
	"strings"

	"github.com/tarrafa/tarrafa/internal/nearest"
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
	return InterfaceInfo{}, &NoSuchInterfaceError{Name: name, Nearest: similar(name, names), Available: names}
}

// similar returns those of names that name may be a slip of, at most three, nearest first.
func similar(name string, names []string) []string {
	type guess struct {
		name string
		far  int
	}
	var guesses []guess
	for _, n := range names {
		limit := min(max(1, len(n)/2)+1, max(len(n), len(name)))
		if far := nearest.Distance(strings.ToLower(name), strings.ToLower(n), limit); far < limit {
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
