package capture

import (
	"errors"
	"fmt"
	"math"
	"net"
	"time"

	"github.com/gopacket/gopacket/pcap"

	"github.com/tarrafa/tarrafa/internal/packet"
)

const (
	maxInstructions = 4096
	defaultBuffer   = 64 << 20
	defaultRetire   = 10 * time.Millisecond
)

// npcapTap reads packets through Npcap's wpcap.dll, which is loaded when the first
// interface is opened.
type npcapTap struct {
	handle *pcap.Handle
	link   packet.LinkType
	mac    net.HardwareAddr

	// The packet that did not fit; data is Npcap's until the next one is read.
	data    []byte
	time    int64
	wireLen uint32

	lastDrops uint32 // Npcap's counter, which wraps
	allDrops  uint64
}

var _ tap = (*npcapTap)(nil)

// Open starts capturing. It is the only step that may need privileges, depending on how
// Npcap was installed. The errors are [*NoSuchInterfaceError], [*PermissionError],
// [*OpError], and whatever Options.Program returns.
func Open(o Options) (Source, error) {
	if len(o.Interfaces) == 0 {
		return nil, &OpError{Op: "open", Interface: "?", Err: errors.New("no interface was named")}
	}
	if err := pcap.LoadWinPCAP(); err != nil {
		return nil, &OpError{
			Op: "load Npcap", Interface: o.Interfaces[0], Err: err,
			Hint: "install it from https://npcap.com",
		}
	}
	list, err := List()
	if err != nil {
		return nil, err
	}
	s := &polledSource{}
	switch o.Direction {
	case InOut:
	case In:
		s.unwanted = packet.DirectionSent
	case Out:
		s.unwanted = packet.DirectionReceived
	}
	for _, name := range o.Interfaces {
		if s.watched.find(name) >= 0 {
			continue
		}
		info, err := lookup(list, name)
		if err != nil {
			s.free()
			return nil, err
		}
		t, err := openTap(&info, o)
		if err != nil {
			s.free()
			return nil, err
		}
		s.taps = append(s.taps, t)
		s.counts = append(s.counts, tally{})
		s.interfaces = append(s.interfaces, describe(info, o))
		s.watched.opened(info)
	}
	s.start(List)
	return s, nil
}

func openTap(info *InterfaceInfo, o Options) (*npcapTap, error) {
	fail := func(op string, err error) (*npcapTap, error) {
		return nil, &OpError{Op: op, Interface: info.Name, Err: err}
	}
	inactive, err := pcap.NewInactiveHandle(info.native.device)
	if err != nil {
		return fail("open", err)
	}
	defer inactive.CleanUp()
	// The reads wait in turn: with several interfaces each may wait its share only.
	retire := o.Retire
	if retire <= 0 {
		retire = defaultRetire
	}
	retire = max(time.Millisecond, retire/time.Duration(2*len(o.Interfaces)))
	buffer := o.BufferBytes
	if buffer <= 0 {
		buffer = defaultBuffer
	}
	const longest = 256 << 10
	snapLen := o.SnapLen
	if snapLen <= 0 {
		snapLen = longest
	}
	if err := errors.Join(
		inactive.SetSnapLen(min(snapLen, math.MaxInt32)), inactive.SetPromisc(o.Promiscuous),
		inactive.SetTimeout(retire), inactive.SetBufferSize(min(buffer, math.MaxInt32)),
	); err != nil {
		return fail("configure Npcap", err)
	}
	handle, err := inactive.Activate()
	if err != nil {
		if err.Error() == "Permission Denied" {
			_, line := program()
			return nil, &PermissionError{
				Op: "open", Interface: info.Name, Err: err,
				Commands: []string{"powershell Start-Process -Verb RunAs cmd '/k " + line + "'"},
			}
		}
		return fail("open", err)
	}
	t := &npcapTap{handle: handle, mac: info.MAC, link: linkOf(uint32(handle.LinkType()))}
	info.Link = t.link
	if err := t.filter(*info, o); err != nil {
		handle.Close()
		return nil, err
	}
	if o.Direction != InOut && t.link != packet.LinkEthernet && !info.Loopback {
		handle.Close()
		return fail("select the direction", errors.New("only Ethernet frames tell who sent them"))
	}
	return t, nil
}

func (t *npcapTap) filter(info InterfaceInfo, o Options) error {
	if o.Program == nil {
		return nil
	}
	user, err := o.Program(info)
	if err != nil || len(user) == 0 {
		return err
	}
	if len(user) > maxInstructions {
		err = fmt.Errorf("it needs %d instructions, Npcap takes %d", len(user), maxInstructions)
	} else {
		err = t.attach(keeping(user, limitOf(o.SnapLen)))
	}
	if err != nil {
		return &OpError{Op: "attach the filter", Interface: info.Name, Err: err}
	}
	return nil
}

func (t *npcapTap) attach(prog []Instruction) error {
	raw := make([]pcap.BPFInstruction, len(prog))
	for i, ins := range prog {
		raw[i] = pcap.BPFInstruction{Code: ins.Op, Jt: ins.Jt, Jf: ins.Jf, K: ins.K}
	}
	return t.handle.SetBPFInstructionFilter(raw)
}

// read implements tap. The handle waits by itself.
func (t *npcapTap) read(to *polledSource) {
	for {
		if t.data == nil {
			data, info, err := t.handle.ZeroCopyReadPacketData()
			if err != nil || data == nil {
				return // nothing there in time, or the interface is gone: the watch tells
			}
			t.data, t.time, t.wireLen = data, info.Timestamp.UnixNano(), uint32(info.Length)
		}
		if !to.put(t.time, t.data, t.wireLen, direction(t.link, t.mac, t.data)) {
			return
		}
		t.data = nil
	}
}

// drops implements tap.
func (t *npcapTap) drops() uint64 {
	if stats, err := t.handle.Stats(); err == nil {
		now := uint32(stats.PacketsDropped)
		t.allDrops += uint64(now - t.lastDrops)
		t.lastDrops = now
	}
	return t.allDrops
}

// bind implements tap. Npcap binds a handle to its adapter for ever.
func (t *npcapTap) bind(InterfaceInfo) error {
	return errors.New("under Npcap a capture cannot resume on an adapter that was made anew; start the capture again")
}

// stop implements tap.
func (t *npcapTap) stop() error { return t.attach([]Instruction{{Op: opReturn}}) }

// free implements tap.
func (t *npcapTap) free() { t.handle.Close() }
