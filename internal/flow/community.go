package flow

import (
	"bytes"
	"crypto/sha1"
	"encoding/base64"
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// CommunityID returns the Community ID, version 1 with seed 0, of a tuple: the same text
// for both directions, as Zeek, Suricata and others print it
// (github.com/corelight/community-id-spec). The ports of an ICMP tuple are type and code
// of the message, as the Table sets them.
func CommunityID(t *packet.Tuple) string {
	width := 16
	if t.Version == 4 {
		width = 4
	}
	src, dst := t.Src[16-width:], t.Dst[16-width:]
	sp, dp := t.SrcPort, t.DstPort
	ports, oneWay := true, false
	switch t.Proto {
	case protoTCP, protoUDP, protoSCTP:
	case protoICMP, protoICMPv6:
		_, paired := icmpPeer(t)
		oneWay = !paired
	default:
		ports = false
	}
	order := bytes.Compare(src, dst)
	if !oneWay && (order > 0 || order == 0 && sp > dp) {
		src, dst, sp, dp = dst, src, dp, sp
	}
	buf := make([]byte, 0, 2+2*16+2+4)
	buf = append(buf, 0, 0) // seed
	buf = append(buf, src...)
	buf = append(buf, dst...)
	buf = append(buf, t.Proto, 0)
	if ports {
		buf = binary.BigEndian.AppendUint16(buf, sp)
		buf = binary.BigEndian.AppendUint16(buf, dp)
	}
	sum := sha1.Sum(buf)
	return "1:" + base64.StdEncoding.EncodeToString(sum[:])
}

// CommunityID returns the flow's Community ID.
func (f *Flow) CommunityID() string { return CommunityID(&f.Tuple) }
