package index

import (
	"os"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// A month at ten packets a second stays a few hundred files. The clock is made up, and a
// packet of a thousandth of the size stands for a thousand: the limits for a segment's
// size are a thousandth too.
func TestAMonthOfAQuietLink(t *testing.T) {
	const (
		scale = 1000
		step  = 10 * time.Minute
		month = 30 * 24 * time.Hour
		files = 400
	)
	for name, size := range map[string]int64{"headers only": 80, "mixed": 500, "large": 700} {
		t.Run(name, func(t *testing.T) {
			start := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
			now := start
			a, _, err := archive.Create(archive.Config{
				DataDir: t.TempDir(), Program: "test", SegmentBytes: archive.DefaultSegmentBytes / scale, Now: func() time.Time { return now },
				Interfaces: []segment.Interface{{Name: "eth0", Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
			})
			if err != nil {
				t.Fatal(err)
			}
			b := segment.NewBuilder(nil)
			perStep := int64(step/time.Second) * 10
			for ; now.Before(start.Add(month)); now = now.Add(step) {
				b.Reset(a.Buffer())
				length := uint32(perStep * (size + 32) / scale / 6)
				for i := range 6 {
					p := b.Packet(0, now.UnixNano()+int64(i), length, length, packet.DirectionSent)
					clear(p)
				}
				a.Append(b)
				a.Tick()
			}
			dir := a.Dir()
			if err := a.Close(); err != nil {
				t.Fatal(err)
			}
			if err := a.Release(a.Ledger()); err != nil {
				t.Fatal(err)
			}
			s, err := archive.Open(dir)
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = s.Close() }()
			built(t, s, BuildOptions{}, len(s.Meta.Segments), 0)
			entries, err := os.ReadDir(dir)
			if err != nil {
				t.Fatal(err)
			}
			t.Logf("%d segments, %d files", len(s.Meta.Segments), len(entries))
			if len(entries) > files || len(s.Meta.Segments) < 30 {
				t.Errorf("%d segments, %d files; at most %d are wanted", len(s.Meta.Segments), len(entries), files)
			}
		})
	}
}
