package app

// Protocol is the application protocol of a flow. The numbers may change between
// versions, the names of [Protocol.String] do not: store names.
type Protocol uint8

// The protocols that are told apart. Unknown is the zero value.
const (
	Unknown Protocol = iota
	A2S
	AMQP
	BGP
	BitTorrent
	BitTorrentDHT
	DHCP
	DHCPv6
	DNS
	DTLS
	FTP
	GQUIC
	HTTP
	HTTP2
	IMAP
	ISAKMP
	Kafka
	LDAP
	LLMNR
	MDNS
	MongoDB
	MQTT
	MySQL
	NATS
	NetBIOSDatagram
	NetBIOSName
	NTP
	POP3
	PostgreSQL
	QUIC
	RADIUS
	RakNet
	RDP
	Redis
	RIP
	RPC
	Rsync
	RTCP
	RTP
	RTSP
	SIP
	SMB
	SMTP
	SNMP
	SSDP
	SSH
	STUN
	Syslog
	Telnet
	TFTP
	TLS
	VNC
	WireGuard
	XMPP
	numProtocols
)

var protocolNames = [numProtocols]string{
	Unknown:         "unknown",
	A2S:             "a2s",
	AMQP:            "amqp",
	BGP:             "bgp",
	BitTorrent:      "bittorrent",
	BitTorrentDHT:   "bt-dht",
	DHCP:            "dhcp",
	DHCPv6:          "dhcpv6",
	DNS:             "dns",
	DTLS:            "dtls",
	FTP:             "ftp",
	GQUIC:           "gquic",
	HTTP:            "http",
	HTTP2:           "http2",
	IMAP:            "imap",
	ISAKMP:          "isakmp",
	Kafka:           "kafka",
	LDAP:            "ldap",
	LLMNR:           "llmnr",
	MDNS:            "mdns",
	MongoDB:         "mongo",
	MQTT:            "mqtt",
	MySQL:           "mysql",
	NATS:            "nats",
	NetBIOSDatagram: "nbdgm",
	NetBIOSName:     "nbns",
	NTP:             "ntp",
	POP3:            "pop",
	PostgreSQL:      "pgsql",
	QUIC:            "quic",
	RADIUS:          "radius",
	RakNet:          "raknet",
	RDP:             "rdp",
	Redis:           "redis",
	RIP:             "rip",
	RPC:             "rpc",
	Rsync:           "rsync",
	RTCP:            "rtcp",
	RTP:             "rtp",
	RTSP:            "rtsp",
	SIP:             "sip",
	SMB:             "smb",
	SMTP:            "smtp",
	SNMP:            "snmp",
	SSDP:            "ssdp",
	SSH:             "ssh",
	STUN:            "stun",
	Syslog:          "syslog",
	Telnet:          "telnet",
	TFTP:            "tftp",
	TLS:             "tls",
	VNC:             "vnc",
	WireGuard:       "wireguard",
	XMPP:            "xmpp",
}

// String gives the stable lower-case name, tshark's protocol name where tshark has one.
func (p Protocol) String() string {
	if p >= numProtocols {
		return "unknown"
	}
	return protocolNames[p]
}

// ParseProtocol finds the protocol of that name, the inverse of [Protocol.String].
func ParseProtocol(name string) (Protocol, bool) {
	for p, s := range protocolNames {
		if s == name {
			return Protocol(p), true
		}
	}
	return Unknown, false
}

// Protocols gives every protocol that can be recognised, Unknown left out.
func Protocols() []Protocol {
	all := make([]Protocol, 0, numProtocols-1)
	for p := Unknown + 1; p < numProtocols; p++ {
		all = append(all, p)
	}
	return all
}
