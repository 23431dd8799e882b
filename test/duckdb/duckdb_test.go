// Package duckdb_test proves with an independent reader that the index is Parquet as
// everybody has it.
package duckdb_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"testing"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/history"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// missing skips locally and fails where everything has to be there.
func missing(t *testing.T, format string, args ...any) {
	t.Helper()
	if os.Getenv("CI") != "" {
		t.Fatalf(format, args...)
	}
	t.Skipf(format, args...)
}

// write makes a pcapng file of packets of a few hosts.
func write(t *testing.T) string {
	t.Helper()
	b := segment.NewBuilder(make([]byte, 0, 8<<20))
	for i := range 20_000 {
		data := make([]byte, 54+i%60)
		data[12], data[14], data[23], data[46] = 8, 0x45, 6, 0x50
		data[16], data[17] = 0, byte(len(data)-14)
		copy(data[26:], []byte{10, 0, 0, byte(1 + i%13*i%7)})
		copy(data[30:], []byte{192, 168, 0, byte(i % 5)})
		data[37] = byte(20 + i%4)
		copy(b.Packet(0, int64(1e18)+int64(i)*1e6, uint32(len(data)), uint32(len(data)), packet.DirectionSent), data)
	}
	out := segment.AppendSectionHeader(nil, segment.Section{})
	out = segment.AppendInterface(out, segment.Interface{Name: "eth0", Link: packet.LinkEthernet, Resolution: segment.Nanoseconds})
	name := filepath.Join(t.TempDir(), "made.pcapng")
	if err := os.WriteFile(name, append(out, b.Bytes()...), 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

func TestDuckDBReadsTheSame(t *testing.T) {
	if _, err := os.Stat("node_modules/@duckdb/node-api"); err != nil {
		missing(t, "DuckDB is not installed: cd test/duckdb && npm install --no-package-lock")
	}
	if _, err := exec.LookPath("node"); err != nil {
		missing(t, "no node")
	}
	ctx := context.Background()
	in, err := archive.Import(ctx, archive.Config{DataDir: t.TempDir(), Program: "test", SegmentBytes: 1 << 20}, []string{write(t)}, 0, nil)
	if err != nil {
		t.Fatal(err)
	}
	s, err := archive.Open(in.Dir)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = s.Close() }()
	if b, err := index.Build(ctx, s, index.BuildOptions{All: true, Program: "test"}); err != nil || len(b.Failed) > 0 {
		t.Fatal(err, b)
	}
	raw, err := exec.Command("node", "proof.mjs", in.Dir).Output()
	if err != nil {
		t.Fatalf("node proof.mjs: %v", err)
	}
	var got struct {
		Totals, Top, Ports, Outcomes, Seconds [][]string
	}
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	c, err := history.Open(in.Dir, history.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = c.Close() }()
	totals, err := c.Totals(ctx, query.Scope{})
	if err != nil {
		t.Fatal(err)
	}
	n, bytes := fmt.Sprint(totals.Packets), fmt.Sprint(totals.Bytes)
	if len(got.Totals) != 1 || got.Totals[0][0] != n || got.Totals[0][1] != bytes || got.Totals[0][4] != "1" || got.Totals[0][5] != n {
		t.Errorf("DuckDB: %v; want %s packets of %s bytes", got.Totals, n, bytes)
	}
	if want := [][]string{{n, bytes}}; !reflect.DeepEqual(got.Seconds, want) {
		t.Errorf("counts by second: DuckDB adds them up to %v, want %v", got.Seconds, want)
	}
	top, err := c.Top(ctx, query.Scope{}, history.TopSrc, 5)
	if err != nil {
		t.Fatal(err)
	}
	var want [][]string
	for _, r := range top.Rows {
		want = append(want, []string{r.Value, fmt.Sprint(r.Packets), fmt.Sprint(r.Bytes)})
	}
	if !reflect.DeepEqual(got.Top, want) {
		t.Errorf("top 5 sources: DuckDB %v, want %v", got.Top, want)
	}
	f, err := query.Parse("ip.src == 10.0.0.1 && tcp")
	if err != nil {
		t.Fatal(err)
	}
	ports, err := c.Top(ctx, query.Scope{Filter: f}, "tcp.dstport", 10)
	if err != nil {
		t.Fatal(err)
	}
	have := map[string]string{}
	for _, r := range got.Ports {
		have[r[0]] = r[1]
	}
	for _, r := range ports.Rows {
		if have[r.Value] != fmt.Sprint(r.Packets) {
			t.Errorf("port %s: DuckDB %s packets, want %d", r.Value, have[r.Value], r.Packets)
		}
	}
	for _, r := range got.Outcomes {
		if fmt.Sprint(totals.Outcomes[r[0]]) != r[1] {
			t.Errorf("outcome %s: DuckDB %s, want %d", r[0], r[1], totals.Outcomes[r[0]])
		}
	}
}
