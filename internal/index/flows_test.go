package index

import (
	"errors"
	"io"
	"os"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/track"
)

func TestFlowsAreWrittenBesideTheirSegment(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	w := NewFlowWriter(root, "capture", "test", func(n uint32, err error) { t.Errorf("segment %d: %v", n, err) })
	const each = flowGroup + 10
	for i := range 2 * each {
		c := track.Conversation{Segment: 1 + uint32(i/each), Protocol: app.TLS, Name: []byte("a\x1b.example"), NameField: app.FieldTLSServerName}
		c.ID, c.Stream, c.VLAN = uint64(i+1), uint32(i), packet.NoVLAN
		c.Tuple = packet.Tuple{Version: 4, Proto: 6, Src: packet.AddrFrom4([4]byte{10, 0, 0, 1}), Dst: packet.AddrFrom4([4]byte{10, 0, 0, 2}), SrcPort: 9, DstPort: 443}
		c.Client.Packets = uint64(i)
		w.Add(&c)
	}
	w.Seal()
	for n := range uint32(2) {
		f, err := os.Open(dir + "/" + FlowsName(n+1))
		if err != nil {
			t.Fatal(err)
		}
		r := parquet.NewGenericReader[flowRow](f)
		rows := make([]flowRow, each+1)
		read := 0
		for read < each {
			k, err := r.Read(rows[read:])
			read += k
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatal(err)
			}
		}
		if read != each {
			t.Fatalf("%d flows in segment %d", read, n+1)
		}
		x := rows[1]
		if x.Flow != uint64(n)*each+2 || *x.Stream != n*each+1 || x.Client != "10.0.0.1" || *x.Name != `a\x1b.example` ||
			*x.NameField != "tls.handshake.extensions_server_name" || x.ClientSide.Packets != uint64(n)*each+1 || x.VLAN != nil {
			t.Errorf("%+v", x)
		}
		f.Close()
	}
	if w.Lost() != 0 {
		t.Errorf("%d lost", w.Lost())
	}
	if left, _ := os.ReadDir(dir); len(left) != 2 {
		t.Errorf("%d files", len(left))
	}
}

func TestFlowsThatCannotBeWrittenAreCounted(t *testing.T) {
	dir := t.TempDir()
	root, err := os.OpenRoot(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer root.Close()
	if err := os.Mkdir(dir+"/"+FlowsName(1)+tmpSuffix, 0o700); err != nil {
		t.Fatal(err)
	}
	troubles := 0
	w := NewFlowWriter(root, "capture", "test", func(uint32, error) { troubles++ })
	for range 3 {
		w.Add(&track.Conversation{Segment: 1})
	}
	w.Add(&track.Conversation{Segment: 2})
	w.Seal()
	if w.Lost() != 3 || troubles != 1 {
		t.Errorf("%d lost, %d times told", w.Lost(), troubles)
	}
}
