//go:build unix

package postgres

import (
	"os"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// freshLayout is how rows of a table that we made are written.
func freshLayout(basic bool) encoder {
	types := map[string]uint32{
		"bigserial": pgInt8, "bigint": pgInt8, "integer": pgInt4, "smallint": pgInt2,
		"inet": pgInet, "text": pgText, "timestamptz": pgTimestamptz,
	}
	info := &tableInfo{schema: "public", name: "packets", kind: "r", owner: true}
	for f, c := range columns {
		ci := columnInfo{name: c.name, typeOID: types[c.sqlType]}
		if field(f) == fieldID {
			ci.sequence, ci.plainSeq, ci.identity = "s", true, true
		}
		info.columns = append(info.columns, ci)
	}
	l, err := layoutFor(info, !basic)
	if err != nil {
		panic(err)
	}
	return encoder{targets: l.targets, zone: zone{location: time.UTC}}
}

func TestEncodeNoAllocation(t *testing.T) {
	e := freshLayout(false)
	buf := make([]byte, 0, 1<<20)
	n := testing.AllocsPerRun(50, func() {
		buf = buf[:0]
		for i := range uint64(100) {
			s := testPacket(i)
			buf, _ = e.appendRow(buf, &s, nil)
		}
	})
	if n != 0 {
		t.Errorf("%v allocations for 100 rows", n)
	}
}

func BenchmarkEncode(b *testing.B) {
	for name, basic := range map[string]bool{"all": false, "six": true} {
		b.Run(name, func(b *testing.B) {
			e := freshLayout(basic)
			var rows []packet.Summary
			for i := uint64(1); len(rows) < 1000; i++ {
				if s := testPacket(i); i%6 == 0 || i%6 == 1 {
					rows = append(rows, s)
				}
			}
			var f flight
			for b.Loop() {
				f.reset()
				for i := range rows {
					f.add(&e, &rows[i], nil, false)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/1000, "ns/row")
		})
	}
}

func TestLocalTime(t *testing.T) {
	place, err := time.LoadLocation("America/Sao_Paulo")
	if err != nil && os.Getenv("CI") != "" {
		t.Fatal(err)
	}
	if err != nil {
		t.Skip(err)
	}
	// Summer time began at 00:00 on 2018-11-04: 02:59:59 UTC is 23:59:59, 03:00:00 is 01:00:00.
	change := time.Date(2018, 11, 4, 3, 0, 0, 0, time.UTC)
	z := zone{location: place}
	for _, tt := range []struct {
		at   time.Time
		want string
	}{
		{change.Add(-time.Microsecond), "2018-11-03 23:59:59.999999"},
		{change, "2018-11-04 01:00:00.000000"},
		{change.Add(-time.Second), "2018-11-03 23:59:59.000000"},
		{time.Date(2026, 1, 1, 12, 0, 0, 999, time.UTC), "2026-01-01 09:00:00.000000"},
		{time.Date(1900, 1, 1, 12, 0, 0, 0, time.UTC), "1900-01-01 08:53:32.000000"},
		{time.Date(1969, 12, 31, 23, 59, 59, 999999999, time.UTC), "1969-12-31 20:59:59.999999"},
	} {
		if got := string(z.appendTime(nil, tt.at.UnixNano())); got != tt.want {
			t.Errorf("%v: %s, want %s", tt.at, got, tt.want)
		}
	}
}
