package feed

import (
	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// Archive writes a capture with so many packets of the feed below dataDir, and returns its
// folder.
func Archive(dataDir string, packets uint64) (string, error) {
	a, _, err := archive.Create(archive.Config{
		DataDir: dataDir, Program: "feed",
		Interfaces: []segment.Interface{{Name: "feed0", Link: packet.LinkEthernet, SnapLen: 128, Resolution: segment.Nanoseconds}},
	})
	if err != nil {
		return "", err
	}
	b := segment.NewBuilder(nil)
	b.Reset(a.Buffer())
	var data []byte
	for n := uint64(1); n <= packets; n++ {
		data = frame(data[:0], n)
		size := uint32(len(data))
		p := b.Packet(0, feedStart+int64(n)*feedStep, size, size, packet.Direction(1+n&1))
		for p == nil {
			a.Append(b)
			if err := a.Trouble(); err != nil {
				return "", err
			}
			b.Reset(a.Buffer())
			p = b.Packet(0, feedStart+int64(n)*feedStep, size, size, packet.Direction(1+n&1))
		}
		copy(p, data)
	}
	a.Append(b)
	if err := a.Close(); err != nil {
		return "", err
	}
	return a.Dir(), a.Release(a.Ledger())
}
