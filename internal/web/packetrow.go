package web

import (
	"crypto/md5"
	"encoding/hex"
	"errors"
	"net/http"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// packetRow is a packet of a list as JSON.
type packetRow struct {
	Number      uint64 `json:"number"`
	Time        string `json:"time"` // RFC 3339, nanoseconds
	Direction   string `json:"direction"`
	Src         string `json:"src"`
	Dst         string `json:"dst"`
	SrcPort     uint16 `json:"sport"`
	DstPort     uint16 `json:"dport"`
	Protocol    string `json:"protocol"`
	Length      uint32 `json:"length"` // on the wire
	Captured    uint32 `json:"captured"`
	Flags       uint16 `json:"flags"` // TCP
	Outcome     string `json:"outcome"`
	PayloadOff  uint32 `json:"payload_offset"`
	PayloadLen  uint32 `json:"payload_length"` // by the headers; may exceed what was captured
	PayloadHash string `json:"payload_hash"`   // MD5; empty without payload
}

func rowOf(s *packet.Summary, data []byte) packetRow {
	t := &s.Outer
	v := packetRow{
		Number: s.Number, Time: time.Unix(0, s.Time).UTC().Format("2006-01-02T15:04:05.000000000Z07:00"),
		Direction: s.Direction.String(), Length: s.WireLen, Captured: s.CapLen, Flags: s.TCPFlags,
		Outcome: s.Outcome.String(), PayloadOff: s.PayloadOff, PayloadLen: s.PayloadLen,
	}
	if t.Version != 0 {
		v.Src, v.Dst = t.Src.Netip(t.Version).String(), t.Dst.Netip(t.Version).String()
		v.SrcPort, v.DstPort, v.Protocol = t.SrcPort, t.DstPort, packet.ProtoName(t.Proto)
	}
	if p := payloadOf(s, data); len(p) > 0 {
		sum := md5.Sum(p)
		v.PayloadHash = hex.EncodeToString(sum[:])
	}
	return v
}

const maxPage = 1000

// packets answers with a page of the packets that pass.
func (s *Server) packets(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, scope query.Scope) (any, error) {
		from, err := unsigned(r, "from", 0, 1<<63-1)
		if err != nil {
			return nil, err
		}
		count, err := unsigned(r, "count", 100, maxPage)
		if err != nil {
			return nil, err
		}
		page, err := reader.Packets(r.Context(), scope, from, int(count))
		if err != nil {
			return nil, err
		}
		v := struct {
			From  uint64      `json:"from"`
			Total uint64      `json:"total"`
			Exact bool        `json:"exact"`
			Rows  []packetRow `json:"rows"`
		}{page.From, page.Total, page.Exact, make([]packetRow, 0, len(page.Rows))}
		err = reader.each(r.Context(), numbersOf(page.Rows), func(d *dataOf) error {
			v.Rows = append(v.Rows, rowOf(d.Summary, d.data))
			return nil
		})
		if errors.Is(err, query.ErrCannotAnswer) { // a store without bytes: what the headers say
			v.Rows, err = v.Rows[:0], nil
			for i := range page.Rows {
				v.Rows = append(v.Rows, rowOf(&page.Rows[i], nil))
			}
		}
		return v, err
	})
}
