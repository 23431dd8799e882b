package web

import (
	"io"
	"slices"

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
	says  segment.Preface // what the capture says besides; the secrets are left out
}

type exportFace struct {
	name string
	link packet.LinkType
}

func newPcapngWriter(w io.Writer, _ string) (packetWriter, error) { return &pcapngWriter{w: w}, nil }

// Prefaced is a reader that knows what its capture says besides the packets.
type Prefaced interface {
	Preface() (*segment.Preface, error)
}

// of lets the file say what the capture says, and what its reader has said of it. Secrets are
// not among it: they would be given away with the first packet that somebody exports.
func (p *pcapngWriter) of(reader *lent) error {
	if r, ok := reader.Reader.(Prefaced); ok {
		says, err := r.Preface()
		if err != nil {
			return err
		}
		p.says = *says.WithoutSecrets()
	}
	if book := reader.book(); book != nil {
		if whole, _ := book.Summary(); whole.Comment != "" {
			p.says.Section.Comments = append(slices.Clip(p.says.Section.Comments), whole.Comment)
		}
	}
	return nil
}

func (p *pcapngWriter) begin() {
	if !p.begun {
		p.begun = true
		section := p.says.Section
		section.Application = "tarrafa"
		p.buf = segment.AppendSectionHeader(p.buf, section)
	}
}

func (p *pcapngWriter) add(e *exported) error {
	p.begin()
	face := exportFace{e.iface.Name, e.link}
	at := -1
	for i := range p.faces {
		if p.faces[i] == face {
			at = i
		}
	}
	if at < 0 && len(p.faces) < maxExportFaces {
		at = len(p.faces)
		p.faces = append(p.faces, face)
		in := e.iface
		in.Link = e.link
		p.buf = segment.AppendInterface(p.buf, in)
		if at == 0 {
			p.buf = p.says.AppendBlocks(p.buf)
		}
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
