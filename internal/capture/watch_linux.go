package capture

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// maxEvents is how many events wait for being fetched.
const maxEvents = 1024

// state is what is known of a captured interface.
type state struct {
	wanted string // the name that was asked for
	name   string // the present one, or the last before it vanished
	index  int    // the kernel's number; -1 while the interface does not exist, 0 for "any"
	up     bool
	linked bool // it is up and has a link
	lost   bool // that there is no link has been said
	unfit  bool // made anew as something that cannot be captured on
}

// openWatch opens the descriptors that the watch needs, none of which takes privileges.
func (s *ringSource) openWatch() error {
	fail := func(op string, err error) error {
		return &OpError{Op: op, Interface: "?", Err: err}
	}
	var err error
	if s.wake, err = unix.Eventfd(0, unix.EFD_CLOEXEC|unix.EFD_NONBLOCK); err != nil {
		s.wake = -1
		return fail("make an eventfd", err)
	}
	if s.ioctl, err = unix.Socket(unix.AF_INET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
		if s.ioctl, err = unix.Socket(unix.AF_INET6, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, 0); err != nil {
			s.ioctl = -1
			return fail("open a socket", err)
		}
	}
	fd, err := unix.Socket(unix.AF_NETLINK, unix.SOCK_RAW|unix.SOCK_CLOEXEC|unix.SOCK_NONBLOCK, unix.NETLINK_ROUTE)
	if err != nil {
		return fail("open a netlink socket", err)
	}
	s.netlink = os.NewFile(uintptr(fd), "netlink")
	s.watching = make(chan struct{})
	if err := unix.Bind(fd, &unix.SockaddrNetlink{Family: unix.AF_NETLINK, Groups: unix.RTMGRP_LINK}); err != nil {
		return fail("watch the interfaces", err)
	}
	return nil
}

// watch follows the kernel's news about interfaces until the netlink socket is closed.
func (s *ringSource) watch() {
	defer close(s.watching)
	buf := make([]byte, 64<<10)
	for {
		n, err := s.netlink.Read(buf)
		switch {
		case errors.Is(err, unix.ENOBUFS): // news were lost
			s.mu.Lock()
			s.recheck()
			s.mu.Unlock()
		case err != nil:
			return
		default:
			s.hear(buf[:n])
		}
	}
}

func (s *ringSource) hear(datagram []byte) {
	messages, err := syscall.ParseNetlinkMessage(datagram)
	if err != nil {
		return
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range messages {
		m := &messages[i]
		if m.Header.Type == unix.NLMSG_DONE {
			s.rechecked()
			continue
		}
		if m.Header.Type != unix.RTM_NEWLINK && m.Header.Type != unix.RTM_DELLINK {
			continue
		}
		attrs, err := syscall.ParseNetlinkRouteAttr(m)
		if err != nil || len(m.Data) < unix.SizeofIfInfomsg || m.Data[0] != unix.AF_UNSPEC {
			continue
		}
		info, _ := parseLink(m.Data, attrs)
		if m.Header.Type == unix.RTM_DELLINK {
			s.gone(info.Index)
			continue
		}
		if s.present != nil {
			s.present[info.Index] = true
		}
		s.seen(info)
	}
}

// recheck asks for all interfaces after news were lost. The answer comes like news, so that
// no other socket is needed, which could no longer be opened without privileges.
// The mutex is held.
func (s *ringSource) recheck() {
	s.present = make(map[int]bool)
	request := make([]byte, unix.SizeofNlMsghdr+unix.SizeofIfInfomsg)
	binary.NativeEndian.PutUint32(request[0:], uint32(len(request)))
	binary.NativeEndian.PutUint16(request[4:], unix.RTM_GETLINK)
	binary.NativeEndian.PutUint16(request[6:], unix.NLM_F_REQUEST|unix.NLM_F_DUMP)
	// When the kernel is busy with an earlier answer the request fails; that answer does as well.
	_, _ = s.netlink.Write(request)
}

// rechecked ends a recheck: what the kernel did not name is gone. The mutex is held.
func (s *ringSource) rechecked() {
	present := s.present
	s.present = nil
	for _, st := range s.states {
		if present != nil && st.index > 0 && !present[st.index] {
			s.gone(st.index)
			// What has come in its place may have been named before this was known.
			s.recheck()
		}
	}
}

// gone notes that the interface of that number is no more.
func (s *ringSource) gone(index int) {
	for i := range s.states {
		st := &s.states[i]
		if st.index == index && index > 0 {
			st.index, st.up, st.linked, st.lost = -1, false, false, false
			if st.unfit {
				st.unfit = false // it was already said that capture does not go on
				continue
			}
			s.add(Event{Kind: InterfaceGone, Interface: i, Name: st.name, Reason: "it was deleted or moved away"})
		}
	}
}

// seen compares news of an interface with what is known of the captured ones.
func (s *ringSource) seen(info InterfaceInfo) {
	for i := range s.states {
		st := &s.states[i]
		switch {
		case st.unfit:
		case st.index == info.Index && st.index > 0:
			s.changed(i, info)
		case st.index == -1 && (info.Name == st.wanted || info.Name == st.name):
			s.back(i, info)
		}
	}
}

func (s *ringSource) changed(i int, info InterfaceInfo) {
	st := &s.states[i]
	e := Event{Interface: i, Name: info.Name}
	if info.Name != "" && info.Name != st.name {
		e.Kind, e.Reason = InterfaceChanged, "it was renamed from "+st.name
		st.name = info.Name
		s.add(e)
	}
	e.Name = st.name
	switch {
	case info.Up != st.up && info.Up:
		e.Kind, e.Reason = InterfaceUp, "it was switched on"
		s.add(e)
	case info.Up != st.up:
		e.Kind, e.Reason = InterfaceDown, "it was switched off"
		s.add(e)
	case info.Up && info.Running && st.lost:
		e.Kind, e.Reason = InterfaceChanged, "the link is back"
		st.lost = false
		s.add(e)
	case info.Up && !info.Running && !st.lost && st.linked:
		e.Kind, e.Reason = InterfaceChanged, "the link is lost"
		st.lost = true
		s.add(e)
	}
	st.up, st.linked = info.Up, info.Up && info.Running
}

// back resumes the capture on an interface that was made anew.
func (s *ringSource) back(i int, info InterfaceInfo) {
	if s.closing.Load() {
		return
	}
	st := &s.states[i]
	e := Event{Kind: InterfaceUnfit, Interface: i, Name: info.Name}
	if info.Link != s.interfaces[i].Link {
		e.Reason = "its link type is another than before"
		st.index, st.unfit = info.Index, true
		s.add(e)
		return
	}
	err := s.rings[i].bind(info.Index, s.promiscuous)
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
		return // gone again: the news of that are on their way
	}
	if err != nil {
		e.Reason = err.Error()
		s.add(e)
		return
	}
	st.index, st.name, st.up, st.linked = info.Index, info.Name, info.Up, info.Up && info.Running
	e.Kind, e.Reason = InterfaceBack, "it was made anew"
	s.add(e)
}

// add keeps an event until it is fetched. The mutex is held.
func (s *ringSource) add(e Event) {
	e.Time = time.Now()
	if len(s.events) == maxEvents {
		s.events = append(s.events[:0], s.events[1:]...)
		s.eventsDropped++
	}
	s.events = append(s.events, e)
}

// find returns the number of the captured interface of that name, -1 when there is none.
func (s *ringSource) find(name string) int {
	for i := range s.states {
		if s.states[i].wanted == name {
			return i
		}
	}
	return -1
}
