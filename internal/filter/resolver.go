package filter

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/netip"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Resolver answers the names in a filter. Its methods may be called from several goroutines.
type Resolver interface {
	// Host returns all addresses of a host; an error or none means that it is unknown.
	Host(name string) ([]netip.Addr, error)
	// Port returns the TCP and UDP port of a service, -1 for a transport that it is not registered for; ok is false
	// when it is unknown to both.
	Port(name string) (tcp, udp int, ok bool)
	// Protocol returns the number of an IP protocol.
	Protocol(name string) (int, bool)
	// Ether returns the MAC address of a host.
	Ether(name string) ([6]byte, bool)
	// Network returns the number of an IPv4 network as /etc/networks has it: 127 or 10.1, not yet moved to the left.
	Network(name string) (uint32, bool)
	// Interface returns the number of a network interface.
	Interface(name string) (int, bool)
}

// hostTimeout bounds the resolution of one host name.
const hostTimeout = 5 * time.Second

// System is the Resolver over the system's files and its name service. What it was told it
// remembers: a program that gives up files and network later goes on with the names that
// it has asked for.
type System struct {
	Timeout time.Duration // of one host name
	Dir     string        // where services, protocols, ethers and networks are; "" means /etc
	// Lookup asks for a host's addresses; nil is the system's name service. It has to end when ctx does.
	Lookup func(ctx context.Context, name string) ([]netip.Addr, error)

	once      sync.Once
	services  map[string][2]int // name → TCP and UDP port, -1 for none
	protocols map[string]int

	mu    sync.Mutex
	hosts map[string][]netip.Addr
	files map[string][][]string // words of the lines; an empty list for a file that is missing
}

var _ Resolver = (*System)(nil)

var systemResolver = &System{Timeout: hostTimeout}

// SystemResolver is the resolver that is used when a Target has none: /etc/services, protocols, ethers and networks
// as they were when first asked, and the system's name service with a time-out of five seconds.
func SystemResolver() *System { return systemResolver }

func (g *gen) resolver() Resolver {
	if g.t.Resolver != nil {
		return g.t.Resolver
	}
	return systemResolver
}

// Host asks the system's name service.
func (s *System) Host(name string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(name); err == nil {
		return []netip.Addr{a}, nil
	}
	s.mu.Lock()
	known, ok := s.hosts[name]
	s.mu.Unlock()
	if ok {
		return known, nil
	}
	timeout := s.Timeout
	if timeout <= 0 {
		timeout = hostTimeout
	}
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	lookup := s.Lookup
	if lookup == nil {
		lookup = func(ctx context.Context, name string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", name)
		}
	}
	addrs, err := lookup(ctx, name)
	if err != nil {
		if errors.Is(ctx.Err(), context.DeadlineExceeded) {
			return nil, fmt.Errorf("no answer within %v", timeout)
		}
		return nil, fmt.Errorf("look up host: %w", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hosts == nil {
		s.hosts = map[string][]netip.Addr{}
	}
	s.hosts[name] = addrs
	return addrs, nil
}

// Port looks into the services file; without one a few common names are known.
func (s *System) Port(name string) (tcp, udp int, ok bool) {
	s.once.Do(s.read)
	p, ok := s.services[name]
	return p[0], p[1], ok
}

// Protocol looks into the protocols file; without one the common names are known.
func (s *System) Protocol(name string) (int, bool) {
	s.once.Do(s.read)
	n, ok := s.protocols[name]
	return n, ok
}

// Ether looks into the ethers file.
func (s *System) Ether(name string) (mac [6]byte, ok bool) {
	s.lines("ethers", func(f []string) {
		if !ok && len(f) > 1 && f[1] == name && groups(f[0], 0, ':', 6, 1, 2) == len(f[0]) {
			mac, ok = parseMAC(f[0]), true
		}
	})
	return mac, ok
}

// Network looks into the networks file.
func (s *System) Network(name string) (n uint32, ok bool) {
	s.lines("networks", func(f []string) {
		for i, w := range f {
			if i == 1 || w != name || ok || len(f) < 2 {
				continue
			}
			number := uint32(0)
			for part := range strings.SplitSeq(f[1], ".") {
				v, err := strconv.ParseUint(part, 10, 8)
				if err != nil {
					return
				}
				number = number<<8 | uint32(v)
			}
			n, ok = number, true
		}
	})
	return n, ok
}

// Interface asks the kernel.
func (s *System) Interface(name string) (int, bool) {
	i, err := net.InterfaceByName(name)
	if err != nil {
		return 0, false
	}
	return i.Index, true
}

// lines calls f with the words of every line of a file in Dir, comments cut off. A missing file has no lines.
func (s *System) lines(file string, f func(words []string)) {
	s.mu.Lock()
	list, ok := s.files[file]
	if !ok {
		list = s.load(file)
		if s.files == nil {
			s.files = map[string][][]string{}
		}
		s.files[file] = list
	}
	s.mu.Unlock()
	for _, words := range list {
		f(words)
	}
}

func (s *System) load(file string) (list [][]string) {
	dir := s.Dir
	if dir == "" {
		dir = "/etc"
	}
	b, err := os.ReadFile(dir + "/" + file)
	if err != nil {
		return nil
	}
	for line := range strings.Lines(string(b)) {
		if i := strings.IndexByte(line, '#'); i >= 0 {
			line = line[:i]
		}
		if w := strings.Fields(line); len(w) > 0 {
			list = append(list, w)
		}
	}
	return list
}

// read loads services and protocols over the built-in ones; of two entries for a name the first counts.
func (s *System) read() {
	s.services, s.protocols = map[string][2]int{}, map[string]int{}
	s.lines("services", func(f []string) {
		if len(f) < 2 {
			return
		}
		num, transport, _ := strings.Cut(f[1], "/")
		n, err := strconv.ParseUint(num, 10, 16)
		which := strings.Index("tcp udp", transport) / 4
		if err != nil || transport != "tcp" && transport != "udp" {
			return
		}
		for i, name := range f {
			if i == 1 {
				continue
			}
			p, ok := s.services[name]
			if !ok {
				p = [2]int{-1, -1}
			}
			if p[which] < 0 {
				p[which] = int(n)
			}
			s.services[name] = p
		}
	})
	s.lines("protocols", func(f []string) {
		if len(f) < 2 {
			return
		}
		n, err := strconv.ParseUint(f[1], 10, 8)
		if err != nil {
			return
		}
		for i, name := range f {
			if _, ok := s.protocols[name]; i != 1 && !ok {
				s.protocols[name] = int(n)
			}
		}
	})
	if len(s.services) == 0 {
		s.services = builtinServices()
	}
	if len(s.protocols) == 0 {
		s.protocols = builtinProtocols()
	}
}

// builtinServices are the names that people write in filters (IANA service names), for systems without the file.
func builtinServices() map[string][2]int {
	both := func(n int) [2]int { return [2]int{n, n} }
	tcp := func(n int) [2]int { return [2]int{n, -1} }
	udp := func(n int) [2]int { return [2]int{-1, n} }
	return map[string][2]int{
		"ftp-data": tcp(20), "ftp": tcp(21), "ssh": tcp(22), "telnet": tcp(23), "smtp": tcp(25), "domain": both(53),
		"bootps": udp(67), "bootpc": udp(68), "tftp": udp(69), "http": tcp(80), "kerberos": both(88), "pop3": tcp(110),
		"sunrpc": both(111), "ntp": udp(123), "netbios-ns": udp(137), "netbios-dgm": udp(138), "netbios-ssn": tcp(139),
		"imap2": tcp(143), "imap": tcp(143), "snmp": both(161), "snmp-trap": both(162), "bgp": tcp(179),
		"ldap": both(389), "https": both(443), "microsoft-ds": both(445), "syslog": udp(514), "ldaps": both(636),
		"imaps": tcp(993), "pop3s": tcp(995), "openvpn": udp(1194), "mysql": tcp(3306), "postgresql": tcp(5432),
		"sip": both(5060), "mdns": udp(5353), "http-alt": both(8080),
	}
}

// builtinProtocols are IP protocol names (IANA), for systems without the file.
func builtinProtocols() map[string]int {
	return map[string]int{
		"ip": 0, "icmp": 1, "igmp": 2, "ipencap": 4, "tcp": ipTCP, "egp": 8, "igp": 9, "udp": ipUDP, "dccp": 33,
		"ipv6": 41, "ipv6-route": 43, "ipv6-frag": 44, "rsvp": 46, "gre": 47, "esp": 50, "ah": 51, "ipv6-icmp": 58,
		"ipv6-nonxt": 59, "ipv6-opts": 60, "eigrp": 88, "ospf": 89, "pim": 103, "vrrp": 112, "l2tp": 115, "isis": 124,
		"sctp": 132, "udplite": 136,
	}
}

// serviceNames lists the services known to the system, for suggestions.
func serviceNames() []string {
	systemResolver.once.Do(systemResolver.read)
	names := make([]string, 0, len(systemResolver.services))
	for n := range systemResolver.services {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
