package capture

import (
	"encoding/binary"
	"errors"
	"os"
	"syscall"

	"golang.org/x/sys/unix"
)

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
			s.watched.gone(info.Index)
			continue
		}
		if s.present != nil {
			s.present[info.Index] = true
		}
		s.watched.seen(info)
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
	for _, st := range s.watched.states {
		if present != nil && st.index > 0 && !present[st.index] {
			s.watched.gone(st.index)
			// What has come in its place may have been named before this was known.
			s.recheck()
		}
	}
}

// rebind resumes the capture on an interface that was made anew. The mutex is held.
func (s *ringSource) rebind(i int, info InterfaceInfo) error {
	switch {
	case s.closing.Load():
		return errVanished
	case info.Link != s.interfaces[i].Link:
		return errOtherLink
	}
	err := s.rings[i].bind(info.Index, s.promiscuous)
	if errors.Is(err, unix.ENODEV) || errors.Is(err, unix.ENXIO) {
		return errVanished // the news of that are on their way
	}
	return err
}
