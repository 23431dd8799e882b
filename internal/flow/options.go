package flow

import (
	"encoding/binary"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// synOptions are the TCP options that only a SYN may carry (RFC 9293 3.2, RFC 7323,
// RFC 2018).
type synOptions struct {
	mss    uint16 // 0: none
	scale  int8   // ScaleUnknown: option absent
	sack   bool
	stamps bool
	read   bool // the options were captured whole
}

// maxScale is the largest shift that RFC 7323 2.3 allows.
const maxScale = 14

// tcpHeader returns the TCP header of a row from the captured bytes, nil when not even its
// first 20 bytes were captured or it came out of reassembled fragments. Of options that
// were cut off it holds what is there. The slice belongs to data's owner.
//
// The row says where the header ends; where it starts is found by trying the header
// lengths that TCP has until ports, sequence number and length field agree.
func tcpHeader(s *packet.Summary, data []byte) []byte {
	if s.Flags&packet.Reassembled != 0 || s.PayloadOff > uint32(len(data)) {
		return nil
	}
	end := int(s.PayloadOff)
	want := uint64(s.Inner.SrcPort)<<48 | uint64(s.Inner.DstPort)<<32 | uint64(s.Seq)
	for words := 5; words <= 15 && words*4 <= end; words++ {
		h := data[end-words*4 : end]
		if binary.BigEndian.Uint64(h) == want && int(h[12]>>4) == words && binary.BigEndian.Uint32(h[8:]) == s.Ack {
			return h
		}
	}
	if s.Outcome != packet.OutcomeTruncated {
		return nil
	}
	for n := 20; n < 60 && n <= end; n++ {
		h := data[end-n : end]
		if binary.BigEndian.Uint64(h) == want && int(h[12]>>4)*4 > n && binary.BigEndian.Uint32(h[8:]) == s.Ack {
			return h
		}
	}
	return nil
}

// onlyStamps is how the options of nearly every segment begin that has 12 bytes of them:
// two fillers and time stamps (RFC 7323 appendix A).
const onlyStamps = 0x0101080a

// sackedBytes returns how many bytes the SACK blocks of a segment cover (RFC 2018), and which
// operations of Multipath TCP its options have, a bit each (RFC 8684 3, those below 8).
func sackedBytes(header []byte) (n uint32, paths uint8) {
	if len(header) <= 20 || len(header) == 32 && binary.BigEndian.Uint32(header[20:]) == onlyStamps {
		return 0, 0
	}
	eachOption(header, func(kind byte, body []byte) {
		if kind == optionMultipath && len(body) > 0 {
			paths |= 1 << (body[0] >> 4)
		}
		if kind != optionSACK {
			return
		}
		for blocks := 0; blocks < countedSACKs && len(body) >= 8; blocks, body = blocks+1, body[8:] {
			n += binary.BigEndian.Uint32(body[4:]) - binary.BigEndian.Uint32(body)
		}
	})
	return n, paths
}

// countedSACKs is how many blocks of one segment count: as in tshark those that fit beside
// time stamps. A fourth one, which there is room for without them, does not.
const countedSACKs = 3

// optionSACK is the kind of the option that lists blocks (RFC 2018).
const optionSACK = 5

// optionMultipath is the kind of the options of Multipath TCP (RFC 8684).
const optionMultipath = 30

// Operations of Multipath TCP as bits of half.paths.
const (
	pathCapable = 1 << iota
	pathJoin
	pathData
)

// eachOption calls f for every well-formed option of a TCP header. Of SACK blocks that were
// cut off by the snapshot length it hands over those that are there.
func eachOption(header []byte, f func(kind byte, body []byte)) {
	for b := header[20:]; len(b) > 0; {
		if b[0] == 0 {
			return
		}
		if b[0] == 1 {
			b = b[1:]
			continue
		}
		if len(b) < 2 || b[1] < 2 {
			return
		}
		if int(b[1]) > len(b) {
			if b[0] == optionSACK {
				f(optionSACK, b[2:]) // the blocks that are there
			}
			return
		}
		f(b[0], b[2:b[1]])
		b = b[b[1]:]
	}
}

// captured returns a row's captured bytes out of the chunk they came in, nil when the
// chunk does not hold them.
func captured(s *packet.Summary, chunk []byte) []byte {
	if uint64(s.DataOff)+uint64(s.CapLen) > uint64(len(chunk)) {
		return nil
	}
	return chunk[s.DataOff : s.DataOff+s.CapLen]
}

func readSynOptions(header []byte) synOptions {
	o := synOptions{scale: ScaleUnknown}
	if len(header) < 20 {
		return o
	}
	o.read = len(header) == int(header[12]>>4)*4
	eachOption(header, func(kind byte, body []byte) {
		switch {
		case kind == 2 && len(body) == 2:
			o.mss = binary.BigEndian.Uint16(body)
		case kind == 3 && len(body) == 1:
			o.scale = int8(min(body[0], maxScale))
		case kind == 4 && len(body) == 0:
			o.sack = true
		case kind == 8 && len(body) == 8:
			o.stamps = true
		}
	})
	return o
}
