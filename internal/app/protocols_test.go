package app

import (
	"bytes"
	"encoding/binary"
	"math/rand/v2"
	"strings"
	"testing"
)

// sample is a message that is recognised.
type sample struct {
	name       string
	transport  uint8
	fromServer bool
	port       uint16 // of the server
	payload    []byte
	want       Protocol
	fields     map[FieldID]string
	tshark     string // protocol column of tshark 4.0, "" when it needs more than one packet
}

func le(n uint32) []byte { return binary.LittleEndian.AppendUint32(nil, n) }
func be(n uint32) []byte { return binary.BigEndian.AppendUint32(nil, n) }

// sampleTime is the capture time of the samples: 2026-01-01 in seconds.
const sampleTime = 1767225600

// samples has at least one message of every protocol.
func samples(t testing.TB) []sample {
	nb := func(name string) []byte {
		var b []byte
		for i := range 16 {
			c := byte(' ')
			if i < len(name) {
				c = name[i]
			}
			if i == 15 {
				c = 0
			}
			b = append(b, 'A'+c>>4, 'A'+c&15)
		}
		return join([]byte{32}, b, []byte{0})
	}
	dhcp := make([]byte, 236)
	dhcp[0], dhcp[1], dhcp[2] = 1, 1, 6
	dhcp = join(dhcp, be(dhcpCookie), []byte{53, 1, 1, 0, 12, 8}, []byte("laptop\x00\x00"), []byte{60, 8}, []byte("MSFT 5.0"), []byte{255})
	dhcp6 := join([]byte{1, 0x12, 0x34, 0x56}, u16(1), vec(2, []byte{0, 3, 0, 1, 2, 2, 3, 4, 5, 6}), u16(39), vec(2, join([]byte{0}, encodeName("pc.example"))), u16(8), vec(2, []byte{0, 0}))
	ntpClient := join([]byte{0x23}, make([]byte, 47))
	ntpServer := join([]byte{0x24, 2, 6, 0xe9}, make([]byte, 36), be(sampleTime+ntpEpoch), be(0))
	rpc := join(be(7), be(0), be(2), be(100003), be(3), be(1), make([]byte, 16))
	isakmp := join(be(1), be(2), make([]byte, 8), []byte{33, 0x20, 34, 8}, be(0), be(28+8), []byte{0, 0, 0, 8, 1, 2, 3, 4})
	rtp := func(seq int) []byte {
		return join([]byte{0x80, 0}, u16(seq), be(160), be(0xdeadbeef), make([]byte, 160))
	}
	mongo := func(op uint32, rest []byte) []byte { return join(le(uint32(16+len(rest))), le(1), le(0), le(op), rest) }
	kafka := vec(2, join(u16(18), u16(3), be(1), vec(2, []byte("client-1")), []byte{0, 0}))
	smb := func(mark byte) []byte { return join(be(64), []byte{mark}, []byte("SMB"), make([]byte, 60)) }
	mysql := join([]byte{10}, []byte("8.0.36\x00"), make([]byte, 60))
	postgres := join(be(8+5+5+1), be(3<<16), []byte("user\x00"), []byte("root\x00"), []byte{0})
	rdp := join([]byte{3, 0, 0, 19, 14, 0xe0, 0, 0, 0, 0, 0, 1, 0, 8, 0}, le(3))
	snmp := unhex(t, "302602010104067075626c6963a019020101020100020100300e300c06082b060102010101000500")
	ldap := unhex(t, "300c020101600702010304008000")
	rtcp := join([]byte{0x80, 201}, u16(1), be(5), []byte{0x81, 202}, u16(3), be(5), []byte{1, 2, 'a', 'b', 0, 0, 0, 0})
	connect := func(name string, level byte, props []byte, id string) []byte {
		b := join(vec(2, []byte(name)), []byte{level, 2}, u16(60), props, vec(2, []byte(id)))
		return join([]byte{0x10, byte(len(b))}, b)
	}
	radius := join([]byte{1, 9}, u16(20+8), make([]byte, 16), []byte{1, 8}, []byte("nobody"))
	stun := join(u16(1), u16(0), be(0x2112a442), make([]byte, 12))
	return []sample{
		{"tls", 6, false, 443, record(exampleHello(t), maxRecord), TLS, map[FieldID]string{FieldTLSServerName: "www.example.com"}, "TLSv1"},
		{"quic", 17, false, 443, sealInitial(t, &quicV1, unhex(t, rfcConnID), 2, pad(unhex(t, rfcCrypto), unhex(t, rfcConnID))), QUIC, map[FieldID]string{FieldTLSServerName: "example.com"}, "QUIC"},
		{"http", 6, false, 80, []byte("GET / HTTP/1.1\r\nHost: h.example\r\n\r\n"), HTTP, map[FieldID]string{FieldHTTPHost: "h.example"}, "HTTP"},
		{"http2", 6, false, 80, []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), HTTP2, nil, "HTTP2"},
		{"ssh client", 6, false, 22, []byte("SSH-2.0-OpenSSH_9.6\r\n"), SSH, map[FieldID]string{FieldSSHProtocol: "SSH-2.0-OpenSSH_9.6"}, "SSH"},
		{"ssh server", 6, true, 22, []byte("SSH-2.0-dropbear\r\n"), SSH, map[FieldID]string{FieldSSHProtocol: "SSH-2.0-dropbear"}, "SSH"},
		{"dns", 17, false, 53, dnsMessage(0x0100, 1, 0, 0, 0, question("d.example", 1)), DNS, map[FieldID]string{FieldDNSQueryName: "d.example"}, "DNS"},
		{"dns over tcp", 6, false, 53, vec(2, dnsMessage(0x0100, 1, 0, 0, 0, question("d.example", 1))), DNS, map[FieldID]string{FieldDNSQueryName: "d.example"}, "DNS"},
		{"mdns", 17, false, 5353, dnsMessage(0, 1, 0, 0, 0, question("_http._tcp.local", 12)), MDNS, map[FieldID]string{FieldDNSQueryName: "_http._tcp.local"}, "MDNS"},
		{"llmnr", 17, false, 5355, dnsMessage(0, 1, 0, 0, 0, question("pc", 1)), LLMNR, map[FieldID]string{FieldDNSQueryName: "pc"}, "LLMNR"},
		{"dhcp", 17, false, 67, dhcp, DHCP, map[FieldID]string{FieldDHCPHostName: "laptop", FieldDHCPVendorClass: "MSFT 5.0"}, "DHCP"},
		{"bootp", 17, false, 67, join([]byte{1, 1, 6, 0}, make([]byte, 296)), DHCP, nil, "BOOTP"},
		{"dhcpv6", 17, false, 547, dhcp6, DHCPv6, map[FieldID]string{FieldDHCPv6ClientName: "pc.example."}, "DHCPv6"},
		{"dhcpv6 without a client identifier", 17, true, 547, join([]byte{7, 0, 0, 1}, u16(2), vec(2, []byte{0, 3, 0, 1, 2, 2, 3, 4, 5, 6})), DHCPv6, nil, "DHCPv6"},
		{"dhcpv6 of a relay", 17, false, 547, join([]byte{12, 0}, make([]byte, 32), u16(9), vec(2, dhcp6)), DHCPv6, map[FieldID]string{FieldDHCPv6ClientName: "pc.example."}, "DHCPv6"},
		{"artnet", 17, false, 6454, []byte("Art-Net\x00\x00\x20\x00\x0e\x00\x00"), ArtNet, nil, "ARTNET"},
		{"dropbox", 17, false, 17500, []byte(`{"host_int": 1, "version": [2, 0], "displayname": "", "port": 17500, "namespaces": [1]}`), DropboxLAN, nil, "DB-LSP-DISC/JSON"},
		{"netflow 5", 17, false, 2055, join(be(5<<16|1), make([]byte, 20+48)), CFlow, nil, "CFLOW"},
		{"netflow 9", 17, false, 2055, join(be(9<<16|1), be(1), be(sampleTime), be(1), be(1), u16(0), u16(12), u16(256), u16(1), u16(8), u16(4)), CFlow, nil, "CFLOW"},
		{"ipfix", 17, false, 4739, join(u16(10), u16(28), be(sampleTime), be(1), be(1), u16(2), u16(12), u16(256), u16(1), u16(8), u16(4)), CFlow, nil, "CFLOW"},
		{"sflow", 17, false, 6343, join(be(5), be(1), be(0x0a000001), be(0), be(7), be(9), be(1), be(2), be(12), be(1), be(1), be(0)), SFlow, nil, "sFlow"},
		{"cassandra", 6, false, 9042, join([]byte{4, 0, 0, 0, 1}, be(22), u16(1), vec(2, []byte("CQL_VERSION")), vec(2, []byte("3.0.0"))), CQL, nil, "CQL"},
		{"git", 6, false, 9418, []byte("0030git-upload-pack /x.git\x00host=git.example.org\x00"), Git, nil, ""},
		{"irc", 6, false, 6667, []byte("NICK bob\r\nUSER bob 0 * :Bob\r\n"), IRC, nil, "IRC"},
		{"irc capabilities", 6, false, 6667, []byte("CAP LS 302\r\n"), IRC, nil, "IRC"},
		{"irc server", 6, true, 6667, []byte(":irc.example NOTICE * :*** Looking up your hostname\r\n"), IRC, nil, "IRC"},
		{"minecraft", 6, false, 25565, join([]byte{21, 0, 0xf6, 5, 14}, []byte("mc.example.org"), []byte{0x63, 0xdd, 1, 1, 0}), Minecraft, nil, ""},
		{"minecraft with modifications", 6, false, 25565, join([]byte{20, 0, 0x2f, 14}, []byte("localhost\x00FML\x00"), []byte{0x63, 0xdd, 2}), Minecraft, nil, ""},
		{"openvpn", 17, false, portOpenVPN, join([]byte{openVPNClient}, []byte("12345678"), make([]byte, 5)), OpenVPN, nil, "OpenVPN"},
		{"openvpn server", 17, true, portOpenVPN, join([]byte{openVPNServer}, []byte("12345678"), []byte{1}, be(0), []byte("abcdefgh"), be(0)), OpenVPN, nil, "OpenVPN"},
		{"openvpn authenticated", 17, false, portOpenVPN, join([]byte{openVPNClient}, []byte("12345678"), make([]byte, 20), be(1), be(sampleTime), make([]byte, 5)), OpenVPN, nil, "OpenVPN"},
		{"openvpn encrypted", 17, false, portOpenVPN, join([]byte{openVPNClient}, []byte("12345678"), be(1), be(sampleTime), make([]byte, 37)), OpenVPN, nil, "OpenVPN"},
		{"openvpn over tcp", 6, false, portOpenVPN, vec(2, join([]byte{openVPNClient}, []byte("12345678"), make([]byte, 5))), OpenVPN, nil, "OpenVPN"},
		{"quake3", 17, false, 27960, []byte("\xff\xff\xff\xffgetstatus\n"), Quake3, nil, "QUAKE3"},
		{"steam discovery", 17, false, 27036, join([]byte("\xff\xff\xff\xff\x21\x4c\x5f\xa0"), le(4), []byte{8, 1, 16, 0}, le(2), []byte{8, 1}), SteamDiscovery, nil, "STEAMDISCOVER"},
		{"sql server", 6, false, 1433, join([]byte{0x12, 1}, u16(8+12), make([]byte, 4), []byte{0, 0, 6, 0, 6, 0xff}, make([]byte, 6)), TDS, nil, "TDS"},
		{"teamspeak", 17, false, 9987, []byte("TS3INIT1\x00\x65\x00\x00\x88" + strings.Repeat("\x00", 21)), TeamSpeak, nil, ""},
		{"oracle", 6, false, 1521, join(u16(58), u16(0), []byte{1, 0, 0, 0}, u16(0x136), u16(0x12c), make([]byte, 46)), TNS, nil, "TNS"},
		{"a2s answer", 17, true, 27015, []byte("\xff\xff\xff\xffI\x11a \x02 server\x00map\x00cstrike\x00Counter\x00\x0a\x00\x05\x10\x00dl\x00\x01"), A2S, nil, ""},
		{"a2s players", 17, false, 27015, []byte("\xff\xff\xff\xffU\xff\xff\xff\xff"), A2S, nil, ""},
		{"ntp client", 17, false, 123, ntpClient, NTP, nil, "NTP"},
		{"ntp server", 17, true, 123, ntpServer, NTP, nil, "NTP"},
		{"ntp server on another port", 17, true, 10123, ntpServer, NTP, nil, ""},
		{"mqtt 3.1.1", 6, false, 1883, connect("MQTT", 4, nil, "sensor-1"), MQTT, map[FieldID]string{FieldMQTTClientID: "sensor-1"}, "MQTT"},
		{"mqtt 3.1", 6, false, 1883, connect("MQIsdp", 3, nil, "old"), MQTT, map[FieldID]string{FieldMQTTClientID: "old"}, "MQTT"},
		{"mqtt 5", 6, false, 1883, connect("MQTT", 5, []byte{5, 0x11, 0, 0, 0, 10}, "new"), MQTT, map[FieldID]string{FieldMQTTClientID: "new"}, "MQTT"},
		{"smtp", 6, true, 25, []byte("220 mx.example ESMTP ready\r\n"), SMTP, nil, "SMTP"},
		{"ftp", 6, true, 21, []byte("220 (vsFTPd 3.0.3)\r\n"), FTP, nil, "FTP"},
		{"pop", 6, true, 110, []byte("+OK POP3 ready\r\n"), POP3, nil, "POP"},
		{"imap", 6, true, 143, []byte("* OK [CAPABILITY IMAP4rev1] ready\r\n"), IMAP, nil, "IMAP"},
		{"redis", 6, false, 6379, []byte("*1\r\n$4\r\nPING\r\n"), Redis, nil, ""},
		{"xmpp", 6, false, 5222, []byte("<?xml version='1.0'?><stream:stream xmlns:stream='http://etherx.jabber.org/streams'>"), XMPP, nil, "XMPP/XML"},
		{"rsync", 6, true, 873, []byte("@RSYNCD: 31.0\n"), Rsync, nil, "RSYNC"},
		{"amqp", 6, false, 5672, []byte("AMQP\x00\x00\x09\x01"), AMQP, nil, "AMQP"},
		{"nats", 6, true, 4222, []byte(`INFO {"server_id":"x"}` + "\r\n"), NATS, nil, ""},
		{"vnc", 6, true, 5900, []byte("RFB 003.008\n"), VNC, nil, "VNC"},
		{"rtsp", 6, false, 554, []byte("OPTIONS rtsp://h/ RTSP/1.0\r\nCSeq: 1\r\n\r\n"), RTSP, nil, "RTSP"},
		{"sip over tcp", 6, false, 5060, []byte("OPTIONS sip:a@b SIP/2.0\r\nVia: SIP/2.0/TCP h\r\n\r\n"), SIP, nil, "SIP"},
		{"sip", 17, false, 5060, []byte("REGISTER sip:b SIP/2.0\r\nVia: SIP/2.0/UDP h\r\n\r\n"), SIP, nil, "SIP"},
		{"ssdp", 17, false, 1900, []byte("M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\nMAN: \"ssdp:discover\"\r\n\r\n"), SSDP, map[FieldID]string{FieldHTTPHost: "239.255.255.250:1900"}, "SSDP"},
		{"bittorrent", 6, false, 6881, []byte("\x13BitTorrent protocol" + strings.Repeat("\x00", 48)), BitTorrent, nil, "BitTorrent"},
		{"bt-dht", 17, false, 6881, []byte("d1:ad2:id20:abcdefghij0123456789e1:q4:ping1:t2:aa1:y1:qe"), BitTorrentDHT, nil, "BT-DHT"},
		{"rdp", 6, false, 3389, rdp, RDP, nil, "RDP"},
		{"smb1", 6, false, 445, smb(0xff), SMB, nil, ""},
		{"smb2", 6, false, 445, smb(0xfe), SMB, nil, "SMB2"},
		{"mysql", 6, true, 3306, join(le(uint32(len(mysql))), mysql), MySQL, nil, "MySQL"},
		{"pgsql", 6, false, 5432, postgres, PostgreSQL, nil, "PGSQL"},
		{"pgsql ssl", 6, false, 5432, join(be(8), be(80877103)), PostgreSQL, nil, "PGSQL"},
		{"mongo", 6, false, 27017, mongo(2013, join(le(0), []byte{0}, make([]byte, 20))), MongoDB, nil, ""},
		{"mongo hello", 6, false, 27017, mongo(2004, join(le(4), []byte("admin.$cmd\x00"), make([]byte, 20))), MongoDB, nil, ""},
		{"kafka", 6, false, 9092, join([]byte{0, 0}, kafka), Kafka, nil, "Kafka"},
		{"ldap", 6, false, 389, ldap, LDAP, nil, "LDAP"},
		{"bgp", 6, false, 179, join(bytes.Repeat([]byte{0xff}, 16), u16(19), []byte{4}), BGP, nil, "BGP"},
		{"telnet", 6, true, 23, []byte{0xff, 0xfd, 0x18, 0xff, 0xfd, 0x20}, Telnet, nil, "TELNET"},
		{"rpc", 17, false, 2049, rpc, RPC, nil, ""},
		{"rpc over tcp", 6, false, 2049, join(be(1<<31|uint32(len(rpc))), rpc), RPC, nil, ""},
		{"stun", 17, false, 3478, stun, STUN, nil, "STUN"},
		{"wireguard", 17, false, 51820, join([]byte{1, 0, 0, 0}, make([]byte, 144)), WireGuard, nil, "WireGuard"},
		{"isakmp", 17, false, 500, isakmp, ISAKMP, nil, "ISAKMP"},
		{"isakmp through nat", 17, false, 4500, join(be(0), isakmp), ISAKMP, nil, "ISAKMP"},
		{"rip", 17, false, 520, join([]byte{2, 2, 0, 0, 0, 2, 0, 0}, make([]byte, 12), be(1)), RIP, nil, "RIPv2"},
		{"radius", 17, false, 1812, radius, RADIUS, nil, "RADIUS"},
		{"tftp", 17, false, 69, []byte("\x00\x01file\x00octet\x00"), TFTP, nil, "TFTP"},
		{"snmp", 17, false, 161, snmp, SNMP, nil, "SNMP"},
		{"syslog", 17, false, 514, []byte("<34>Oct 11 22:14:15 mymachine su: failed"), Syslog, nil, "Syslog"},
		{"syslog 5424", 17, false, 514, []byte("<165>1 2003-08-24T05:14:15.000003-07:00 h a - - - x"), Syslog, nil, "Syslog"},
		{"raknet", 17, false, 19132, join([]byte{1}, make([]byte, 8), []byte(rakNetMagic), make([]byte, 8)), RakNet, nil, ""},
		{"a2s", 17, false, 27015, []byte("\xff\xff\xff\xffTSource Engine Query\x00"), A2S, nil, ""},
		{"gquic", 17, false, 443, join([]byte{0x0d}, make([]byte, 8), []byte("Q043"), make([]byte, 1200)), GQUIC, nil, "GQUIC"},
		{"nbns", 17, false, 137, dnsMessage(0x0110, 1, 0, 0, 0, nb("WORKGROUP"), u16(32), u16(1)), NetBIOSName, map[FieldID]string{FieldNBNSName: "WORKGROUP<00>"}, "NBNS"},
		{"nbdgm", 17, false, 138, join([]byte{0x11, 2}, u16(1), make([]byte, 4), u16(138), u16(68+20), u16(0), nb("A"), nb("B"), make([]byte, 20)), NetBIOSDatagram, nil, ""},
		{"rtcp", 17, false, 5005, rtcp, RTCP, nil, ""},
		{"rtp", 17, false, 5004, rtp(7), RTP, nil, ""},
		{"dtls", 17, false, 4433, dtlsSample(), DTLS, map[FieldID]string{FieldTLSServerName: "dtls.example"}, "DTLS"},
	}
}

func dtlsSample() []byte {
	h := helloSpec{version: 0xfefd, ciphers: []int{0xc02b}, extensions: []int{0}, sni: "dtls.example", dtls: true}
	body := h.body()
	hello := join([]byte{msgClientHello}, u24(len(body)), u16(0), u24(0), u24(len(body)), body)
	return join([]byte{recordHandshake, 0xfe, 0xfd}, make([]byte, 8), vec(2, hello))
}

func (c sample) segment() Segment {
	s := Segment{Transport: c.transport, FromClient: !c.fromServer, SrcPort: 40000, DstPort: c.port, Payload: c.payload, Time: sampleTime * 1e9}
	if c.want == DHCPv6 { // which has two ports
		s.SrcPort, s.DstPort = 546, 547
	}
	if c.fromServer {
		s.SrcPort, s.DstPort = s.DstPort, s.SrcPort
	}
	return s
}

func TestProtocols(t *testing.T) {
	seen := map[Protocol]bool{}
	for _, c := range samples(t) {
		t.Run(c.name, func(t *testing.T) {
			seen[c.want] = true
			r := NewRecognizer(Options{})
			var st FlowState
			s := c.segment()
			if c.want == RTP { // which takes two packets in succession
				before := s
				before.Payload = bytes.Clone(c.payload)
				before.Payload[3]--
				r.Segment(&st, &before)
			}
			o := r.Segment(&st, &s)
			if st.Protocol() != c.want {
				t.Fatalf("got %v (%v), want %v", st.Protocol(), o, c.want)
			}
			for id, want := range c.fields {
				expect(t, r, id, want)
			}
			// From another port, except where the payload cannot tell.
			if portTells(c) {
				return
			}
			other := s
			if c.fromServer {
				other.SrcPort = 31234
			} else {
				other.DstPort = 31234
			}
			if _, st, _ := one(other); st.Protocol() != c.want && c.want != RTP {
				t.Errorf("on another port: got %v", st.Protocol())
			}
		})
	}
	for _, p := range Protocols() {
		if !seen[p] {
			t.Errorf("%v has no sample", p)
		}
	}
}

func portTells(c sample) bool {
	return c.want == MDNS || c.want == LLMNR || c.name == "ntp client" || c.name == "bootp" || c.name == "openvpn" || c.name == "openvpn over tcp" || c.name == "dhcpv6 without a client identifier"
}

// TestNearMisses: what looks almost like a protocol stays unknown.
func TestNearMisses(t *testing.T) {
	for _, c := range []struct {
		name   string
		udp    bool
		server bool
		data   string
	}{
		{name: "a TLS record of a version that is none", data: "\x16\x04\x01\x00\x05\x01\x00\x00\x01\x00"},
		{name: "a TLS record that is too long", data: "\x16\x03\x01\xff\xff\x01\x00\x00\x01\x00"},
		{name: "a TLS handshake of no known message", data: "\x16\x03\x01\x00\x05\x63\x00\x00\x01\x00"},
		{name: "220 from the client", data: "220 smtp\r\n"},
		{name: "+OK from the client", data: "+OK\r\n"},
		{name: "a Redis array of a number", data: "*1\r\n$2\r\n12\r\n"},
		{name: "BitTorrent in other words", data: "\x13BitTorrent protocoL"},
		{name: "MQTT of another name", data: "\x10\x10\x00\x04MQTX\x04\x02\x00\x3c\x00\x04abcd"},
		{name: "SSH without a version", data: "SSH is great\r\n"},
		{name: "MySQL whose length is wrong", server: true, data: "\x4a\x00\x00\x00\x0a8.0.36\x00" + strings.Repeat("x", 20)},
		{name: "SMB without its letters", data: "\x00\x00\x00\x40\xffSMX" + strings.Repeat("\x00", 60)},
		{name: "telnet with one byte", data: "\xff"},
		{name: "BGP of type 9", data: strings.Repeat("\xff", 16) + "\x00\x13\x09"},
		{name: "STUN with an odd length", udp: true, data: "\x00\x01\x00\x03\x21\x12\xa4\x42" + strings.Repeat("\x00", 12)},
		{name: "WireGuard of another length", udp: true, data: "\x01\x00\x00\x00" + strings.Repeat("x", 143)},
		{name: "IKE whose length is wrong", udp: true, data: "abcdefgh\x00\x00\x00\x00\x00\x00\x00\x00\x21\x20\x22\x08\x00\x00\x00\x00\x00\x00\x00\x1d" + strings.Repeat("x", 8)},
		{name: "QUIC of version 3", udp: true, data: "\xc3\x00\x00\x00\x03\x08abcdefgh" + strings.Repeat("\x00", 1200)},
		{name: "TFTP in another mode", udp: true, data: "\x00\x01file\x00binary\x00"},
		{name: "syslog of priority 192", udp: true, data: "<192>Oct 11 22:14:15 h x"},
		{name: "syslog of the 13th month", udp: true, data: "<34>Abc 11 22:14:15 h x"},
		{name: "DHCP without a cookie", udp: true, data: "\x01\x01\x06" + strings.Repeat("\x00", 300)},
		{name: "an NTP answer of another year", udp: true, data: "\x24\x02\x06\xe9" + strings.Repeat("\x00", 36) + "\x80\x00\x00\x00\x00\x00\x00\x00"},
		{name: "SNMP with something behind it", udp: true, data: "\x30\x08\x02\x01\x01\x04\x01p\xa0\x00x"},
		{name: "RIP with metric 17", udp: true, data: "\x02\x02\x00\x00\x00\x02\x00\x00" + strings.Repeat("\x00", 12) + "\x00\x00\x00\x11"},
		{name: "RADIUS whose attributes do not fit", udp: true, data: "\x01\x09\x00\x1c" + strings.Repeat("\x00", 16) + "\x01\x09nobody"},
		{name: "one RTP packet", udp: true, data: "\x80\x00\x00\x07" + strings.Repeat("\x01", 100)},
		{name: "OpenVPN's first message on another port", udp: true, data: "\x3812345678\x00\x00\x00\x00\x00"},
		{name: "OpenVPN of another size", udp: true, data: "\x3812345678\x00\x00\x00\x00\x01\x00\x00\x00\x00\x00"},
		{name: "a Minecraft handshake of another length", data: "\x16\x00\xf6\x05\x0emc.example.org\x63\xdd\x01\x01"},
		{name: "a Minecraft handshake that wants something else", data: "\x15\x00\xf6\x05\x0emc.example.org\x63\xdd\x09\x01"},
		{name: "Source with a challenge of its own", udp: true, data: "\xff\xff\xff\xffU\x01\x02\x03\x04"},
		{name: "Quake in other words", udp: true, data: "\xff\xff\xff\xffgetlost\n"},
		{name: "a search of BitTorrent", udp: true, data: "BT-SEARCH * HTTP/1.1\r\nHost: 239.192.152.143:6771\r\n\r\n"},
		{name: "NetFlow 5 with another number of flows", udp: true, data: "\x00\x05\x00\x02" + strings.Repeat("\x00", 68)},
		{name: "sFlow whose samples do not fit", udp: true, data: "\x00\x00\x00\x05\x00\x00\x00\x01" + strings.Repeat("\x01", 40)},
		{name: "somebody called Nick", data: "NICK is here\r\n"},
		{name: "TDS without versions", data: "\x12\x01\x00\x14\x00\x00\x00\x00\x01\x00\x06\x00\x06\xff\x00\x00\x00\x00\x00\x00"},
		{name: "letters", udp: true, data: "Hello, world, how are you today?"},
		{name: "nothing at all", udp: true, data: "\x00"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := Segment{Transport: 6, FromClient: !c.server, SrcPort: 40000, DstPort: 31234, Payload: []byte(c.data), Time: sampleTime * 1e9}
			if c.udp {
				s.Transport = 17
			}
			if _, st, o := one(s); st.Protocol() != Unknown || o != OutcomeNone {
				t.Errorf("taken for %v (%v)", st.Protocol(), o)
			}
		})
	}
}

// TestRandomIsUnknown: random payloads are practically never taken for something.
func TestRandomIsUnknown(t *testing.T) {
	rng := rand.New(rand.NewPCG(13, 14))
	wrong := map[Protocol]int{}
	const rounds = 400000
	r := NewRecognizer(Options{})
	buf := make([]byte, 1500)
	for i := range rounds {
		n := 1 + rng.IntN(300)
		for j := 0; j < n; j += 8 {
			binary.LittleEndian.PutUint64(buf[j:], rng.Uint64())
		}
		var st FlowState
		s := Segment{Transport: 6, FromClient: i&2 == 0, SrcPort: 40000, DstPort: 31234, Payload: buf[:n], Time: sampleTime * 1e9}
		if i&1 == 0 {
			s.Transport = 17
		}
		r.Segment(&st, &s)
		if st.Protocol() != Unknown {
			wrong[st.Protocol()]++
		}
		r.Release(&st)
	}
	total := 0
	for p, n := range wrong {
		t.Logf("%v: %d of %d", p, n, rounds)
		total += n
	}
	if total > 2 {
		t.Errorf("%d of %d random payloads were taken for a protocol", total, rounds)
	}
}

func TestAmbiguousGreeting(t *testing.T) {
	for answer, want := range map[string]Protocol{"EHLO x\r\n": SMTP, "user anonymous\r\n": FTP, "hi\r\n": Unknown} {
		r := NewRecognizer(Options{})
		var st FlowState
		r.Segment(&st, &Segment{Transport: 6, Payload: []byte("220 welcome\r\n")})
		r.Segment(&st, &Segment{Transport: 6, FromClient: true, Payload: []byte(answer)})
		if st.Protocol() != want {
			t.Errorf("%q: %v, want %v", answer, st.Protocol(), want)
		}
	}
}

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	for _, p := range Protocols() {
		s := p.String()
		if s == "" || s == "unknown" || seen[s] || strings.ToLower(s) != s {
			t.Errorf("protocol %d is called %q", p, s)
		}
		seen[s] = true
		if got, ok := ParseProtocol(s); !ok || got != p {
			t.Errorf("%q is not found again", s)
		}
	}
	for _, id := range FieldIDs() {
		s := id.String()
		if s == "" || seen[s] {
			t.Errorf("field %d is called %q", id, s)
		}
		seen[s] = true
		if got, ok := ParseField(s); !ok || got != id {
			t.Errorf("%q is not found again", s)
		}
	}
	if Protocol(200).String() != "unknown" || FieldID(200).String() != "" || Outcome(200).String() != "invalid" {
		t.Error("numbers that do not exist have names")
	}
	if _, ok := ParseField(""); ok {
		t.Error("an empty name was found")
	}
	if _, ok := ParseProtocol("no such"); ok {
		t.Error("a protocol was found that does not exist")
	}
}

// TestEveryCallHasAnOutcome: the outcomes add up to the calls.
func TestEveryCallHasAnOutcome(t *testing.T) {
	r := NewRecognizer(Options{})
	calls := uint64(0)
	for _, c := range samples(t) {
		var st FlowState
		s := c.segment()
		for _, transport := range []uint8{6, 17, 1} {
			s.Transport = transport
			for range 10 {
				r.Segment(&st, &s)
				s.Seq += uint32(len(s.Payload))
				calls++
			}
		}
	}
	sum := uint64(0)
	counters := r.Counters()
	for _, n := range counters.Outcomes {
		sum += n
	}
	if sum != calls {
		t.Errorf("%d outcomes for %d calls", sum, calls)
	}
}

func TestGivesUp(t *testing.T) {
	for _, transport := range []uint8{6, 17} {
		r := NewRecognizer(Options{})
		var st FlowState
		n := 0
		for ; !st.Done() && n < 100; n++ {
			o := r.Segment(&st, &Segment{Transport: transport, FromClient: n&1 == 0, SrcPort: 1000, DstPort: 2000, Payload: []byte{0xa5, 1, 2, 3, 4, 5, 6, 7, 8}})
			if (o == OutcomeGaveUp) != st.Done() {
				t.Fatalf("outcome %v, done %v", o, st.Done())
			}
		}
		want := maxLooksUnknown
		if transport == 6 {
			want *= 2
		}
		if n != want {
			t.Errorf("transport %d: given up after %d segments", transport, n)
		}
	}
}

// TestRequestAfterLongAnswer: the capture starts in the middle of an answer.
func TestRequestAfterLongAnswer(t *testing.T) {
	r := NewRecognizer(Options{})
	var st FlowState
	for range 50 {
		r.Segment(&st, &Segment{Transport: 6, SrcPort: 80, DstPort: 2000, Payload: []byte{0xa5, 1, 2, 3, 4, 5, 6, 7, 8}})
	}
	if st.Done() {
		t.Fatal("the flow was given up, and the client has not said anything")
	}
	r.Segment(&st, &Segment{Transport: 6, FromClient: true, SrcPort: 2000, DstPort: 80, Payload: []byte("GET / HTTP/1.1\r\nHost: late.example\r\n\r\n")})
	expect(t, r, FieldHTTPHost, "late.example")
}
