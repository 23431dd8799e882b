package app

// Protocol is the application protocol of a flow. The numbers may change between
// versions, the names of [Protocol.String] do not: store names.
type Protocol uint8

// The protocols that are told apart. Unknown is the zero value.
const (
	Unknown Protocol = iota
	A2S
	AMQP
	ArtNet
	BGP
	BitTorrent
	BitTorrentDHT
	CFlow
	CQL
	DHCP
	DHCPv6
	DNS
	DropboxLAN
	DTLS
	FTP
	Git
	GQUIC
	HTTP
	HTTP2
	IMAP
	IRC
	ISAKMP
	Kafka
	LDAP
	LLMNR
	MDNS
	Minecraft
	MongoDB
	MQTT
	MySQL
	NATS
	NetBIOSDatagram
	NetBIOSName
	NTP
	OpenVPN
	POP3
	PostgreSQL
	Quake3
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
	SFlow
	SIP
	SMB
	SMTP
	SNMP
	SSDP
	SSH
	SteamDiscovery
	STUN
	Syslog
	TDS
	TeamSpeak
	Telnet
	TFTP
	TLS
	TNS
	VNC
	WireGuard
	XMPP
	numProtocols
)

var protocolNames = [numProtocols]string{
	Unknown:         "unknown",
	A2S:             "a2s",
	AMQP:            "amqp",
	ArtNet:          "artnet",
	BGP:             "bgp",
	BitTorrent:      "bittorrent",
	BitTorrentDHT:   "bt-dht",
	CFlow:           "cflow",
	CQL:             "cql",
	DHCP:            "dhcp",
	DHCPv6:          "dhcpv6",
	DNS:             "dns",
	DropboxLAN:      "db-lsp-disc",
	DTLS:            "dtls",
	FTP:             "ftp",
	Git:             "git",
	GQUIC:           "gquic",
	HTTP:            "http",
	HTTP2:           "http2",
	IMAP:            "imap",
	IRC:             "irc",
	ISAKMP:          "isakmp",
	Kafka:           "kafka",
	LDAP:            "ldap",
	LLMNR:           "llmnr",
	MDNS:            "mdns",
	Minecraft:       "minecraft",
	MongoDB:         "mongo",
	MQTT:            "mqtt",
	MySQL:           "mysql",
	NATS:            "nats",
	NetBIOSDatagram: "nbdgm",
	NetBIOSName:     "nbns",
	NTP:             "ntp",
	OpenVPN:         "openvpn",
	POP3:            "pop",
	PostgreSQL:      "pgsql",
	Quake3:          "quake3",
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
	SFlow:           "sflow",
	SIP:             "sip",
	SMB:             "smb",
	SMTP:            "smtp",
	SNMP:            "snmp",
	SSDP:            "ssdp",
	SSH:             "ssh",
	SteamDiscovery:  "steam_ihs_discovery",
	STUN:            "stun",
	Syslog:          "syslog",
	TDS:             "tds",
	TeamSpeak:       "teamspeak",
	Telnet:          "telnet",
	TFTP:            "tftp",
	TLS:             "tls",
	TNS:             "tns",
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
