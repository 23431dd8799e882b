//go:build darwin || windows

package capture

import (
	"runtime"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// LinuxExtensions says whether a program for this system may use the ancillary loads of
// Linux (VLAN tag, direction, interface).
const LinuxExtensions = false

// linkOf turns a DLT number of BPF into the registry's LINKTYPE, which differs where the
// systems do not agree.
func linkOf(datalink uint32) packet.LinkType {
	const raw = 12 // DLT_RAW
	if datalink == raw {
		return packet.LinkRaw
	}
	return packet.LinkType(datalink)
}

// describe describes an interface that was opened.
func describe(info InterfaceInfo, o Options) segment.Interface {
	d := segment.Interface{
		Name: info.Name, Description: info.Description, Filter: o.Expression, OS: system(), Hardware: runtime.GOARCH,
		Link: info.Link, SnapLen: uint32(max(0, o.SnapLen)), Resolution: segment.Resolution{UnitsPerSecond: 1e9},
	}
	for _, a := range info.Addresses {
		d.Addresses = append(d.Addresses, a.String())
	}
	return d
}

// direction tells from the source address of an Ethernet frame whether this machine sent it.
func direction(link packet.LinkType, own, frame []byte) packet.Direction {
	const source = 6
	if link != packet.LinkEthernet || len(own) != 6 || len(frame) < source+6 {
		return packet.DirectionUnknown
	}
	if string(frame[source:source+6]) == string(own) {
		return packet.DirectionSent
	}
	return packet.DirectionReceived
}
