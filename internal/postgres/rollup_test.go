//go:build unix

package postgres

import (
	"context"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
	questions "github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/track"
)

// answers asks everything that the sums answer, over several ranges.
func answers(t *testing.T, r *Reader) map[string]any {
	t.Helper()
	ctx := context.Background()
	all := map[string]any{}
	keep := func(what string, answer any, err error) {
		t.Helper()
		if err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		all[what] = answer
	}
	const second = int64(time.Second)
	for name, s := range map[string]questions.Scope{
		"everything": {}, "seconds": {From: testTime + second, To: testTime + 4*second}, "within seconds": {From: testTime + 7, To: testTime + 3*second + 500_000_123},
		"from": {From: testTime + second/2}, "within a second": {From: testTime + second/4, To: testTime + second/2}, "before": {From: 1, To: testTime},
		"two parts": {From: testTime + second/2, To: testTime + second + second/2},
	} {
		totals, err := r.Totals(ctx, s)
		keep(name+", totals", totals, err)
		n, err := r.Count(ctx, s)
		keep(name+", count", n, err)
		for _, bucket := range []time.Duration{time.Second, 2 * time.Second, 300 * time.Millisecond} {
			series, err := r.Series(ctx, s, bucket)
			keep(name+", series by "+bucket.String(), series, err)
		}
		for _, field := range []string{"src", "dst", "ip.src", "ip.dst", "ip.addr", "ipv6.src", "ipv6.dst", "ipv6.addr", "direction"} {
			for _, n := range []int{0, 3, 1000} {
				top, err := r.Top(ctx, s, field, n)
				keep(name+", top "+field, top, err)
			}
		}
	}
	return all
}

// TestSumsAreRows: what is answered from the sums is what the rows say, to the last byte
// and nanosecond.
func TestSumsAreRows(t *testing.T) {
	r, run := readerOver(t, ReaderOptions{Stored: true})
	snap := func() (summed bool) {
		must(t, r.question(context.Background(), func(_ context.Context, s *snapshot) error {
			summed = s.sumsOf(&questions.Scope{}) != nil && s.info.addressed != noAddresses
			return nil
		}))
		return summed
	}
	if !snap() {
		t.Fatal("there are no sums")
	}
	fromSums := answers(t, r)
	// The sums by address may be behind: the rest is counted from the rows.
	run("DELETE FROM tarrafa_addresses")
	run("UPDATE tarrafa_cursors SET addresses = 1")
	for what, late := range answers(t, r) {
		if !reflect.DeepEqual(late, fromSums[what]) {
			t.Errorf("%s: with sums that are behind %+v, want %+v", what, late, fromSums[what])
		}
	}
	run("UPDATE tarrafa_cursors SET seconds = NULL, addresses = NULL")
	if snap() {
		t.Fatal("the sums were not taken away")
	}
	for what, want := range answers(t, r) {
		if got := fromSums[what]; !reflect.DeepEqual(got, want) {
			t.Errorf("%s: %+v, the rows say %+v", what, got, want)
		}
	}
}

// TestSumsAfterUpgrade: a capture that an older version began has no complete sums, and is
// answered from its rows.
func TestSumsAfterUpgrade(t *testing.T) {
	srv, db, cfg := database(t)
	ctx := context30(t)
	s := New(cfg, "old", quick(nil))
	follow(ctx, t, s, 501, 100)
	closeSink(ctx, t, s)
	srv.Run(t, db, "DROP TABLE tarrafa_seconds, tarrafa_addresses", "ALTER TABLE tarrafa_cursors DROP COLUMN seconds, DROP COLUMN addresses")
	r, err := OpenReader(ctx, cfg, "", ReaderOptions{Stored: true})
	must(t, err)
	if n, err := r.Count(ctx, questions.Scope{}); err != nil || n != uint64(stored(501)) {
		t.Errorf("before the upgrade: %d packets, %v", n, err)
	}
	must(t, r.Close())
	s = New(cfg, "old", quick(nil))
	follow(ctx, t, s, 1001, 100)
	closeSink(ctx, t, s)
	r, err = OpenReader(ctx, cfg, "", ReaderOptions{Stored: true})
	must(t, err)
	defer r.Close()
	totals, err := r.Totals(ctx, questions.Scope{})
	if err != nil || totals.Packets != uint64(stored(1001)) {
		t.Errorf("after the upgrade: %+v, %v", totals, err)
	}
	top, err := r.Top(ctx, questions.Scope{}, "src", 1000)
	if err != nil || sumOf(top) != totals.Amount {
		t.Errorf("top src sums up to %+v of %+v, %v", sumOf(top), totals.Amount, err)
	}
}

func sumOf(top *questions.Top) (a questions.Amount) {
	for _, row := range top.Rows {
		plus(&a, row.Amount)
	}
	return a
}

// TestManyAddresses: beyond the limit there are no sums by address, and the rows answer.
func TestManyAddresses(t *testing.T) {
	srv, db, cfg := database(t)
	ctx := context30(t)
	var log lines
	opt := quick(&log)
	opt.mostAddresses = 100
	s := New(cfg, "c", opt)
	follow(ctx, t, s, 1001, 50)
	closeSink(ctx, t, s)
	if got := srv.Run(t, db, "SELECT count(*), (SELECT addresses IS NULL FROM tarrafa_cursors) FROM tarrafa_addresses"); got != "0|t" {
		t.Errorf("sums by address: %s", got)
	}
	if !strings.Contains(log.String(), "too many addresses") {
		t.Errorf("the log does not say so: %s", log.String())
	}
	follow(ctx, t, s, 1201, 50)
	closeSink(ctx, t, s)
	r := reader(ctx, t, cfg, "")
	totals, err := r.Totals(ctx, questions.Scope{})
	must(t, err)
	if top, err := r.Top(ctx, questions.Scope{}, "src", 2000); err != nil || sumOf(top) != totals.Amount || totals.Packets != uint64(stored(1201)) {
		t.Errorf("top src sums up to %+v of %+v, %v", sumOf(top), totals.Amount, err)
	}
}

// TestToldAsInSQL: the sums' count of packets whose headers are not all told is that of
// the statements.
func TestToldAsInSQL(t *testing.T) {
	srv, db, cfg := database(t)
	ctx := context30(t)
	opt := quick(nil)
	opt.NonIP = true
	s := New(cfg, "c", opt)
	if _, err := s.Start(ctx); err != nil {
		t.Fatal(err)
	}
	n := uint64(1)
	for outcome := range packet.OutcomeCount {
		for flags := range packet.Marked {
			for tuple := range packet.TupleFlags(16) {
				b := testBatch(n, 6)
				for i := range b.Rows {
					r := &b.Rows[i]
					r.Outcome, r.Flags = outcome, flags
					if r.Outer.Version != 0 {
						r.Outer.Flags, r.Inner.Flags = tuple, tuple
					}
				}
				must(t, s.Apply(ctx, b))
				n += 6
			}
		}
	}
	closeSink(ctx, t, s)
	r := reader(ctx, t, cfg, "")
	must(t, r.question(ctx, func(ctx context.Context, snap *snapshot) error {
		sc, err := snap.scopeOf(ctx, &questions.Scope{})
		must(t, err)
		rows, err := snap.run(ctx, sc, "SELECT count(*) FILTER (WHERE NOT whole), count(*) FILTER (WHERE whole) FROM "+sc.from)
		must(t, err)
		want := string(rows[0][0]) + "|" + string(rows[0][1])
		if got := srv.Run(t, db, "SELECT sum(untold), sum(packets - untold) FROM tarrafa_seconds"); got != want {
			t.Errorf("untold and told: %s, the statements say %s", got, want)
		}
		return nil
	}))
}

// Summing up must not cost the capture's memory a piece for every packet.
func TestSumsNoAllocation(t *testing.T) {
	var f flight
	e := encoder{targets: []target{{field: fieldSize, codec: codecInt4}}}
	b := testBatch(1, 300)
	fill := func(b *track.Batch) {
		f.reset()
		for i := range b.Rows {
			f.add(&e, &b.Rows[i], nil, false)
		}
	}
	fill(b)
	if n := testing.AllocsPerRun(10, func() { fill(b) }); n > 1 {
		t.Errorf("%.0f allocations for 300 packets", n)
	}
}

// TestPagesWithGaps: pages of a capture in which packets have no row are those of its rows
// one after another.
func TestPagesWithGaps(t *testing.T) {
	_, _, cfg := database(t)
	ctx := context30(t)
	s := New(cfg, "c", quick(nil))
	const end = 20_001
	follow(ctx, t, s, end, 1000)
	closeSink(ctx, t, s)
	var want []uint64
	for n := uint64(1); n < end; n++ {
		if n%6 != 4 {
			want = append(want, n)
		}
	}
	r := reader(ctx, t, cfg, "")
	for _, from := range []uint64{0, 1, 2, 3, 4, 9000, 16_000, 5000, 5003, uint64(len(want)) - 3, uint64(len(want)), 1 << 40, 15_999, 999, 1000, 1001} {
		for _, count := range []int{0, 1, 7, 3000} {
			page, err := r.Packets(ctx, questions.Scope{}, from, count)
			must(t, err)
			part := want[min(from, uint64(len(want))):]
			part = part[:min(count, len(part))]
			var got []uint64
			for i := range page.Rows {
				got = append(got, page.Rows[i].Number)
			}
			if page.Total != uint64(len(want)) || len(got) != len(part) || len(got) > 0 && !reflect.DeepEqual(got, part) {
				t.Errorf("%d packets from %d: %d of %d, from %v", count, from, len(got), page.Total, got[:min(len(got), 3)])
			}
		}
	}
}
