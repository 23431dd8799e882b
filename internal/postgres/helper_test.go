//go:build unix

package postgres

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/postgres/pgtest"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

func writeFile(t *testing.T, name, text string) {
	t.Helper()
	if err := os.WriteFile(name, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
}

// shared is the server of the tests that leave it as it was: each has its own database.
var shared struct {
	once sync.Once
	*pgtest.Server
	err error
}

func TestMain(m *testing.M) {
	code := m.Run()
	if shared.Server != nil {
		_ = shared.Close()
	}
	os.Exit(code)
}

// server returns the shared server.
func server(t testing.TB) *pgtest.Server {
	t.Helper()
	shared.once.Do(func() { shared.Server, shared.err = pgtest.New() })
	if shared.err != nil {
		if errors.Is(shared.err, pgtest.ErrNotInstalled) && os.Getenv("CI") == "" {
			t.Skip(shared.err)
		}
		t.Fatal(shared.err)
	}
	return shared.Server
}

// database returns an empty database of the shared server, and the settings of its owner.
func database(t testing.TB) (srv *pgtest.Server, db string, cfg Config) {
	t.Helper()
	srv = server(t)
	db = srv.Database(t)
	return srv, db, config(t, srv.DSN(db, db))
}

// reader opens a capture; an empty name means the newest.
func reader(ctx context.Context, t testing.TB, cfg Config, capture string) *Reader {
	t.Helper()
	r, err := OpenReader(ctx, cfg, capture, ReaderOptions{Stored: true})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = r.Close() })
	return r
}

// lines collects a log. It is safe for concurrent use.
type lines struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (l *lines) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.Write(p)
}

func (l *lines) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.b.String()
}

func (l *lines) logger() *slog.Logger { return slog.New(slog.NewTextHandler(l, nil)) }

// config returns the settings for a database as the user of the same name.
func config(t testing.TB, dsn string) Config {
	t.Helper()
	c, err := ParseConfig(dsn, func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// quick are options that make tests short.
func quick(log *lines) Options {
	o := Options{FlushEvery: 20 * time.Millisecond, ConnectTimeout: time.Second, FlushTimeout: 2 * time.Second}
	if log != nil {
		o.Log = log.logger()
	}
	return o
}

// testTime is when the packets of testBatch were captured: a second per thousand packets.
const testTime = 1_700_000_000_000_000_000

// testPacket is packet number n of an endless capture: TCP and UDP over IPv4, TCP over
// IPv6, ICMP, ARP, and TCP in an IPv6 tunnel.
func testPacket(n uint64) packet.Summary {
	s := packet.Summary{
		Number: n, Time: testTime + int64(n)*1_000_001, Offset: int64(n) * 100,
		CapLen: 60 + uint32(n%1000), WireLen: 60 + uint32(n%1000), VLAN: packet.NoVLAN,
		Direction: packet.Direction(n % 3), Depth: 1,
	}
	var a, b [4]byte
	binary.BigEndian.PutUint32(a[:], 0x0a000000+uint32(n%250))
	binary.BigEndian.PutUint32(b[:], 0xc0a80000+uint32(n%7))
	s.Outer = packet.Tuple{Src: packet.AddrFrom4(a), Dst: packet.AddrFrom4(b), Version: 4}
	switch n % 6 {
	case 0, 5:
		s.Outer.Proto, s.Outer.SrcPort, s.Outer.DstPort, s.Outer.Flags = packet.ProtoTCP, 50000, 443, packet.TupleHasPorts
	case 1:
		s.Outer.Proto, s.Outer.SrcPort, s.Outer.DstPort, s.Outer.Flags = packet.ProtoUDP, 50001, 53, packet.TupleHasPorts
	case 2:
		s.Outer.Version, s.Outer.Proto = 6, packet.ProtoTCP
		s.Outer.Src = packet.Addr{0: 0xfe, 1: 0x80, 15: byte(n)}
		s.Outer.Dst = packet.Addr{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 13: 1, 15: 1}
		s.Outer.SrcPort, s.Outer.DstPort, s.Outer.Flags = 50002, 80, packet.TupleHasPorts
		s.VLAN = 7
	case 3:
		s.Outer.Proto, s.Outcome = packet.ProtoICMP, packet.OutcomeIP
	case 4:
		s.Outer, s.Depth, s.EtherType, s.Outcome = packet.Tuple{}, 0, 0x0806, packet.OutcomeNonIP
	}
	s.Inner = s.Outer
	if n%6 == 5 {
		s.Outer.Proto, s.Outer.Flags, s.Outer.SrcPort, s.Outer.DstPort = 41, 0, 0, 0
		s.Inner.Version, s.Inner.Src, s.Inner.Dst = 6, packet.Addr{15: 1}, packet.Addr{15: 2}
		s.Depth = 2
	}
	if s.Inner.Proto == packet.ProtoTCP {
		s.Seq, s.Ack, s.Window, s.TCPFlags = uint32(n)*1000, 0xffffffff, 0xffff, 0x18
		s.PayloadLen = 5
		s.OuterPayloadLen = 5
	}
	return s
}

// testBatch returns packets first to first+n-1 of the endless capture.
func testBatch(first uint64, n int) *track.Batch {
	b := &track.Batch{
		Chunk: &segment.Chunk{
			Segment: 1, Offset: int64(first) * 100, First: first, Packets: uint32(n),
			Interfaces: []segment.Interface{{Name: "eth0", Link: packet.LinkEthernet}},
		},
		Next: segment.Cursor{Segment: 1, Offset: int64(first+uint64(n)) * 100, Packet: first + uint64(n)},
	}
	for i := range n {
		b.Rows = append(b.Rows, testPacket(first+uint64(i)))
	}
	return b
}

// stored returns how many of the packets below n get a row.
func stored(n uint64) (rows int) {
	for i := uint64(1); i < n; i++ {
		if i%6 != 4 {
			rows++
		}
	}
	return rows
}

// follow applies batches until the cursor stands at packet end, as a tracker does, and
// starts anew where the sink asks for it.
func follow(ctx context.Context, t testing.TB, s *Sink, end uint64, size int) {
	t.Helper()
	c, err := s.Start(ctx)
	if err != nil {
		t.Fatal(err)
	}
	followFrom(ctx, t, s, max(c.Packet, 1), end, size)
}

func followFrom(ctx context.Context, t testing.TB, s *Sink, next, end uint64, size int) {
	t.Helper()
	for next < end {
		n := min(size, int(end-next))
		err := s.Apply(ctx, testBatch(next, n))
		if err != nil {
			t.Fatalf("packet %d: %v, status %+v", next, err, s.Status())
		}
		next += uint64(n)
	}
}

func flush(ctx context.Context, t testing.TB, s *Sink) {
	t.Helper()
	if err := s.Flush(ctx); err != nil {
		t.Fatalf("%v, status %+v", err, s.Status())
	}
}

func closeSink(ctx context.Context, t testing.TB, s *Sink) {
	t.Helper()
	if err := s.Close(ctx); err != nil {
		t.Fatalf("%v, status %+v", err, s.Status())
	}
}

func context30(t testing.TB) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	t.Cleanup(cancel)
	return ctx
}

// checkExactlyOnce compares the table with the packets below end: each has its row once,
// and the books agree.
func checkExactlyOnce(t testing.TB, srv *pgtest.Server, db string, end uint64) {
	t.Helper()
	want := stored(end)
	got := srv.Run(t, db, "SELECT count(*), count(DISTINCT number), COALESCE(min(number),0), COALESCE(max(number),0), count(DISTINCT id) FROM packets")
	low, high := 1, end-1
	for high%6 == 4 {
		high--
	}
	if expect := fmt.Sprintf("%d|%d|%d|%d|%d", want, want, low, high, want); got != expect {
		t.Errorf("rows, numbers, min, max, ids: %s, want %s", got, expect)
	}
	got = srv.Run(t, db, "SELECT sum(packets), sum(bytes) FROM tarrafa_seconds")
	sums := srv.Run(t, db, "SELECT count(*), sum(packet_size) FROM packets")
	if got != sums {
		t.Errorf("the rollup says %s, the rows %s", got, sums)
	}
	checkAddresses(t, srv, db)
	got = srv.Run(t, db, "SELECT packet, stored, skipped + stored + rejected FROM tarrafa_cursors")
	if expect := fmt.Sprintf("%d|%d|%d", end, want, end-1); got != expect {
		t.Errorf("the cursor's books: %s, want %s", got, expect)
	}
}

// checkAddresses compares the sums by address with the rows'.
func checkAddresses(t testing.TB, srv *pgtest.Server, db string) {
	t.Helper()
	if got := srv.Run(t, db, "SELECT addresses - packet FROM tarrafa_cursors"); got != "0" {
		t.Errorf("the sums by address are behind by %s packets", got)
	}
	var rows rowSource
	ctx := context30(t)
	conn, err := connect(ctx, config(t, srv.DSN(pgtest.Superuser, db)), new(Options{}.withDefaults()))
	if err != nil {
		t.Fatal(err)
	}
	defer closeNow(conn)
	info, err := lookTable(ctx, conn, "packets")
	if err == nil {
		err = rows.of(info)
	}
	if err != nil {
		t.Fatal(err)
	}
	want := addressesOf("(SELECT " + rows.columns + " FROM packets)")
	got := "SELECT address, " + sumColumns + " FROM tarrafa_addresses"
	for _, sql := range []string{got + " EXCEPT (" + want + ")", want + " EXCEPT (" + got + ")"} {
		if n := srv.Run(t, db, "SELECT count(*) FROM ("+sql+") AS other"); n != "0" {
			t.Errorf("%s addresses have other sums than the rows", n)
		}
	}
}

// portOf returns the port as psql wants it.
func portOf(srv *pgtest.Server) string { return strconv.Itoa(srv.Port) }

// number parses what psql printed.
func number(t testing.TB, s string) int {
	t.Helper()
	n, err := strconv.Atoi(s)
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// eventually waits for something that another process or goroutine does.
func eventually(t testing.TB, what string, ok func() bool) {
	t.Helper()
	deadline := time.Now().Add(20 * time.Second)
	for !ok() {
		if time.Now().After(deadline) {
			t.Fatalf("not within 20 s: %s", what)
		}
		time.Sleep(5 * time.Millisecond)
	}
}
