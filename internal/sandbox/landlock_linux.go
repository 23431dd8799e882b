package sandbox

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"unsafe"

	"golang.org/x/sys/unix"
)

// Landlock is spoken to directly: its rules are tied to what the names mean at this moment,
// and the three system calls are in x/sys already.

// ABI versions of Landlock (landlock(7)) from which on something can be restricted.
const (
	abiRefer    = 2 // renaming and linking across folders
	abiTruncate = 3 // cutting files
	abiNet      = 4 // TCP bind and connect
	abiIoctl    = 5 // device control
	abiAbstract = 6 // abstract Unix sockets
	abiSignal   = 7 // signals to others; 6 has it too, but keeps threads of one process apart
	abiUnix     = 9 // Unix sockets with a name
)

const (
	readRights  = unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_READ_DIR
	writeRights = readRights | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_TRUNCATE |
		unix.LANDLOCK_ACCESS_FS_MAKE_REG | unix.LANDLOCK_ACCESS_FS_MAKE_DIR |
		unix.LANDLOCK_ACCESS_FS_REMOVE_FILE | unix.LANDLOCK_ACCESS_FS_REMOVE_DIR
	programRights = readRights | unix.LANDLOCK_ACCESS_FS_EXECUTE
	deviceRights  = readRights | unix.LANDLOCK_ACCESS_FS_WRITE_FILE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV
	// fileRights are those that a rule on something that is no folder may have.
	fileRights = unix.LANDLOCK_ACCESS_FS_EXECUTE | unix.LANDLOCK_ACCESS_FS_READ_FILE | unix.LANDLOCK_ACCESS_FS_WRITE_FILE |
		unix.LANDLOCK_ACCESS_FS_TRUNCATE | unix.LANDLOCK_ACCESS_FS_IOCTL_DEV | unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX
	firstRights = unix.LANDLOCK_ACCESS_FS_MAKE_SYM<<1 - 1 // all of ABI 1
)

// Files of the system that are read at any time.
var (
	systemFiles = []string{
		"/etc/localtime", "/usr/share/zoneinfo", "/etc/passwd", "/etc/group",
		"/etc/terminfo", "/lib/terminfo", "/usr/share/terminfo", "/proc/self",
	}
	terminalFiles = []string{"/dev/tty", "/dev/null"}
	networkFiles  = []string{
		"/etc/resolv.conf", "/etc/hosts", "/etc/nsswitch.conf", "/etc/services", "/etc/host.conf", "/etc/gai.conf",
		"/proc/sys/net/core/somaxconn",
		"/etc/ssl", "/etc/pki", "/usr/share/ca-certificates", "/usr/local/share/ca-certificates", "/usr/local/share/certs",
	}
)

const dnsPort = 53

// restrictFiles closes files and TCP ports. It returns the ABI version of the kernel's
// Landlock, 0 when there is none.
func restrictFiles(a *Access) (int, error) {
	v, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET, 0, 0, unix.LANDLOCK_CREATE_RULESET_VERSION)
	if errno == unix.ENOSYS || errno == unix.EOPNOTSUPP || errno == unix.EPERM {
		return 0, nil
	}
	if errno != 0 {
		return 0, fmt.Errorf("ask for the version: %w", errno)
	}
	abi := int(v)
	set := ruleset{attr: handled(abi, a)}
	fd, _, errno := unix.Syscall(unix.SYS_LANDLOCK_CREATE_RULESET,
		uintptr(unsafe.Pointer(&set.attr)), attrSize(abi), 0)
	if errno != 0 {
		return 0, fmt.Errorf("create the rules: %w", errno)
	}
	set.fd = int(fd)
	defer func() { _ = unix.Close(set.fd) }()
	if err := set.add(a); err != nil {
		return 0, err
	}
	if err := allThreads(unix.SYS_LANDLOCK_RESTRICT_SELF, fd, 0, 0); err != nil {
		return 0, fmt.Errorf("enforce the rules: %w", err)
	}
	return abi, nil
}

// handled is everything that this kernel's Landlock can refuse and that is not wanted.
func handled(abi int, a *Access) unix.LandlockRulesetAttr {
	attr := unix.LandlockRulesetAttr{Handled_access_fs: firstRights}
	for from, right := range map[int]uint64{
		abiRefer: unix.LANDLOCK_ACCESS_FS_REFER, abiTruncate: unix.LANDLOCK_ACCESS_FS_TRUNCATE,
		abiIoctl: unix.LANDLOCK_ACCESS_FS_IOCTL_DEV, abiUnix: unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX,
	} {
		if abi >= from {
			attr.Handled_access_fs |= right
		}
	}
	if abi >= abiNet {
		attr.Handled_access_net = unix.LANDLOCK_ACCESS_NET_BIND_TCP | unix.LANDLOCK_ACCESS_NET_CONNECT_TCP
	}
	abstract := slices.ContainsFunc(a.Sockets, func(s string) bool { return strings.HasPrefix(s, "@") })
	if abi >= abiAbstract && !abstract {
		attr.Scoped |= unix.LANDLOCK_SCOPE_ABSTRACT_UNIX_SOCKET
	}
	if abi >= abiSignal {
		attr.Scoped |= unix.LANDLOCK_SCOPE_SIGNAL
	}
	return attr
}

// attrSize is how much of the attributes a kernel of this version knows.
func attrSize(abi int) uintptr {
	var attr unix.LandlockRulesetAttr
	switch {
	case abi < abiNet:
		return unsafe.Offsetof(attr.Handled_access_net)
	case abi < abiAbstract:
		return unsafe.Offsetof(attr.Scoped)
	default:
		return unsafe.Offsetof(attr.Quiet_access_fs)
	}
}

type ruleset struct {
	fd   int
	attr unix.LandlockRulesetAttr
}

func (s *ruleset) add(a *Access) error {
	for _, list := range []struct {
		paths  []string
		rights uint64
	}{
		{systemFiles, readRights},
		{terminalFiles, deviceRights},
		{a.Read, readRights},
		{a.Write, writeRights},
		{a.Programs, programRights},
		{a.Sockets, unix.LANDLOCK_ACCESS_FS_RESOLVE_UNIX},
	} {
		if err := s.paths(list.rights, list.paths...); err != nil {
			return err
		}
	}
	connect := a.Connect
	if a.network() {
		if err := s.paths(readRights, networkFiles...); err != nil {
			return err
		}
		// Where the resolver's file is a link, its target is replaced with every change of
		// networks: the folder stays.
		if target, err := filepath.EvalSymlinks("/etc/resolv.conf"); err == nil && target != "/etc/resolv.conf" {
			if err := s.paths(readRights, filepath.Dir(target)); err != nil {
				return err
			}
		}
	}
	if a.Resolve {
		connect = append(slices.Clone(connect), dnsPort)
	}
	for _, port := range connect {
		if err := s.port(unix.LANDLOCK_ACCESS_NET_CONNECT_TCP, port); err != nil {
			return err
		}
	}
	for _, port := range a.Listen {
		if err := s.port(unix.LANDLOCK_ACCESS_NET_BIND_TCP, port); err != nil {
			return err
		}
	}
	return nil
}

// paths allows rights on files, or on folders with all below. A missing name, and a pipe
// or socket without a name in the file system, need no rule.
func (s *ruleset) paths(rights uint64, paths ...string) error {
	for _, p := range paths {
		if strings.HasPrefix(p, "@") {
			continue
		}
		fd, err := unix.Open(p, unix.O_PATH|unix.O_CLOEXEC, 0)
		if err != nil {
			if errors.Is(err, unix.ENOENT) || errors.Is(err, unix.EACCES) || errors.Is(err, unix.ENOTDIR) || errors.Is(err, unix.ENXIO) {
				continue // who needs it will say so
			}
			return &os.PathError{Op: "open", Path: p, Err: err}
		}
		err = s.path(fd, rights)
		_ = unix.Close(fd)
		if err != nil {
			return &os.PathError{Op: "allow", Path: p, Err: err}
		}
	}
	return nil
}

func (s *ruleset) path(fd int, rights uint64) error {
	var st unix.Stat_t
	if err := unix.Fstat(fd, &st); err != nil {
		return err
	}
	if st.Mode&unix.S_IFMT != unix.S_IFDIR {
		rights &= fileRights
	}
	rule := unix.LandlockPathBeneathAttr{Allowed_access: rights & s.attr.Handled_access_fs, Parent_fd: int32(fd)}
	if rule.Allowed_access == 0 {
		return nil
	}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(s.fd), unix.LANDLOCK_RULE_PATH_BENEATH,
		uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 && errno != unix.EBADFD {
		return errno
	}
	return nil
}

// netPort is struct landlock_net_port_attr (landlock.h).
type netPort struct{ access, port uint64 }

const rulePort = 2 // LANDLOCK_RULE_NET_PORT

func (s *ruleset) port(right uint64, port uint16) error {
	if s.attr.Handled_access_net&right == 0 {
		return nil
	}
	rule := netPort{right, uint64(port)}
	_, _, errno := unix.Syscall6(unix.SYS_LANDLOCK_ADD_RULE, uintptr(s.fd), rulePort, uintptr(unsafe.Pointer(&rule)), 0, 0, 0)
	if errno != 0 {
		return fmt.Errorf("allow port %d: %w", port, errno)
	}
	return nil
}
