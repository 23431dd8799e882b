package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"fmt"
	"io"
	"strconv"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// noPayloads stands for a capture without payload in the database.
const noPayloads = -1

// place is how far a capture is in the database: its rows, and of what its conversations
// said the packets before a number, or noPayloads. Both move together, but for a capture
// whose payload is added later.
type place struct {
	segment.Cursor
	payloads int64
}

const payloadColumns = "capture, proto, stream, number, time_ns, from_client, src, src_port, dst, dst_port, tcp_seq, tcp_ack, tcp_flags, size, payload"

// payloadRows are rows of tarrafa_payloads as a COPY stream has them.
type payloadRows struct{ rows []byte }

// add appends what a packet brings to a conversation.
func (r *payloadRows) add(capture int32, c *track.Part) {
	s := c.Summary
	t := &s.Inner
	b := binary.BigEndian.AppendUint16(r.rows, 15)
	b = appendNumber(b, "integer", int64(capture))
	b = appendNumber(b, "smallint", int64(c.Proto))
	b = appendInt8(b, int64(c.Stream))
	b = appendInt8(b, int64(s.Number))
	b = appendInt8(b, s.Time)
	b = appendBool(b, c.FromClient)
	b = appendInet(b, t.Src, t.Version, false)
	b = appendNumber(b, "integer", int64(t.SrcPort))
	b = appendInet(b, t.Dst, t.Version, false)
	b = appendNumber(b, "integer", int64(t.DstPort))
	if c.Proto == packet.ProtoTCP {
		b = appendInt8(b, int64(s.Seq))
		b = appendInt8(b, int64(s.Ack))
		b = appendNumber(b, "smallint", int64(s.TCPFlags))
	} else {
		b = appendNull(appendNull(appendNull(b)))
	}
	b = appendInt8(b, int64(s.PayloadLen))
	b = binary.BigEndian.AppendUint32(b, uint32(len(c.Payload)))
	r.rows = append(b, c.Payload...)
}

// preparePayloads finds out whether the capture's payload is to be stored, and from where:
// when it was once, that goes on.
func (s *session) preparePayloads(ctx context.Context, opt *Options) error {
	s.payloads = opt.Flows && !opt.Basic && (opt.Payload || s.cursor.payloads != noPayloads)
	if !s.payloads {
		s.cursor.payloads = noPayloads
		return nil
	}
	table := s.schema + payloadTable
	const op = "create the table " + payloadTable
	rows, err := query(ctx, s.conn, "SELECT pg_catalog.to_regclass($1) IS NOT NULL", table)
	if err == nil && !isTrue(rows[0][0]) {
		err = s.ddl(ctx, fmt.Sprintf(sideTables[payloadTable], s.schema))
	}
	if err != nil {
		return s.fail(op, err, "GRANT CREATE, USAGE ON SCHEMA "+s.schema[:len(s.schema)-1]+" TO "+quoteIdent(s.cfg.User()))
	}
	if s.cursor.payloads != noPayloads {
		return nil
	}
	if err := s.growCursors(ctx, payloadColumn); err != nil {
		return err
	}
	// Rows that are there already are left from before somebody reset the cursor.
	id := strconv.Itoa(int(s.capture))
	_, err = batch(ctx, s.conn, "BEGIN; DELETE FROM "+table+" WHERE capture = "+id+"; UPDATE "+s.schema+cursorTable+
		" SET payloads = 0 WHERE id = "+id+" AND payloads IS NULL; COMMIT")
	if err != nil {
		s.rollback(ctx)
		return s.fail("begin to store payload", err, "GRANT SELECT, INSERT, DELETE ON "+table+" TO "+quoteIdent(s.cfg.User()))
	}
	s.cursor.payloads = 0
	return nil
}

// storePayloads sends a flight's payload, in its transaction.
func (s *session) storePayloads(ctx context.Context, f *flight) error {
	if !s.payloads || len(f.payloads.rows) == 0 {
		return nil
	}
	_, err := s.conn.CopyFrom(ctx, io.MultiReader(bytes.NewReader(copyHeader), bytes.NewReader(f.payloads.rows), bytes.NewReader(copyTrailer)),
		"COPY "+s.schema+payloadTable+" ("+payloadColumns+") FROM STDIN (FORMAT binary)")
	if err != nil {
		return s.fail("store payload", err, "GRANT SELECT, INSERT, DELETE ON "+s.schema+payloadTable+" TO "+quoteIdent(s.cfg.User()))
	}
	return nil
}

// takePayloads puts what a batch's packets said into the flight that is being filled, from
// the first packet whose payload is not in the database.
func (s *Sink) takePayloads(b *track.Batch) {
	from := uint64(max(s.next.payloads, 1))
	if s.next.payloads < int64(s.next.Packet) && b.Chunk.First > from {
		// Streams that are counted from here on have other numbers than those in the rows.
		if !s.gone {
			s.gone = true
			s.opt.Log.Warn("payload is not stored: of the packets whose payload is missing, the first ones are gone", "from packet", from)
		}
		return
	}
	if len(b.Notes) < len(b.Rows) {
		return // nobody looked for streams
	}
	f := s.fill
	for i := range b.Rows {
		s.segments.Conversations(b, i, &b.Notes[i], func(c *track.Part) {
			if c.Summary.Number >= from {
				f.payloads.add(s.encoder.capture, c)
			}
		})
	}
	s.next.payloads = max(s.next.payloads, int64(b.Next.Packet))
}
