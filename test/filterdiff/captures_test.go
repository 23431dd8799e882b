package filterdiff

import (
	"bytes"
	"compress/gzip"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/gopacket/gopacket/pcapgo"
)

// capturesDir finds ../shared/captures beside the repository; "" when it is not there, as it is no part of it.
func capturesDir() string {
	dir, err := os.Getwd()
	if err != nil {
		return ""
	}
	for {
		p := filepath.Join(dir, "shared", "captures")
		if s, err := os.Stat(p); err == nil && s.IsDir() {
			return p
		}
		up := filepath.Dir(dir)
		if up == dir {
			return ""
		}
		dir = up
	}
}

// capture is a file of others with one link type.
type capture struct {
	name     string
	linkType int
	packets  []Packet
}

// captures reads the pcap and pcapng files of shared/captures.
func captures(t *testing.T) (out []capture) {
	t.Helper()
	dir := capturesDir()
	if dir == "" {
		t.Log("../shared/captures is not there: only the test's own packets are compared")
		return nil
	}
	files, err := filepath.Glob(filepath.Join(dir, "*"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		if bytes.HasPrefix(b, []byte{0x1f, 0x8b}) {
			z, err := gzip.NewReader(bytes.NewReader(b))
			if err != nil {
				t.Fatal(err)
			}
			if b, err = io.ReadAll(z); err != nil {
				t.Fatal(err)
			}
		}
		c := capture{name: f}
		if r, err := pcapgo.NewReader(bytes.NewReader(b)); err == nil {
			c.linkType = int(r.LinkType())
			for {
				data, ci, err := r.ReadPacketData()
				if err != nil {
					break
				}
				c.packets = append(c.packets, Packet{data, ci.Length})
			}
		} else if r, err := pcapgo.NewNgReader(bytes.NewReader(b), pcapgo.DefaultNgReaderOptions); err == nil {
			c.linkType = int(r.LinkType())
			for {
				data, ci, err := r.ReadPacketData()
				if err != nil {
					break
				}
				c.packets = append(c.packets, Packet{data, ci.Length})
			}
		}
		if len(c.packets) > 0 {
			out = append(out, c)
		}
	}
	return out
}
