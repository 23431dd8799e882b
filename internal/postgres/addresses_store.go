package postgres

import (
	"context"
	"encoding/binary"
	"fmt"
	"maps"
	"strconv"
	"strings"
)

// noAddresses is session.addressed of a capture without sums by address.
const noAddresses = -1

// sumAddresses adds a flight to the sums by address, in the flight's transaction: to those
// in memory, or those and its own to the table's. The function that it returns is called
// when the transaction was committed.
func (s *session) sumAddresses(ctx context.Context, f *flight, rejected []bool, waiting bool) (committed func(), err error) {
	p := &s.pending
	if !p.on {
		return func() {}, nil
	}
	if !f.summing {
		// It was filled when the capture had no sums, and somebody made it have some.
		if err := s.moveAddressed(ctx, noAddresses); err != nil {
			return nil, err
		}
		return func() { *p = pendingSums{} }, nil
	}
	sums := f.sumsOf(rejected)
	if waiting && p.rows+len(f.meta) < pendingRows && len(p.sums)+len(f.addresses.keys) <= mostPending {
		return func() { p.add(f, sums) }, nil
	}
	all := pendingSums{sums: maps.Clone(p.sums)}
	all.add(f, sums)
	next := int64(f.end.Packet)
	many := len(all.sums) > mostPending
	if !many {
		if err := s.insertSums(ctx, &all); err != nil {
			return nil, err
		}
		if many, err = s.tooMany(ctx, len(all.sums)); err != nil {
			return nil, err
		}
	}
	if many {
		next = noAddresses
	}
	if err := s.moveAddressed(ctx, next); err != nil {
		return nil, err
	}
	return func() {
		p.written()
		if next == noAddresses {
			*p = pendingSums{}
			s.log.Info("too many addresses to be summed up for each: questions about them are answered from the rows", "most", s.most)
		}
	}, nil
}

// moveAddressed records up to which packet the table's sums by address go. Without any
// they are removed.
func (s *session) moveAddressed(ctx context.Context, next int64) error {
	sql := fmt.Sprintf("UPDATE %s%s SET addresses = %d WHERE id = %d", s.schema, cursorTable, next, s.capture)
	if next == noAddresses {
		sql = fmt.Sprintf("UPDATE %[1]s%[2]s SET addresses = NULL WHERE id = %[3]d; DELETE FROM %[1]s%[4]s WHERE capture = %[3]d",
			s.schema, cursorTable, s.capture, addressTable)
	}
	if _, err := batch(ctx, s.conn, sql); err != nil {
		return s.fail("store sums by address", err, s.addressGrant())
	}
	return nil
}

func (s *session) addressGrant() string {
	return "GRANT SELECT, INSERT, UPDATE, DELETE ON " + s.schema + addressTable + " TO " + quoteIdent(s.cfg.User())
}

// tooMany tells whether a capture has more addresses than are kept, after so many were
// written.
func (s *session) tooMany(ctx context.Context, written int) (bool, error) {
	if s.addresses += written; s.addresses <= s.most {
		return false, nil
	}
	rows, err := query(ctx, s.conn, "SELECT count(*) FROM "+s.schema+addressTable+" WHERE capture = $1::integer", strconv.Itoa(int(s.capture)))
	if err != nil {
		return false, s.fail("store sums by address", err, s.addressGrant())
	}
	s.addresses, err = strconv.Atoi(string(rows[0][0]))
	return s.addresses > s.most, err
}

// Object identifiers of arrays (pg_type.dat).
const (
	pgInetArray = 1041
	pgInt8Array = 1016
)

// appendSums is the end of every statement that adds to the table's sums.
var appendSums = func() string {
	var sets []string
	for _, c := range addressColumns {
		for _, unit := range []string{"_packets", "_bytes"} {
			sets = append(sets, c+unit+" = r."+c+unit+" + excluded."+c+unit)
		}
	}
	return " ON CONFLICT (capture, address) DO UPDATE SET " + strings.Join(sets, ", ")
}()

// sumColumns is the list of the columns with sums, in the order of addressColumns.
var sumColumns = func() string {
	var list []string
	for _, c := range addressColumns {
		list = append(list, c+"_packets", c+"_bytes")
	}
	return strings.Join(list, ", ")
}()

// insertSums adds sums to the table's.
func (s *session) insertSums(ctx context.Context, p *pendingSums) error {
	keys := p.sorted()
	if len(keys) == 0 {
		return nil
	}
	values := [][]byte{[]byte(strconv.Itoa(int(s.capture)))}
	types, formats := []uint32{pgInt4}, []int16{0}
	arrays := []string{"$2"}
	list := arrayHeader(pgInet, len(keys))
	for _, k := range keys {
		list = appendInet(list, k.addr, k.version, false)
	}
	values, types, formats = append(values, list), append(types, pgInetArray), append(formats, 1)
	for i := range 2 * countings {
		list := arrayHeader(pgInt8, len(keys))
		for _, k := range keys {
			sum := p.sums[k]
			n := sum.packets[i/2]
			if i%2 == 1 {
				n = sum.bytes[i/2]
			}
			list = appendInt8(list, int64(n))
		}
		values, types, formats = append(values, list), append(types, pgInt8Array), append(formats, 1)
		arrays = append(arrays, "$"+strconv.Itoa(i+3))
	}
	r := s.conn.ExecParams(ctx, "INSERT INTO "+s.schema+addressTable+" AS r (capture, address, "+sumColumns+") SELECT $1, * FROM unnest("+
		strings.Join(arrays, ", ")+")"+appendSums, values, types, formats, nil).Read()
	if r.Err != nil {
		return s.fail("store sums by address", r.Err, s.addressGrant())
	}
	return nil
}

// arrayHeader begins an array of one dimension without NULLs, as array_recv reads it.
func arrayHeader(element uint32, n int) []byte {
	b := make([]byte, 0, 20+24*n)
	for _, v := range [...]uint32{1, 0, element, uint32(n), 1} {
		b = binary.BigEndian.AppendUint32(b, v)
	}
	return b
}

// addressesOf is the SELECT that sums rows up by address: address and sumColumns. from is
// a source of rows with the names of rowSource.
func addressesOf(from string) string {
	var list []string
	for _, c := range addressColumns {
		list = append(list, "count(*) FILTER (WHERE is_"+c+")", "COALESCE(sum(wire) FILTER (WHERE is_"+c+"), 0)::bigint")
	}
	return "SELECT address, " + strings.Join(list, ", ") + " FROM (SELECT wire, place.* FROM " + from + " AS rows CROSS JOIN LATERAL (" +
		"SELECT p.address, bool_or(p.place = 1) AS is_src, bool_or(p.place = 2) AS is_dst, bool_or(p.place IN (1, 3)) AS is_any_src, bool_or(p.place IN (2, 4)) AS is_any_dst, true AS is_any " +
		"FROM (VALUES (os, 1), (od, 2), (isrc, 3), (idst, 4)) AS p (address, place) WHERE p.address IS NOT NULL GROUP BY p.address) AS place) AS placed GROUP BY address"
}

// resumeAddresses brings the table's sums by address up to the cursor: what was in memory
// when a session ended is counted from the rows again.
func (s *session) resumeAddresses(ctx context.Context, addressed int64) error {
	s.pending, s.addresses = pendingSums{}, s.most
	if addressed == noAddresses {
		return nil
	}
	next := s.cursor.Packet
	if !s.readable {
		return s.moveAddressed(ctx, noAddresses)
	}
	if uint64(addressed) < next {
		if err := s.recount(ctx, addressed, next); err != nil {
			s.rollback(ctx)
			if s.conn.IsClosed() || sqlState(err) != codePermission {
				return s.fail("store sums by address", err, s.addressGrant())
			}
			return s.moveAddressed(ctx, noAddresses)
		}
	}
	s.pending.on = true
	return nil
}

func (s *session) recount(ctx context.Context, from int64, next uint64) error {
	if _, err := batch(ctx, s.conn, "BEGIN"); err != nil {
		return err
	}
	// The condition on the cursor keeps two sessions from counting the same rows.
	rows, err := query(ctx, s.conn, "UPDATE "+s.schema+cursorTable+" SET addresses = packet WHERE id = $1::integer AND addresses = $2::bigint AND packet = $3::bigint RETURNING 1",
		strconv.Itoa(int(s.capture)), strconv.FormatInt(from, 10), strconv.FormatUint(next, 10))
	if err != nil {
		return err
	}
	if len(rows) == 0 {
		return errMoved
	}
	source := "(SELECT " + s.rows.columns + " FROM " + s.table + " WHERE capture = $1::integer AND number >= $2::bigint AND number < $3::bigint OFFSET 0)"
	_, err = query(ctx, s.conn, "INSERT INTO "+s.schema+addressTable+" AS r (capture, address, "+sumColumns+") SELECT $1::integer, * FROM ("+addressesOf(source)+") AS sums"+appendSums,
		strconv.Itoa(int(s.capture)), strconv.FormatInt(from, 10), strconv.FormatUint(next, 10))
	if err != nil {
		return err
	}
	_, err = batch(ctx, s.conn, "COMMIT")
	return err
}
