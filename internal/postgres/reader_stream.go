package postgres

import (
	"context"
	"fmt"
	"strconv"

	"github.com/jackc/pgx/v5/pgconn"

	"github.com/tarrafa/tarrafa/internal/packet"
	questions "github.com/tarrafa/tarrafa/internal/query"
)

// StreamCounters say what [Reader.Stream] left out, and what there was not.
type StreamCounters struct {
	Packets uint64 // handed out
	Others  uint64 // packets of another conversation with the same number
	Streams uint64 // of this protocol; only when there was no packet
	Stored  uint64 // the payload of packets up to this number is in the database
	Seen    uint64 // packets of the capture in the database
}

// streamFormats are the result's formats by column: the payload as it is, all else as text.
var streamFormats = []int16{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1}

// Stream hands f the packets of a TCP connection (proto 6, number as tcp.stream) or a UDP
// conversation (17, udp.stream), in the order of the capture, as a [flow.Reassembler]
// takes them; nothing is held. p and payload are valid until f returns; an error of f ends
// it. A conversation is its first packet's: when the analysis began anew in the middle of
// the capture, because its beginning was gone, another one may have the same number.
// A [questions.CannotAnswerError] says that the capture was stored without payload.
func (r *Reader) Stream(ctx context.Context, proto uint8, stream uint32, f func(p *packet.Summary, fromClient bool, payload []byte) error) (c StreamCounters, err error) {
	err = r.question(ctx, func(ctx context.Context, s *snapshot) error {
		if s.info.payloads == noPayloads {
			return &questions.CannotAnswerError{What: "the streams of " + s.info.ID, Why: "they are not in the database; ask the archive"}
		}
		c.Seen, c.Stored = s.info.Packets, uint64(max(s.info.payloads-1, 0))
		// A long answer is no long question; and the key has the order.
		if _, err := batch(ctx, s.conn, "SET LOCAL statement_timeout = 0; SET LOCAL enable_sort = off"); err != nil {
			return err
		}
		result := s.conn.ExecParams(ctx, "SELECT number, time_ns, from_client, src, src_port, dst, dst_port, tcp_seq, tcp_ack, tcp_flags, size, payload FROM "+
			r.rows.schema+payloadTable+" WHERE capture = $1 AND proto = $2 AND stream = $3 ORDER BY capture, proto, stream, number",
			[][]byte{strconv.AppendInt(nil, int64(s.info.number), 10), strconv.AppendUint(nil, uint64(proto), 10), strconv.AppendUint(nil, uint64(stream), 10)},
			[]uint32{pgInt4, pgInt2, pgInt8}, nil, streamFormats)
		if err := c.read(result, proto, f); err != nil {
			closeNow(s.conn)
			return &stopped{err}
		}
		if _, err := result.Close(); err != nil || c.Packets > 0 {
			return err
		}
		rows, err := query(ctx, s.conn, "SELECT COALESCE(max(stream) + 1, 0) FROM "+r.rows.schema+payloadTable+" WHERE capture = $1::integer AND proto = $2::smallint",
			strconv.Itoa(int(s.info.number)), strconv.Itoa(int(proto)))
		if err != nil {
			return err
		}
		return parseUints(rows[0], &c.Streams)
	})
	return c, err
}

// read hands out the rows of a stream. The error is f's, or that of a row.
func (c *StreamCounters) read(result *pgconn.ResultReader, proto uint8, f func(*packet.Summary, bool, []byte) error) error {
	var first packet.Tuple
	for result.NextRow() {
		row := result.Values()
		p, err := segmentOf(row, proto)
		if err != nil {
			return err
		}
		t := &p.Inner
		if c.Packets == 0 {
			first = *t
		}
		back := packet.Tuple{Src: t.Dst, Dst: t.Src, SrcPort: t.DstPort, DstPort: t.SrcPort, Version: t.Version, Proto: t.Proto, Flags: t.Flags}
		if *t != first && back != first {
			c.Others++
			continue
		}
		c.Packets++
		if err := f(&p, isTrue(row[2]), row[11]); err != nil {
			return err
		}
	}
	return nil
}

// segmentOf reads a row of Stream, but for who sent it and the payload.
func segmentOf(row [][]byte, proto uint8) (p packet.Summary, err error) {
	var n [7]uint64
	if err = parseUints([][]byte{row[0], row[1], row[4], row[6], row[7], row[8], row[9]}, &n[0], &n[1], &n[2], &n[3], &n[4], &n[5], &n[6]); err != nil {
		return p, err
	}
	p = packet.Summary{Number: n[0], Time: int64(n[1]), Seq: uint32(n[4]), Ack: uint32(n[5]), TCPFlags: uint16(n[6]), VLAN: packet.NoVLAN, Depth: 1}
	size, err := strconv.ParseUint(string(row[10]), 10, 32)
	if err != nil || uint64(len(row[11])) > size {
		return p, fmt.Errorf("packet %d of %s: %d bytes of %s", p.Number, payloadTable, len(row[11]), line(string(row[10])))
	}
	p.PayloadLen = uint32(size)
	if err := tupleOf(&p.Inner, [][]byte{row[3], row[5]}, []int64{0, 0, int64(proto), int64(n[2]), int64(n[3])}); err != nil {
		return p, err
	}
	p.Inner.Flags = packet.TupleHasPorts
	p.Outer = p.Inner
	return p, nil
}
