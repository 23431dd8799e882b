//go:build unix

package postgres

import (
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/internal/segment"
)

func TestFreshTable(t *testing.T) {
	srv, db, cfg := database(t)
	ctx := context30(t)
	var log lines
	s := New(cfg, "first", quick(&log))
	follow(ctx, t, s, 5001, 700)
	flush(ctx, t, s)
	if got, want := s.Committed(), testBatch(5000, 1).Next; got != want {
		t.Errorf("committed %+v, want %+v", got, want)
	}
	closeSink(ctx, t, s)
	checkExactlyOnce(t, srv, db, 5001)

	rows := srv.Run(t, db, "SET timezone TO UTC", `SELECT src_ip, dst_ip, protocol, packet_size, capture_time, capture, number, time_ns, captured_size,
		interface, direction, outcome, vlan, eth_type, src_port, dst_port, payload_size, tcp_flags, tcp_seq, tcp_ack, tcp_window,
		inner_src_ip, inner_dst_ip, inner_protocol, inner_src_port, inner_dst_port, inner_payload_size
		FROM packets WHERE number <= 6 ORDER BY id`)
	want := `10.0.0.1|192.168.0.1|UDP|61|2023-11-14 22:13:20.001+00|1|1|1700000000001000001|61|0|1|0|||50001|53|0||||||||||
fe80::2|2001:db8::1:1|TCP|62|2023-11-14 22:13:20.002+00|1|2|1700000000002000002|62|0|2|0|7||50002|80|5|24|2000|4294967295|65535||||||
10.0.0.3|192.168.0.3|1|63|2023-11-14 22:13:20.003+00|1|3|1700000000003000003|63|0||1|||||||||||||||
10.0.0.5|192.168.0.5|41|65|2023-11-14 22:13:20.005+00|1|5|1700000000005000005|65|0|2|0||||||24|5000|4294967295|65535|::1|::2|6|50000|443|5
10.0.0.6|192.168.0.6|TCP|66|2023-11-14 22:13:20.006+00|1|6|1700000000006000006|66|0||0|||50000|443|5|24|6000|4294967295|65535||||||`
	if rows != want {
		t.Errorf("rows:\n%s\nwant:\n%s", rows, want)
	}
	if got := srv.Run(t, db, "SELECT * FROM tarrafa_interfaces"); got != "1|0|eth0|1" {
		t.Errorf("interfaces: %s", got)
	}
	st := s.Status()
	if st.Stored != uint64(stored(5001)) || st.Stored+st.Skipped+st.Rejected != 5000 || st.Behind != 0 {
		t.Errorf("status: %+v", st)
	}
	for _, want := range []string{"connected to the database", "created the table", "stored rows"} {
		if !strings.Contains(log.String(), want) {
			t.Errorf("the log does not say %q:\n%s", want, log.String())
		}
	}

	// The next run goes on where this one stopped, and another capture is another.
	s = New(cfg, "first", quick(nil))
	c, err := s.Start(ctx)
	if err != nil || c.Packet != 5001 {
		t.Fatalf("cursor %+v, %v", c, err)
	}
	followFrom(ctx, t, s, 4900, 6001, 333) // a chunk from the disk starts earlier
	closeSink(ctx, t, s)
	checkExactlyOnce(t, srv, db, 6001)
	s = New(cfg, "second", quick(nil))
	c, err = s.Start(ctx)
	if err != nil || c != (segment.Cursor{}) {
		t.Fatalf("cursor of another capture %+v, %v", c, err)
	}
	closeSink(ctx, t, s)
}

// saoPaulo is three hours behind UTC, and was so in 2023.
var saoPaulo = time.FixedZone("-03", -3*60*60)

func TestOtherPrograms(t *testing.T) {
	srv := server(t)
	tests := []struct {
		name    string
		ddl     string
		columns string // of packets 2 and 3: TCP over IPv6 and ICMP; default: the five columns
		want    string
		rows    int // of the packets 1 to 12; 0: the ten with an IP header
	}{
		{
			name: "text",
			ddl:  "CREATE TABLE packets (id serial PRIMARY KEY, src_ip text, dst_ip text, protocol text, packet_size int, capture_time timestamp)",
			want: "fe80::2|2001:db8::1:1|TCP|62|2023-11-14 19:13:20.002\n10.0.0.3|192.168.0.3|1|63|2023-11-14 19:13:20.003",
		},
		{
			name: "varchar for IPv4 only",
			ddl: `CREATE TABLE packets (id bigserial PRIMARY KEY, src_ip varchar(15) NOT NULL, dst_ip varchar(15) NOT NULL, protocol varchar(3) NOT NULL,
				packet_size integer NOT NULL, capture_time timestamptz NOT NULL DEFAULT now())`,
			want: "fe80::2|2001:db8::1:1|TCP|62|2023-11-14 22:13:20.002+00\n10.0.0.3|192.168.0.3|1|63|2023-11-14 22:13:20.003+00",
		},
		{
			name: "inet and identity",
			ddl: `CREATE TABLE packets (id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY, src_ip inet, dst_ip cidr, protocol smallint,
				packet_size bigint, capture_time double precision)`,
			want: "fe80::2|2001:db8::1:1/128|6|62|1700000000.002\n10.0.0.3|192.168.0.3/32|1|63|1700000000.003",
		},
		{
			name: "enum, numeric and char",
			ddl: `CREATE TYPE proto AS ENUM ('TCP', 'UDP'); CREATE TABLE packets (id serial PRIMARY KEY, src_ip char(45), dst_ip text, protocol proto,
				packet_size numeric, capture_time numeric)`,
			columns: "trim(src_ip), dst_ip, protocol, packet_size, capture_time",
			want:    "fe80::2|2001:db8::1:1|TCP|62|1700000000.002000\n10.0.0.3|192.168.0.3||63|1700000000.003000",
		},
		{
			name: "check constraint and upper-case column",
			ddl: `CREATE TABLE packets ("Extra" text, id serial, src_ip text, dst_ip text, protocol text CHECK (protocol IN ('TCP', 'UDP')),
				packet_size int, capture_time text)`,
			want: "fe80::2|2001:db8::1:1|TCP|62|2023-11-14 19:13:20.002000",
			rows: 6, // ICMP and protocol 41 are refused
		},
		{
			name: "no source of ids",
			ddl: `CREATE TABLE packets (id bigint PRIMARY KEY, src_ip text, dst_ip text, protocol text, packet_size smallint, capture_time bigint);
				INSERT INTO packets VALUES (17, 'old', 'old', 'TCP', 1, 1)`,
			want: "fe80::2|2001:db8::1:1|TCP|62|1700000000\n10.0.0.3|192.168.0.3|1|63|1700000000",
			rows: 11,
		},
		{
			name: "uuid, domain and generated",
			ddl: `CREATE DOMAIN port AS integer CHECK (value < 65536); CREATE TABLE packets (id uuid DEFAULT gen_random_uuid() PRIMARY KEY, src_ip text, dst_ip text,
				protocol text, packet_size int, capture_time timestamptz, src_port port, kilo int GENERATED ALWAYS AS (packet_size / 1000) STORED)`,
			want: "fe80::2|2001:db8::1:1|TCP|62|2023-11-14 22:13:20.002+00\n10.0.0.3|192.168.0.3|1|63|2023-11-14 22:13:20.003+00",
		},
		{
			name: "partitioned",
			ddl: `CREATE TABLE packets (id bigserial, src_ip inet, dst_ip inet, protocol text, packet_size int, capture_time timestamptz) PARTITION BY RANGE (capture_time);
				CREATE TABLE packets_2023 PARTITION OF packets FOR VALUES FROM ('2023-01-01') TO ('2024-01-01')`,
			want: "fe80::2|2001:db8::1:1|TCP|62|2023-11-14 22:13:20.002+00\n10.0.0.3|192.168.0.3|1|63|2023-11-14 22:13:20.003+00",
		},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			db := srv.Database(t)
			srv.Run(t, db, "SET ROLE "+db, tt.ddl)
			opt := quick(nil)
			opt.Location = saoPaulo
			ctx := context30(t)
			s := New(config(t, srv.DSN(db, db)), "c", opt)
			follow(ctx, t, s, 13, 5)
			closeSink(ctx, t, s)
			cols := tt.columns
			if cols == "" {
				cols = "src_ip, dst_ip, protocol, packet_size, capture_time"
			}
			got := srv.Run(t, db, "SET timezone TO UTC", "SELECT "+cols+" FROM packets WHERE number IN (2, 3) ORDER BY number")
			if got != tt.want {
				t.Errorf("got:\n%s\nwant:\n%s", got, tt.want)
			}
			rows := tt.rows
			if rows == 0 {
				rows = 10
			}
			if got := number(t, srv.Run(t, db, "SELECT count(*) FROM packets")); got != rows {
				t.Errorf("%d rows, want %d; status %+v", got, rows, s.Status())
			}
			st := s.Status()
			if st.Stored+st.Skipped+st.Rejected != 12 {
				t.Errorf("the ledger does not balance: %+v", st)
			}
			if got := srv.Run(t, db, "SELECT count(*) - count(DISTINCT id) FROM packets"); got != "0" {
				t.Errorf("%s ids are there twice", got)
			}
			if strings.Contains(tt.ddl, "serial") || strings.Contains(tt.ddl, "IDENTITY") {
				// The old program goes on beside us.
				srv.Run(t, db, "INSERT INTO packets (src_ip, dst_ip, protocol, packet_size, capture_time) SELECT src_ip, dst_ip, protocol, packet_size, capture_time FROM packets",
					"SELECT 1 / (count(*) = count(DISTINCT id))::int FROM packets")
			}
		})
	}
}

func TestOptions(t *testing.T) {
	srv := server(t)
	for _, tt := range []struct {
		name    string
		opt     Options
		query   string
		want    string
		prepare []string
	}{
		{
			name: "six columns", opt: Options{Basic: true},
			query: "SELECT count(*) FROM packets JOIN pg_attribute a ON a.attrelid = 'packets'::regclass AND attnum > 0", want: "60",
		},
		{
			name: "packets without IP header too", opt: Options{NonIP: true},
			query: `SELECT count(*), count(src_ip), count(protocol), min(eth_type), (SELECT sum(packets) FROM tarrafa_seconds),
				(SELECT packets FROM tarrafa_seconds WHERE protocol = -1) FROM packets`,
			want: "12|10|10|2054|12|2",
		},
		{
			name: "primary key", opt: Options{PrimaryKey: true},
			query: "SELECT indisprimary, count(*) FROM packets, pg_index WHERE indrelid = 'packets'::regclass AND indisprimary GROUP BY 1", want: "t|10",
		},
		{
			name: "another table", opt: Options{Table: "Other.My packets"}, prepare: []string{`CREATE SCHEMA "Other"`},
			query: `SELECT count(*), (SELECT count(*) FROM "Other".tarrafa_cursors) FROM "Other"."My packets"`, want: "10|1",
		},
		{
			name:    "ids ahead of the sequence",
			prepare: []string{"CREATE TABLE packets (id serial PRIMARY KEY, src_ip text, dst_ip text, protocol text, packet_size int, capture_time timestamptz)", "INSERT INTO packets (id) VALUES (5)"},
			query:   "SELECT count(*), count(DISTINCT id) FROM packets", want: "11|11",
		},
		{
			name:    "a trigger that refuses some rows",
			prepare: []string{"CREATE TABLE packets (id serial, src_ip text, dst_ip text, protocol text, packet_size int, capture_time timestamptz)", "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF NEW.protocol = '1' THEN RAISE EXCEPTION 'no ICMP'; END IF; RETURN NEW; END $$", "CREATE TRIGGER no BEFORE INSERT ON packets FOR EACH ROW EXECUTE FUNCTION no()"},
			query:   "SELECT count(*), (SELECT rejected FROM tarrafa_cursors), (SELECT sum(packets) FROM tarrafa_seconds) FROM packets", want: "8|2|8",
		},
		{
			name:    "a deferred trigger that names no line",
			prepare: []string{"CREATE TABLE packets (id serial, src_ip text, dst_ip text, protocol text, packet_size int, capture_time timestamptz)", "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN IF EXISTS (SELECT FROM fresh WHERE protocol = '1') THEN RAISE EXCEPTION 'no ICMP'; END IF; RETURN NULL; END $$", "CREATE TRIGGER no AFTER INSERT ON packets REFERENCING NEW TABLE AS fresh FOR EACH STATEMENT EXECUTE FUNCTION no()"},
			query:   "SELECT count(*), (SELECT rejected FROM tarrafa_cursors), (SELECT sum(packets) FROM tarrafa_seconds) FROM packets", want: "8|2|8",
		},
	} {
		t.Run(tt.name, func(t *testing.T) {
			db := srv.Database(t)
			for _, sql := range tt.prepare {
				srv.Run(t, db, "SET ROLE "+db, sql)
			}
			ctx := context30(t)
			opt := tt.opt
			opt.FlushEvery = 20 * time.Millisecond
			s := New(config(t, srv.DSN(db, db)), "c", opt)
			follow(ctx, t, s, 13, 12)
			closeSink(ctx, t, s)
			if got := srv.Run(t, db, tt.query); got != tt.want {
				t.Errorf("got %s, want %s; status %+v", got, tt.want, s.Status())
			}
			if st := s.Status(); st.Stored+st.Skipped+st.Rejected != 12 || st.Rejected > 0 && !strings.Contains(st.Refusal, "no ICMP") {
				t.Errorf("status %+v", st)
			}
		})
	}
}

// fewIDs makes a table whose ids end soon.
func fewIDs(t *testing.T) (srv *pgtest.Server, db string) {
	t.Helper()
	srv = server(t)
	db = srv.Database(t)
	srv.Run(t, db, "SET ROLE "+db,
		"CREATE TABLE packets (id smallserial, src_ip text, dst_ip text, protocol text, packet_size int, capture_time timestamptz)",
		"SELECT setval('packets_id_seq', 32700)")
	return srv, db
}

// TestLastIDs: the last ids of a sequence are used up, although a block of the usual size
// is more than there are.
func TestLastIDs(t *testing.T) {
	srv, db := fewIDs(t)
	ctx := context30(t)
	s := New(config(t, srv.DSN(db, db)), "c", quick(nil))
	follow(ctx, t, s, 31, 30)
	closeSink(ctx, t, s)
	checkExactlyOnce(t, srv, db, 31)
}

func TestIDsRunOut(t *testing.T) {
	srv, db := fewIDs(t)
	ctx := context30(t)
	s := New(config(t, srv.DSN(db, db)), "c", quick(nil))
	finish := endless(ctx, t, s, time.Millisecond)
	st := problem(t, s, ProblemIDs)
	if !strings.Contains(st.LastError, "bigint") {
		t.Errorf("no mend: %s", st.LastError)
	}
	srv.Run(t, db, "ALTER TABLE packets ALTER COLUMN id TYPE bigint", "ALTER SEQUENCE packets_id_seq AS bigint")
	// The column has another type now: rows made for the old one are made anew.
	committed(t, s, 0)
	end := finish()
	closeSink(ctx, t, s)
	checkExactlyOnce(t, srv, db, end)
}
