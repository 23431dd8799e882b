package archive

import (
	"crypto/rand"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/tarrafa/tarrafa/internal/inert"
	"github.com/tarrafa/tarrafa/internal/segment"
)

// MetaName is the file beside the segments that says what the capture is.
const MetaName = "capture.json"

// RecordCursor is the file beside the segments that says how far the capture's traffic
// record got.
const RecordCursor = "record.cursor"

// MetaFormat is the version of capture.json and of the folder's layout.
const MetaFormat = 1

// States of a capture.
const (
	StateOpen      = "open"      // being written, or left behind by a crash
	StateClosed    = "closed"    // ended in order
	StateRecovered = "recovered" // ended by a crash, put in order by a later start
)

// Meta is the content of capture.json. It repeats what the segments hold, so that a
// folder with many of them opens quickly; where the two differ the segments are right.
type Meta struct {
	Format     int           `json:"format"`
	ID         string        `json:"id"`
	State      string        `json:"state"`
	Program    string        `json:"program,omitempty"`
	Host       string        `json:"host,omitempty"`
	Started    time.Time     `json:"started"`
	Ended      time.Time     `json:"ended,omitzero"`
	Interfaces []string      `json:"interfaces"`
	Filter     string        `json:"filter,omitempty"`
	Sinks      []string      `json:"sinks,omitempty"`
	Segments   []SegmentInfo `json:"segments"`
	Ledger     *Ledger       `json:"ledger,omitempty"`
	Recovery   *Recovery     `json:"recovery,omitempty"`
}

// SegmentInfo describes one segment.
type SegmentInfo struct {
	Number    uint32 `json:"number"`
	First     uint64 `json:"first"` // number of its first packet
	Packets   uint64 `json:"packets"`
	Bytes     int64  `json:"bytes"`
	FirstTime int64  `json:"first_time,omitempty"` // nanoseconds since 1970
	LastTime  int64  `json:"last_time,omitempty"`
	Sealed    bool   `json:"sealed"`
}

// FileName returns the name of a segment's file in its capture folder.
func FileName(number uint32) string { return fmt.Sprintf("%06d.pcapng", number) }

func newMeta(name string, now time.Time, cfg Config) Meta {
	m := Meta{
		Format: MetaFormat, ID: name + "-" + randomHex(4), State: StateOpen, Program: cfg.Program,
		Started: now, Filter: cfg.Filter, Sinks: cfg.Sinks,
	}
	m.Host, _ = os.Hostname()
	for _, i := range cfg.Interfaces {
		m.Interfaces = append(m.Interfaces, i.Name)
	}
	return m
}

func randomHex(n int) string {
	b := make([]byte, n)
	_, _ = rand.Read(b) // never fails (crypto/rand)
	return hex.EncodeToString(b)
}

func (m *Meta) last() *SegmentInfo { return &m.Segments[len(m.Segments)-1] }

func (m *Meta) clone() Meta {
	c := *m
	c.Segments = slices.Clone(m.Segments)
	return c
}

// write replaces capture.json at once: readers see the old one or the new one.
func (m *Meta) write(root *os.Root) error {
	b, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return fmt.Errorf("archive: encode %s: %w", MetaName, err)
	}
	tmp := MetaName + ".tmp"
	if err := root.WriteFile(tmp, append(inert.JSON(b), '\n'), 0o600); err != nil {
		return fmt.Errorf("archive: write %s: %w", filepath.Join(root.Name(), MetaName), err)
	}
	if err := root.Rename(tmp, MetaName); err != nil {
		return fmt.Errorf("archive: replace %s: %w", filepath.Join(root.Name(), MetaName), err)
	}
	return nil
}

// metaMax bounds what is read of a capture.json: about a hundred thousand segments.
const metaMax = 32 << 20

func readMeta(root *os.Root) (Meta, error) {
	var m Meta
	info, err := root.Stat(MetaName)
	if err != nil {
		return m, fmt.Errorf("archive: %w", err)
	}
	if info.Size() > metaMax {
		return m, fmt.Errorf("archive: %s is %d bytes long, more than a capture.json can be", filepath.Join(root.Name(), MetaName), info.Size())
	}
	b, err := root.ReadFile(MetaName)
	if err != nil {
		return m, fmt.Errorf("archive: %w", err)
	}
	if err := json.Unmarshal(b, &m); err != nil {
		return m, fmt.Errorf("archive: %s is damaged: %w", filepath.Join(root.Name(), MetaName), err)
	}
	if m.Format != MetaFormat {
		return m, fmt.Errorf("archive: %s has format %d, this program knows %d", filepath.Join(root.Name(), MetaName), m.Format, MetaFormat)
	}
	return m, nil
}

// makeCaptureDir makes the folder <start>-<interface>; a number follows when a capture of
// the same second exists. Interface names come from the kernel, but only harmless
// characters of them reach a path.
func makeCaptureDir(dataDir string, now time.Time, ifs []segment.Interface) (string, error) {
	names := make([]string, 0, len(ifs))
	for _, i := range ifs {
		names = append(names, safeName(i.Name))
	}
	base := now.Format("20060102T150405Z") + "-" + strings.Join(names, "+")
	if len(base) > 100 {
		base = base[:100]
	}
	for n := 1; n < 1000; n++ {
		name := base
		if n > 1 {
			name = fmt.Sprintf("%s.%d", base, n)
		}
		dir := filepath.Join(dataDir, name)
		err := os.Mkdir(dir, 0o700)
		if err == nil {
			return dir, nil
		}
		if !errors.Is(err, fs.ErrExist) {
			return "", fmt.Errorf("archive: make capture folder: %w", err)
		}
	}
	return "", fmt.Errorf("archive: %s: a thousand captures of one second", filepath.Join(dataDir, base))
}

func safeName(s string) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z', r >= 'A' && r <= 'Z', r >= '0' && r <= '9', r == '-', r == '_', r == '.', r == '@':
			return r
		default:
			return '_'
		}
	}, s)
	if s == "" || s[0] == '.' {
		return "_" + s
	}
	return s
}
