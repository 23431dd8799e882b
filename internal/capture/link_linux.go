package capture

import (
	"fmt"
	"strings"

	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// linkAny is what "any" and interfaces of an unknown kind are captured as: the kernel takes
// the link-layer header away and tells what matters of it, which becomes a cooked header.
const linkAny = packet.LinkLinuxSLL2

// Link types of the registry that only files know, not the decoder.
const (
	linkHDLC      packet.LinkType = 104 // Cisco HDLC
	linkPrism     packet.LinkType = 119 // 802.11 with Prism header
	linkIEEE80215 packet.LinkType = 195 // 802.15.4 with FCS
)

// linkType maps the kernel's hardware type (linux/if_arp.h) to the link type of what a raw
// packet socket delivers there. What is not known to arrive whole (PPP, whose drivers
// differ, GRE, InfiniBand …) is captured cooked.
func linkType(hardware uint16) packet.LinkType {
	switch hardware {
	case unix.ARPHRD_ETHER, unix.ARPHRD_LOOPBACK:
		return packet.LinkEthernet
	case unix.ARPHRD_NONE, unix.ARPHRD_RAWIP, unix.ARPHRD_TUNNEL, unix.ARPHRD_TUNNEL6, unix.ARPHRD_SIT,
		unix.ARPHRD_SLIP, unix.ARPHRD_CSLIP, unix.ARPHRD_SLIP6, unix.ARPHRD_CSLIP6:
		return packet.LinkRaw
	case unix.ARPHRD_IEEE80211:
		return packet.LinkIEEE80211
	case unix.ARPHRD_IEEE80211_RADIOTAP:
		return packet.LinkRadiotap
	case unix.ARPHRD_IEEE80211_PRISM:
		return linkPrism
	case unix.ARPHRD_HDLC:
		return linkHDLC
	case unix.ARPHRD_IEEE802154:
		return linkIEEE80215
	default:
		return linkAny
	}
}

// system returns the operating system as "Linux 6.1.0-18-amd64".
func system() string {
	var u unix.Utsname
	if err := unix.Uname(&u); err != nil {
		return "Linux"
	}
	return unix.ByteSliceToString(u.Sysname[:]) + " " + unix.ByteSliceToString(u.Release[:])
}

// hardware describes the device behind an interface: driver, version, bus address. Virtual
// interfaces give their kind. Empty when nothing is known.
func hardware(fd int, info InterfaceInfo) string {
	drv, err := unix.IoctlGetEthtoolDrvinfo(fd, info.Name)
	if err != nil {
		return info.native.kind
	}
	words := make([]string, 0, 3)
	if s := unix.ByteSliceToString(drv.Driver[:]); s != "" {
		words = append(words, s)
	}
	if s := unix.ByteSliceToString(drv.Version[:]); s != "" {
		words = append(words, s)
	}
	if s := unix.ByteSliceToString(drv.Bus_info[:]); s != "" {
		words = append(words, fmt.Sprintf("(%s)", s))
	}
	return strings.Join(words, " ")
}
