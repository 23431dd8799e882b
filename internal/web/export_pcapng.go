package web

import (
	"io"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// maxExportFaces bounds the interfaces of an exported file; packets of further ones are
// written under the last.
const maxExportFaces = 1 << 12

// pcapngWriter writes packets with their direction and comments.
type pcapngWriter struct {
	w     io.Writer
	buf   []byte
	faces []exportFace
	begun bool
}

type exportFace struct {
	name string
	link packet.LinkType
}

func newPcapngWriter(w io.Writer, _ string) (packetWriter, error) { return &pcapngWriter{w: w}, nil }

func (p *pcapngWriter) begin() {
	if !p.begun {
		p.begun = true
		p.buf = segment.AppendSectionHeader(p.buf, segment.Section{Application: "tarrafa"})
	}
}

func (p *pcapngWriter) add(e *exported) error {
	p.begin()
	face := exportFace{e.iface, e.link}
	at := -1
	for i := range p.faces {
		if p.faces[i] == face {
			at = i
		}
	}
	if at < 0 && len(p.faces) < maxExportFaces {
		at = len(p.faces)
		p.faces = append(p.faces, face)
		p.buf = segment.AppendInterface(p.buf, segment.Interface{
			Name: e.iface, Link: e.link, Resolution: segment.Resolution{UnitsPerSecond: 1e9},
		})
	}
	at = max(at, 0)
	s := e.Summary
	p.buf = segment.AppendPacket(p.buf, uint32(at), s.Time, s.WireLen, e.data[:min(len(e.data), segment.MaxCaptured)], segment.PacketOptions{
		Flags: uint32(s.Direction), HasFlags: s.Direction != packet.DirectionUnknown, Comments: e.remarks(),
	})
	if len(p.buf) < segment.ChunkSize {
		return nil
	}
	return p.flush()
}

func (p *pcapngWriter) flush() error {
	_, err := p.w.Write(p.buf)
	p.buf = p.buf[:0]
	return err
}

func (p *pcapngWriter) end() error {
	p.begin()
	return p.flush()
}
