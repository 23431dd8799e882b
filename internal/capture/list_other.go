//go:build !linux && !windows

package capture

import (
	"context"
	"net"
	"net/netip"
	"runtime"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// native is empty: the name says it all.
type native struct{}

// List returns the interfaces of this machine in the order of their numbers. It needs no
// privileges.
func List() ([]InterfaceInfo, error) {
	all, err := net.Interfaces()
	if err != nil {
		return nil, &OpError{Op: "list the interfaces", Interface: "all", Err: err}
	}
	index := routeIndex()
	list := make([]InterfaceInfo, 0, len(all))
	for _, i := range all {
		info := InterfaceInfo{
			Name: i.Name, Index: i.Index, MTU: i.MTU, MAC: i.HardwareAddr,
			Up: i.Flags&net.FlagUp != 0, Running: i.Flags&net.FlagRunning != 0, Loopback: i.Flags&net.FlagLoopback != 0,
			Default: i.Index == index, Link: packet.LinkEthernet,
		}
		if info.Loopback || i.Flags&net.FlagPointToPoint != 0 {
			info.Link = packet.LinkNull
		}
		addresses, err := i.Addrs()
		if err != nil {
			continue // it vanished meanwhile
		}
		info.Addresses = prefixes(addresses)
		list = append(list, info)
	}
	return list, nil
}

func prefixes(addresses []net.Addr) []netip.Prefix {
	var list []netip.Prefix
	for _, a := range addresses {
		n, ok := a.(*net.IPNet)
		if !ok {
			continue
		}
		if ip, ok := netip.AddrFromSlice(n.IP); ok {
			ones, _ := n.Mask.Size()
			list = append(list, netip.PrefixFrom(ip.Unmap(), ones))
		}
	}
	return list
}

// routeIndex returns the number of the interface that the system would send to the
// Internet from; 0 when there is no way. Connecting a UDP socket sends nothing.
func routeIndex() int {
	for _, target := range []string{"192.0.2.1:9", "[2001:db8::1]:9"} {
		c, err := (&net.Dialer{}).DialContext(context.Background(), "udp", target)
		if err != nil {
			continue
		}
		own, _ := netip.ParseAddrPort(c.LocalAddr().String())
		_ = c.Close() // nothing was sent
		if index := ownerOf(own.Addr()); index != 0 {
			return index
		}
	}
	return 0
}

func ownerOf(address netip.Addr) int {
	all, err := net.Interfaces()
	if err != nil {
		return 0
	}
	for _, i := range all {
		addresses, err := i.Addrs()
		if err != nil {
			continue
		}
		for _, p := range prefixes(addresses) {
			if p.Addr() == address.WithZone("") {
				return i.Index
			}
		}
	}
	return 0
}

// system returns the operating system's name.
func system() string { return runtime.GOOS }
