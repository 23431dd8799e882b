package main

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet/packettest"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// statsWith counts files with so many workers, 0: in order, and returns what is printed.
func statsWith(t *testing.T, names []string, workers int) string {
	t.Helper()
	ins, err := openInputsWith(names, segment.ReaderOptions{Buffer: segment.NearBuffer})
	if err != nil {
		return err.Error()
	}
	defer closeInputs(ins)
	var out bytes.Buffer
	const top = 1000
	switch {
	case workers == 0:
		err = statsInOrder(context.Background(), &out, ins, nil, true, top)
	case !shareInputs(ins):
		t.Skip("compressed")
	default:
		err = statsInParts(context.Background(), &out, ins, workers, true, top)
	}
	if err != nil {
		return out.String() + err.Error()
	}
	return out.String()
}

// However many count, and whoever gets which packets: the answer is that of one who counts
// all in order.
func TestStatsInParts(t *testing.T) {
	var files []string
	for _, folder := range []string{"captures", "hostile"} {
		found, err := filepath.Glob(filepath.Join("..", "..", "..", "shared", folder, "*.*"))
		if err != nil {
			t.Fatal(err)
		}
		files = append(files, found...)
	}
	if len(files) == 0 {
		t.Log("no shared/captures beside the repository")
	}
	files = append(files, madeFragments(t))
	for _, file := range files {
		if ext := filepath.Ext(file); ext == ".md" || ext == ".tsv" {
			continue
		}
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := statsWith(t, []string{file}, 0)
			for _, workers := range []int{1, 2, 3} {
				if got := statsWith(t, []string{file}, workers); got != want {
					t.Fatalf("%d workers:\n%s\nin order:\n%s", workers, got, want)
				}
			}
		})
	}
	t.Run("several files", func(t *testing.T) {
		made := madeFragments(t)
		names := []string{made, made, made}
		if got, want := statsWith(t, names, 2), statsWith(t, names, 0); got != want {
			t.Errorf("%s\nin order:\n%s", got, want)
		}
	})
}

// madeFragments makes a capture of datagrams in fragments, whose pieces lie far apart,
// among other packets, and of many EtherTypes.
func madeFragments(t *testing.T) string {
	t.Helper()
	var frames [][]byte
	for i := range 1500 {
		datagram := packettest.Ethernet(0x0800, packettest.IPv4(17, packettest.UDP(1, uint16(i), make([]byte, 2000+i))))
		pieces := packettest.Fragments4(datagram, uint16(i), 600)
		frames = append(frames, pieces[:len(pieces)-i%3]...)
		frames = append(frames, packettest.Ethernet(uint16(0x9000+i*i%97), make([]byte, 50)))
	}
	// From the front and from the back in turn.
	var mixed [][]byte
	for a, b := 0, len(frames)-1; a <= b; a, b = a+1, b-1 {
		mixed = append(mixed, frames[a])
		if a < b {
			mixed = append(mixed, frames[b])
		}
	}
	le := binary.LittleEndian
	file := le.AppendUint32(nil, 0xa1b2c3d4)
	file = le.AppendUint16(file, 2)
	file = le.AppendUint16(file, 4)
	file = append(file, make([]byte, 8)...)
	file = le.AppendUint32(file, 262144)
	file = le.AppendUint32(file, 1)
	for i, f := range mixed {
		file = le.AppendUint32(file, 1_700_000_000+uint32(i)/20)
		file = le.AppendUint32(file, uint32(i))
		file = le.AppendUint32(file, uint32(len(f)))
		file = le.AppendUint32(file, uint32(len(f)))
		file = append(file, f...)
	}
	name := filepath.Join(t.TempDir(), "fragments.pcap")
	if err := os.WriteFile(name, file, 0o600); err != nil {
		t.Fatal(err)
	}
	return name
}

// Who is told to stop says so, and what was counted is printed.
func TestStatsInPartsStops(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ins, err := openInputs([]string{madeFragments(t)}, false)
	if err != nil || !shareInputs(ins) {
		t.Fatal(err)
	}
	defer closeInputs(ins)
	var out strings.Builder
	if err := statsInParts(ctx, &out, ins, 2, false, 5); !errors.Is(err, context.Canceled) || out.Len() == 0 {
		t.Errorf("%v, %q", err, out.String())
	}
}
