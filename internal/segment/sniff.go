package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"unicode/utf8"

	"github.com/tarrafa/tarrafa/internal/packet"
)

const (
	pcapMagic         = 0xa1b2c3d4
	pcapMagicNanos    = 0xa1b23c4d
	pcapMagicModified = 0xa1b2cd34

	pcapHeader  = 24
	snoopHeader = 16
	snoopMagic  = "snoop\x00\x00\x00"

	// linkUnknown stands for a link type that has no number in the registry.
	linkUnknown packet.LinkType = 0xffff
)

// compression is a stream format that a capture file may be wrapped in.
type compression string

const (
	plain       compression = ""
	gzipStream  compression = "gzip"
	zstdStream  compression = "zstd"
	lz4Stream   compression = "lz4"
	sniffLength             = 512 // bytes looked at to say what a foreign file is
)

// sniffCompression looks at the first bytes of a stream. Four are enough.
func sniffCompression(b []byte) compression {
	if len(b) >= 2 && b[0] == 0x1f && b[1] == 0x8b {
		return gzipStream
	}
	if len(b) < 4 {
		return plain
	}
	switch m := binary.LittleEndian.Uint32(b); {
	case m == 0xFD2FB528, m&0xFFFFFFF0 == 0x184D2A50:
		return zstdStream
	case m == 0x184D2204, m == 0x184C2102:
		return lz4Stream
	}
	return plain
}

// pcapFormat reads a pcap file header's magic number; ok is false when it is none.
func pcapFormat(b []byte) (f Format, ok bool) {
	f.Kind = Pcap
	for _, f.BigEndian = range []bool{false, true} {
		switch u32(b, f.BigEndian) {
		case pcapMagic:
			return f, true
		case pcapMagicNanos:
			f.Nanos = true
			return f, true
		case pcapMagicModified:
			f.Modified = true
			return f, true
		}
	}
	return Format{}, false
}

// pcapInterface reads what a pcap file header, which must be whole, says about the link.
func pcapInterface(b []byte, f Format) (Interface, error) {
	major, minor := u16(b[4:], f.BigEndian), u16(b[6:], f.BigEndian)
	if major != 2 || minor < 3 {
		return Interface{}, &FormatError{What: fmt.Sprintf("a pcap file of version %d.%d, and only 2.3 and 2.4 are known", major, minor)}
	}
	in := Interface{SnapLen: u32(b[16:], f.BigEndian), Link: linkUnknown, Resolution: Resolution{UnitsPerSecond: 1e6}}
	if f.Nanos {
		in.Resolution = Nanoseconds
	}
	// The upper six bits tell of a frame check sequence.
	if link := u32(b[20:], f.BigEndian) & 0x03FFFFFF; link < uint32(linkUnknown) {
		in.Link = packet.LinkType(link)
	}
	return in, nil
}

// snoopInterface reads a snoop file header (RFC 1761), which must be whole.
func snoopInterface(b []byte) (Interface, error) {
	if v := binary.BigEndian.Uint32(b[8:]); v != 2 {
		return Interface{}, &FormatError{What: fmt.Sprintf("a snoop file of version %d, and only 2 is known", v)}
	}
	in := Interface{Link: linkUnknown, Resolution: Resolution{UnitsPerSecond: 1e6}}
	switch binary.BigEndian.Uint32(b[12:]) {
	case 0, 4: // IEEE 802.3, Ethernet
		in.Link = packet.LinkEthernet
	case 2: // token ring
		in.Link = 6
	case 8: // FDDI
		in.Link = 10
	}
	return in, nil
}

// signatures of files that people hand over by mistake, and what to do with them.
var signatures = []struct {
	at         int
	magic      string
	what, mend string
}{
	{0, "\x89PNG\r\n\x1a\n", "a PNG image", ""},
	{0, "\xff\xd8\xff", "a JPEG image", ""},
	{0, "GIF8", "a GIF image", ""},
	{0, "%PDF-", "a PDF document", ""},
	{0, "PK\x03\x04", "a ZIP archive", "unpack it first: unzip FILE"},
	{0, "PK\x05\x06", "an empty ZIP archive", ""},
	{0, "\xfd7zXZ\x00", "an xz stream", "unpack it first: xz -dc FILE | tarrafa read -"},
	{0, "BZh", "a bzip2 stream", "unpack it first: bzip2 -dc FILE | tarrafa read -"},
	{0, "7z\xbc\xaf\x27\x1c", "a 7-Zip archive", "unpack it first"},
	{0, "Rar!\x1a\x07", "a RAR archive", "unpack it first"},
	{257, "ustar", "a tar archive", "unpack it first: tar -xf FILE"},
	{0, "\x7fELF", "a program (ELF)", ""},
	{0, "MZ", "a Windows program", ""},
	{0, "PAR1", "a Parquet file", ""},
	{0, "SQLite format 3\x00", "an SQLite database", ""},
	{0, "btsnoop\x00", "a Bluetooth btsnoop file", "convert it first: editcap -F pcapng FILE OUT.pcapng"},
	{0, "GMBU", "a Microsoft Network Monitor file", "convert it first: editcap -F pcapng FILE OUT.pcapng"},
	{0, "RTSS", "a Microsoft Network Monitor 1 file", "convert it first: editcap -F pcapng FILE OUT.pcapng"},
	{0, "TRSNIFF data", "a Sniffer file", "convert it first: editcap -F pcapng FILE OUT.pcapng"},
	{0, "XCP\x00", "a NetXRay file", "convert it first: editcap -F pcapng FILE OUT.pcapng"},
	{0, "iptrace ", "an AIX iptrace file", "convert it first: editcap -F pcapng FILE OUT.pcapng"},
}

// foreign says what a stream that is not a capture begins like. b is its beginning, whole
// says that there is no more.
func foreign(b []byte, whole bool) *FormatError {
	if len(b) == 0 {
		return &FormatError{What: "an empty file"}
	}
	for _, s := range signatures {
		if len(b) >= s.at+len(s.magic) && string(b[s.at:s.at+len(s.magic)]) == s.magic {
			return &FormatError{What: s.what, Mend: s.mend}
		}
	}
	if whole && isCaptureStart(b) {
		return &FormatError{What: fmt.Sprintf("the first %d bytes of a capture file: its header was cut off", len(b))}
	}
	if len(bytes.Trim(b, "\x00")) == 0 {
		return &FormatError{What: "a run of zero bytes, as a file that was never written out"}
	}
	switch t := bytes.TrimLeft(b, " \t\r\n\xef\xbb\xbf"); {
	case !isText(b):
		return &FormatError{What: fmt.Sprintf("an unknown format (it begins with % x)", b[:min(4, len(b))])}
	case bytes.HasPrefix(t, []byte("<")):
		return &FormatError{What: "an HTML or XML text"}
	case bytes.HasPrefix(t, []byte("{")), bytes.HasPrefix(t, []byte("[")):
		return &FormatError{What: "a JSON text"}
	}
	return &FormatError{What: "a text"}
}

// isCaptureStart says whether b, shorter than a header, could be the start of one.
func isCaptureStart(b []byte) bool {
	starts := [][]byte{[]byte(snoopMagic), binary.BigEndian.AppendUint32(nil, blockSection)}
	for _, m := range []uint32{pcapMagic, pcapMagicNanos, pcapMagicModified} {
		starts = append(starts, binary.BigEndian.AppendUint32(nil, m), binary.LittleEndian.AppendUint32(nil, m))
	}
	for _, s := range starts {
		if n := min(len(b), len(s)); len(b) < minSection && bytes.Equal(b[:n], s[:n]) {
			return true
		}
	}
	return false
}

// isText says whether b, which may end inside a character, is UTF-8 without control
// characters.
func isText(b []byte) bool {
	for len(b) > 0 {
		c, n := utf8.DecodeRune(b)
		if c == utf8.RuneError && n == 1 {
			return !utf8.FullRune(b)
		}
		if c < ' ' && c != '\t' && c != '\n' && c != '\r' && c != '\f' && c != 0x1b || c == 0x7f {
			return false
		}
		b = b[n:]
	}
	return true
}
