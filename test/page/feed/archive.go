package feed

import (
	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// Archive writes a capture with so many packets of the feed below dataDir, and returns its
// folder.
func Archive(dataDir string, packets uint64) (string, error) {
	w, err := create(dataDir)
	if err != nil {
		return "", err
	}
	var data []byte
	for n := uint64(1); n <= packets; n++ {
		data = frame(data[:0], n)
		if err := w.add(feedStart+int64(n)*feedStep, packet.Direction(1+n&1), data); err != nil {
			return "", err
		}
	}
	return w.close()
}

// write writes a capture with the packets of a story.
func write(dataDir string, packets []one) (string, error) {
	w, err := create(dataDir)
	if err != nil {
		return "", err
	}
	for i := range packets {
		p := &packets[i]
		if err := w.add(p.time, p.direction(), p.data); err != nil {
			return "", err
		}
	}
	return w.close()
}

// writer writes a capture as the program does.
type writer struct {
	archive *archive.Archive
	builder *segment.Builder
}

func create(dataDir string) (*writer, error) {
	a, _, err := archive.Create(archive.Config{
		DataDir: dataDir, Program: "feed",
		Interfaces: []segment.Interface{{Name: "feed0", Link: packet.LinkEthernet, SnapLen: 65535, Resolution: segment.Nanoseconds}},
	})
	if err != nil {
		return nil, err
	}
	w := &writer{a, segment.NewBuilder(nil)}
	w.builder.Reset(a.Buffer())
	return w, nil
}

// add appends a packet, whose bytes are copied.
func (w *writer) add(time int64, d packet.Direction, data []byte) error {
	size := uint32(len(data))
	p := w.builder.Packet(0, time, size, size, d)
	for p == nil {
		w.archive.Append(w.builder)
		if err := w.archive.Trouble(); err != nil {
			return err
		}
		w.builder.Reset(w.archive.Buffer())
		p = w.builder.Packet(0, time, size, size, d)
	}
	copy(p, data)
	return nil
}

func (w *writer) close() (string, error) {
	w.archive.Append(w.builder)
	if err := w.archive.Close(); err != nil {
		return "", err
	}
	l := w.archive.Ledger()
	l.Received, l.Delivered = l.Written, l.Written
	return w.archive.Dir(), w.archive.Release(l)
}
