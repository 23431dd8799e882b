package capture

import (
	"encoding/binary"
	"net"
	"net/netip"
	"os"
	"slices"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// native is what the source needs besides of an interface.
type native struct {
	hardware uint16 // ARPHRD_ number
	kind     string // of a virtual interface, as "veth"
}

// List returns the interfaces of this machine in the order of their numbers, and "any" at
// the end. It needs no privileges.
func List() ([]InterfaceInfo, error) {
	list, err := links()
	if err != nil {
		return nil, err
	}
	if err := addAddresses(list); err != nil {
		return nil, err
	}
	if index := defaultRoute(); index != 0 {
		for i := range list {
			list[i].Default = list[i].Index == index
		}
	}
	all := InterfaceInfo{
		Name: AnyInterface, Description: "all interfaces together (Linux cooked)",
		Up: true, Running: true, Link: linkAny,
	}
	for _, i := range list {
		all.Addresses = append(all.Addresses, i.Addresses...)
	}
	return append(list, all), nil
}

// dump asks the kernel for a table and hands over each entry of type want with its attributes.
func dump(request, want int, entry func(data []byte, attrs []syscall.NetlinkRouteAttr)) error {
	rib, err := syscall.NetlinkRIB(request, unix.AF_UNSPEC)
	if err != nil {
		return os.NewSyscallError("netlink", err)
	}
	messages, err := syscall.ParseNetlinkMessage(rib)
	if err != nil {
		return os.NewSyscallError("netlink", err)
	}
	for i := range messages {
		if int(messages[i].Header.Type) != want {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(&messages[i])
		if err != nil {
			continue
		}
		entry(messages[i].Data, attrs)
	}
	return nil
}

func links() ([]InterfaceInfo, error) {
	var list []InterfaceInfo
	err := dump(unix.RTM_GETLINK, unix.RTM_NEWLINK, func(data []byte, attrs []syscall.NetlinkRouteAttr) {
		if info, ok := parseLink(data, attrs); ok {
			info.Wireless = isWireless(info.Name)
			list = append(list, info)
		}
	})
	slices.SortFunc(list, func(a, b InterfaceInfo) int { return a.Index - b.Index })
	return list, err
}

// parseLink reads an RTM_NEWLINK message: struct ifinfomsg and its attributes
// (linux/rtnetlink.h, linux/if_link.h).
func parseLink(data []byte, attrs []syscall.NetlinkRouteAttr) (InterfaceInfo, bool) {
	if len(data) < unix.SizeofIfInfomsg || data[0] == unix.AF_BRIDGE {
		return InterfaceInfo{}, false
	}
	flags := binary.NativeEndian.Uint32(data[8:])
	info := InterfaceInfo{
		Index:    int(int32(binary.NativeEndian.Uint32(data[4:]))),
		Up:       flags&unix.IFF_UP != 0,
		Running:  flags&unix.IFF_RUNNING != 0,
		Loopback: flags&unix.IFF_LOOPBACK != 0,
		native:   native{hardware: binary.NativeEndian.Uint16(data[2:])},
	}
	info.Link = linkType(info.native.hardware)
	for _, a := range attrs {
		v := a.Value
		switch a.Attr.Type {
		case unix.IFLA_IFNAME:
			info.Name = unix.ByteSliceToString(v)
		case unix.IFLA_IFALIAS:
			info.Description = unix.ByteSliceToString(v)
		case unix.IFLA_ADDRESS:
			if slices.ContainsFunc(v, func(b byte) bool { return b != 0 }) {
				info.MAC = net.HardwareAddr(slices.Clone(v))
			}
		case unix.IFLA_MTU:
			if len(v) >= 4 {
				info.MTU = int(binary.NativeEndian.Uint32(v))
			}
		case unix.IFLA_STATS64: // struct rtnl_link_stats64
			if len(v) >= 32 {
				info.HasCounters = true
				info.RxPackets, info.TxPackets = binary.NativeEndian.Uint64(v), binary.NativeEndian.Uint64(v[8:])
				info.RxBytes, info.TxBytes = binary.NativeEndian.Uint64(v[16:]), binary.NativeEndian.Uint64(v[24:])
			}
		case unix.IFLA_LINKINFO:
			info.native.kind = linkKind(v)
		}
	}
	return info, info.Name != ""
}

// linkKind returns IFLA_INFO_KIND out of the nested attributes of IFLA_LINKINFO.
func linkKind(v []byte) string {
	for len(v) >= unix.SizeofRtAttr {
		n := int(binary.NativeEndian.Uint16(v))
		if n < unix.SizeofRtAttr || n > len(v) {
			return ""
		}
		if binary.NativeEndian.Uint16(v[2:]) == unix.IFLA_INFO_KIND {
			return unix.ByteSliceToString(v[unix.SizeofRtAttr:n])
		}
		v = v[min((n+3)&^3, len(v)):]
	}
	return ""
}

func addAddresses(list []InterfaceInfo) error {
	return dump(unix.RTM_GETADDR, unix.RTM_NEWADDR, func(data []byte, attrs []syscall.NetlinkRouteAttr) {
		if len(data) < unix.SizeofIfAddrmsg {
			return
		}
		index := int(binary.NativeEndian.Uint32(data[4:]))
		var address netip.Addr
		for _, a := range attrs {
			// IFA_ADDRESS is the peer's on a point-to-point link; IFA_LOCAL is always our own.
			if a.Attr.Type == unix.IFA_LOCAL || a.Attr.Type == unix.IFA_ADDRESS && !address.IsValid() {
				if ip, ok := netip.AddrFromSlice(a.Value); ok {
					address = ip
				}
			}
		}
		for i := range list {
			if list[i].Index == index && address.IsValid() {
				list[i].Addresses = append(list[i].Addresses, netip.PrefixFrom(address, int(data[1])))
			}
		}
	})
}

// defaultRoute returns the number of the interface with the default route of the smallest
// metric, IPv4's before IPv6's; 0 when there is none or the kernel does not tell.
func defaultRoute() int {
	best, bestRank := 0, uint64(1)<<63
	// An error leaves no default, as on a machine without a route.
	_ = dump(unix.RTM_GETROUTE, unix.RTM_NEWROUTE, func(data []byte, attrs []syscall.NetlinkRouteAttr) {
		// struct rtmsg: family, dst_len, src_len, tos, table, protocol, scope, type.
		if len(data) < unix.SizeofRtMsg || data[1] != 0 || data[4] != unix.RT_TABLE_MAIN || data[7] != unix.RTN_UNICAST {
			return
		}
		var index int
		var rank uint64
		for _, a := range attrs {
			switch {
			case len(a.Value) < 4:
			case a.Attr.Type == unix.RTA_OIF:
				index = int(binary.NativeEndian.Uint32(a.Value))
			case a.Attr.Type == unix.RTA_PRIORITY:
				rank = uint64(binary.NativeEndian.Uint32(a.Value))
			}
		}
		if data[0] != unix.AF_INET {
			rank |= 1 << 40
		}
		if index != 0 && rank < bestRank {
			best, bestRank = index, rank
		}
	})
	return best
}

func isWireless(name string) bool {
	if strings.ContainsAny(name, "/") || name == "." || name == ".." {
		return false
	}
	for _, f := range []string{"/wireless", "/phy80211"} {
		if _, err := os.Stat("/sys/class/net/" + name + f); err == nil {
			return true
		}
	}
	return false
}
