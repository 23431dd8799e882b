package postgres

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// The tables beside the rows. They live in the rows' schema.
const (
	cursorTable    = "tarrafa_cursors"
	interfaceTable = "tarrafa_interfaces"
	secondTable    = "tarrafa_seconds"
	addressTable   = "tarrafa_addresses"
	payloadTable   = "tarrafa_payloads"
)

// ddlLock is the advisory lock under which tables are made, so that two captures that
// start at once do not trip over each other ("tarrafa!" in ASCII).
const ddlLock = 0x7461727261666121

// sideTables makes the tables beside the rows. %s is the quoted schema with a dot.
var sideTables = map[string]string{
	cursorTable: `CREATE TABLE IF NOT EXISTS %[1]starrafa_cursors (
	capture text PRIMARY KEY,
	id integer GENERATED ALWAYS AS IDENTITY UNIQUE,
	segment bigint NOT NULL DEFAULT 0,
	byte_offset bigint NOT NULL DEFAULT 0,
	packet bigint NOT NULL DEFAULT 0,
	stored bigint NOT NULL DEFAULT 0,
	skipped bigint NOT NULL DEFAULT 0,
	rejected bigint NOT NULL DEFAULT 0,
	updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
	seconds boolean,
	addresses bigint,
	flows bigint,
	payloads bigint) WITH (fillfactor = 50)`,
	interfaceTable: `CREATE TABLE IF NOT EXISTS %[1]starrafa_interfaces (
	capture integer NOT NULL,
	interface integer NOT NULL,
	name text NOT NULL,
	link integer NOT NULL,
	PRIMARY KEY (capture, interface))`,
	secondTable: `CREATE TABLE IF NOT EXISTS %[1]starrafa_seconds (
	capture integer NOT NULL,
	second bigint NOT NULL,
	ip_version smallint NOT NULL,
	protocol smallint NOT NULL,
	outcome smallint NOT NULL,
	direction smallint NOT NULL,
	packets bigint NOT NULL,
	bytes bigint NOT NULL,
	first_ns bigint NOT NULL,
	last_ns bigint NOT NULL,
	untold bigint NOT NULL,
	PRIMARY KEY (capture, second, ip_version, protocol, outcome, direction)) WITH (fillfactor = 80)`,
	addressTable: `CREATE TABLE IF NOT EXISTS %[1]starrafa_addresses (
	capture integer NOT NULL,
	address inet NOT NULL,
	src_packets bigint NOT NULL,
	src_bytes bigint NOT NULL,
	dst_packets bigint NOT NULL,
	dst_bytes bigint NOT NULL,
	any_src_packets bigint NOT NULL,
	any_src_bytes bigint NOT NULL,
	any_dst_packets bigint NOT NULL,
	any_dst_bytes bigint NOT NULL,
	any_packets bigint NOT NULL,
	any_bytes bigint NOT NULL,
	PRIMARY KEY (capture, address)) WITH (fillfactor = 50)`,
	// Made when somebody asks for it. The payload has a table of its own so that questions
	// about packets do not read it.
	payloadTable: `CREATE TABLE IF NOT EXISTS %[1]starrafa_payloads (
	capture integer NOT NULL,
	proto smallint NOT NULL,
	stream bigint NOT NULL,
	number bigint NOT NULL,
	time_ns bigint NOT NULL,
	from_client boolean NOT NULL,
	src inet NOT NULL,
	src_port integer NOT NULL,
	dst inet NOT NULL,
	dst_port integer NOT NULL,
	tcp_seq bigint,
	tcp_ack bigint,
	tcp_flags smallint,
	size bigint NOT NULL,
	payload bytea NOT NULL,
	PRIMARY KEY (capture, proto, stream, number))`,
}

// newerColumns are those of tarrafa_cursors that an older version did not make. They are
// NULL for captures that it began: no sums are complete for these.
var newerColumns = []string{"seconds boolean", "addresses bigint", "flows bigint"}

// payloadColumn is another one, which is added when somebody asks for payload.
const payloadColumn = "payloads bigint"

// createTable returns the statements that make the table of the rows. There is no primary
// key unless asked for: ids are unique by the way they are handed out, and the key's
// index costs a third of the rate. The BRIN index finds rows by time, id and number at a
// hundredth of the size.
func createTable(name string, own, primaryKey bool) []string {
	var b strings.Builder
	b.WriteString("CREATE TABLE IF NOT EXISTS " + name + " (")
	last := fieldCount
	if !own {
		last = oldColumns
	}
	for f := range last {
		if f > 0 {
			b.WriteString(", ")
		}
		b.WriteString(columns[f].name + " " + columns[f].sqlType)
		if f == fieldID && primaryKey {
			b.WriteString(" PRIMARY KEY")
		}
	}
	b.WriteString(")")
	brin := "CREATE INDEX ON " + name + " USING brin (capture_time, id"
	if own {
		brin += ", number"
	}
	return []string{b.String(), brin + ") WITH (autosummarize = on)"}
}

// tableInfo is what the catalogue says about the table of the rows.
type tableInfo struct {
	schema, name string
	kind         string // relkind: r, p (partitioned), v, f …
	owner        bool   // we may alter it
	columns      []columnInfo
}

// columnInfo is what the catalogue says about a column.
type columnInfo struct {
	name      string
	notNull   bool
	byDefault string // the default's expression; empty: none
	identity  bool
	generated bool
	typeOID   uint32 // of a domain: its base type's
	category  string // typcategory: N, S, D, E …
	typmod    int
	labels    string // of an enum, as target.labels
	sequence  string // quoted name of the sequence behind it; empty: none
	plainSeq  bool   // that sequence counts 1, 2, 3 and caches nothing
	seqOwner  bool   // we may alter that sequence
}

const tableQuery = `SELECT n.nspname, c.relname, c.relkind::text, pg_catalog.pg_has_role(c.relowner, 'USAGE')
FROM pg_catalog.pg_class c JOIN pg_catalog.pg_namespace n ON n.oid = c.relnamespace
WHERE c.oid = pg_catalog.to_regclass($1)`

const columnQuery = `WITH cols AS (
	SELECT a.attname, a.attnum, a.attnotnull, a.attidentity, a.attgenerated, a.atttypid,
		CASE WHEN t.typtype = 'd' THEN t.typbasetype ELSE t.oid END AS base,
		CASE WHEN t.typtype = 'd' THEN t.typtypmod ELSE a.atttypmod END AS typmod,
		t.typnotnull, a.attrelid,
		pg_catalog.pg_get_expr(d.adbin, d.adrelid) AS expr,
		COALESCE(
			pg_catalog.pg_get_serial_sequence($1, a.attname)::regclass::oid,
			(SELECT s.oid FROM pg_catalog.pg_depend dep JOIN pg_catalog.pg_class s ON s.oid = dep.refobjid AND s.relkind = 'S'
				WHERE dep.classid = 'pg_catalog.pg_attrdef'::regclass AND dep.objid = d.oid LIMIT 1)) AS seq
	FROM pg_catalog.pg_attribute a
	JOIN pg_catalog.pg_type t ON t.oid = a.atttypid
	LEFT JOIN pg_catalog.pg_attrdef d ON d.adrelid = a.attrelid AND d.adnum = a.attnum
	WHERE a.attrelid = $1::regclass AND a.attnum > 0 AND NOT a.attisdropped)
SELECT cols.attname, cols.attnotnull, COALESCE(cols.expr, ''), cols.attidentity <> '', cols.attgenerated <> '',
	cols.base, b.typcategory::text, cols.typmod, cols.typnotnull,
	COALESCE((SELECT ',' || string_agg(e.enumlabel, ',') || ',' FROM pg_catalog.pg_enum e WHERE e.enumtypid = cols.base), ''),
	COALESCE(quote_ident(sn.nspname) || '.' || quote_ident(s.relname), ''),
	COALESCE(q.seqincrement = 1 AND q.seqcache = 1 AND NOT q.seqcycle, false),
	COALESCE(pg_catalog.pg_has_role(s.relowner, 'USAGE'), false)
FROM cols
JOIN pg_catalog.pg_type b ON b.oid = cols.base
LEFT JOIN pg_catalog.pg_class s ON s.oid = cols.seq
LEFT JOIN pg_catalog.pg_namespace sn ON sn.oid = s.relnamespace
LEFT JOIN pg_catalog.pg_sequence q ON q.seqrelid = s.oid
ORDER BY cols.attnum`

// lookTable returns what the catalogue says about a table; nil when there is none.
func lookTable(ctx context.Context, conn *pgconn.PgConn, name string) (*tableInfo, error) {
	rows, err := query(ctx, conn, tableQuery, name)
	if err != nil || len(rows) == 0 {
		return nil, err
	}
	r := rows[0]
	info := &tableInfo{schema: string(r[0]), name: string(r[1]), kind: string(r[2]), owner: isTrue(r[3])}
	rows, err = query(ctx, conn, columnQuery, info.quoted())
	if err != nil {
		return nil, err
	}
	for _, r := range rows {
		oid, _ := strconv.ParseUint(string(r[5]), 10, 32)
		typmod, _ := strconv.Atoi(string(r[7]))
		info.columns = append(info.columns, columnInfo{
			name: string(r[0]), notNull: isTrue(r[1]) || isTrue(r[8]), byDefault: string(r[2]),
			identity: isTrue(r[3]), generated: isTrue(r[4]), typeOID: uint32(oid), category: string(r[6]),
			typmod: typmod, labels: string(r[9]), sequence: string(r[10]), plainSeq: isTrue(r[11]), seqOwner: isTrue(r[12]),
		})
	}
	return info, nil
}

// quoted returns the table's full name, quoted.
func (t *tableInfo) quoted() string { return quoteIdent(t.schema) + "." + quoteIdent(t.name) }

// column returns a column by its name; nil when there is none.
func (t *tableInfo) column(name string) *columnInfo {
	i := slices.IndexFunc(t.columns, func(c columnInfo) bool { return c.name == name })
	if i < 0 {
		return nil
	}
	return &t.columns[i]
}

// missing returns the ALTER TABLE that adds our own columns, empty when they are all there.
func (t *tableInfo) missing() string {
	var adds []string
	for f := oldColumns; f < fieldCount; f++ {
		if t.column(columns[f].name) == nil {
			adds = append(adds, "ADD COLUMN IF NOT EXISTS "+columns[f].name+" "+columns[f].sqlType)
		}
	}
	if adds == nil {
		return ""
	}
	return "ALTER TABLE " + t.quoted() + " " + strings.Join(adds, ", ")
}

// Longest address as text: an IPv4-mapped IPv6 address in full.
const longestAddress = 45

// narrow returns the ALTER TABLE that widens address columns too short for IPv6, which
// changes the catalogue only; empty when there are none.
func (t *tableInfo) narrow() string {
	var alters []string
	for _, f := range []field{fieldSource, fieldDestination} {
		c := t.column(columns[f].name)
		if c != nil && c.typeOID == pgVarchar && c.limit() > 0 && c.limit() < longestAddress {
			alters = append(alters, fmt.Sprintf("ALTER COLUMN %s TYPE varchar(%d)", columns[f].name, longestAddress))
		}
	}
	if alters == nil {
		return ""
	}
	return "ALTER TABLE " + t.quoted() + " " + strings.Join(alters, ", ")
}

// limit returns how many characters fit; 0: no limit.
func (c *columnInfo) limit() int {
	if (c.typeOID == pgVarchar || c.typeOID == pgBpchar) && c.typmod > 4 {
		return c.typmod - 4
	}
	return 0
}
