package capture

import (
	"errors"
	"fmt"
	"math"
	"net"
	"net/netip"
	"slices"
	"unsafe"

	"golang.org/x/sys/windows"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// native is what the source needs besides of an interface.
type native struct {
	device string // Npcap's name
}

// List returns the network adapters by their names in the Windows settings, in the order of
// their numbers. It needs no privileges.
func List() ([]InterfaceInfo, error) {
	adapters, err := adapters()
	if err != nil {
		return nil, &OpError{Op: "list the interfaces", Interface: "all", Err: err}
	}
	var list []InterfaceInfo
	best, metric := -1, uint32(math.MaxUint32)
	for a := adapters; a != nil; a = a.Next {
		info := adapter(a)
		if a.FirstGatewayAddress != nil && info.Up && a.Ipv4Metric < metric {
			best, metric = info.Index, a.Ipv4Metric
		}
		list = append(list, info)
	}
	for i := range list {
		list[i].Default = list[i].Index == best
	}
	slices.SortFunc(list, func(a, b InterfaceInfo) int { return a.Index - b.Index })
	return list, nil
}

// adapters returns the system's list, which lives in one piece of memory.
func adapters() (*windows.IpAdapterAddresses, error) {
	size := uint32(16 << 10)
	for range 8 { // it may grow between two calls
		memory := make([]byte, size)
		first := (*windows.IpAdapterAddresses)(unsafe.Pointer(&memory[0]))
		err := windows.GetAdaptersAddresses(windows.AF_UNSPEC, windows.GAA_FLAG_INCLUDE_GATEWAYS, 0, first, &size)
		if err == nil && size == 0 {
			return nil, nil
		}
		if !errors.Is(err, windows.ERROR_BUFFER_OVERFLOW) {
			return first, err
		}
	}
	return nil, windows.ERROR_BUFFER_OVERFLOW
}

func adapter(a *windows.IpAdapterAddresses) InterfaceInfo {
	info := InterfaceInfo{
		Name: windows.UTF16PtrToString(a.FriendlyName), Description: windows.UTF16PtrToString(a.Description),
		Index: int(a.IfIndex), MTU: int(min(a.Mtu, math.MaxInt32)),
		Up: a.OperStatus == windows.IfOperStatusUp, Running: a.OperStatus == windows.IfOperStatusUp,
		Loopback: a.IfType == windows.IF_TYPE_SOFTWARE_LOOPBACK, Wireless: a.IfType == windows.IF_TYPE_IEEE80211,
		Link: packet.LinkEthernet, native: native{`\Device\NPF_` + windows.BytePtrToString(a.AdapterName)},
	}
	if info.Index == 0 {
		info.Index = int(a.Ipv6IfIndex)
	}
	if info.Loopback {
		info.native.device, info.Link = `\Device\NPF_Loopback`, packet.LinkNull
	}
	if n := int(a.PhysicalAddressLength); n > 0 && n <= len(a.PhysicalAddress) {
		info.MAC = net.HardwareAddr(slices.Clone(a.PhysicalAddress[:n]))
	}
	for u := a.FirstUnicastAddress; u != nil; u = u.Next {
		if ip, ok := netip.AddrFromSlice(u.Address.IP()); ok {
			info.Addresses = append(info.Addresses, netip.PrefixFrom(ip.Unmap(), int(u.OnLinkPrefixLength)))
		}
	}
	row := windows.MibIfRow2{InterfaceLuid: a.Luid}
	if err := windows.GetIfEntry2Ex(windows.MibIfTableNormal, &row); err == nil {
		info.HasCounters = true
		info.RxPackets, info.TxPackets = row.InUcastPkts+row.InNUcastPkts, row.OutUcastPkts+row.OutNUcastPkts
		info.RxBytes, info.TxBytes = row.InOctets, row.OutOctets
	}
	return info
}

// system returns the operating system as "Windows 10.0.19045".
func system() string {
	v := windows.RtlGetVersion()
	return fmt.Sprintf("Windows %d.%d.%d", v.MajorVersion, v.MinorVersion, v.BuildNumber)
}
