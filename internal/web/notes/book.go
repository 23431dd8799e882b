package notes

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

// FileName is the file with the notes in a capture's folder.
const FileName = "notes.json"

// version is that of the file. A file of another version is left alone.
const version = 1

// freshFor is how long the file is taken to be as it was when it was last looked at:
// another process may write it too.
const freshFor = time.Second

// document is the file.
type document struct {
	Version int          `json:"version"`
	Capture Note         `json:"capture"`
	Packets []PacketNote `json:"packets"` // by number
}

// Book holds the notes of one capture. Its methods may be used by many goroutines at once.
//
// Two processes may have the same file open: each looks before it changes something
// whether the file is still the one that it knows. Only changes in the very same
// millisecond can cover each other.
type Book struct {
	folder, name string
	make         bool // the folder is made when it is missing

	revision atomic.Uint32 // grows with every change that this process knows of
	refused  atomic.Uint64 // changes that there was no room for

	mu      sync.Mutex
	looked  time.Time
	known   fs.FileInfo // of the file as it was read; nil: there was none
	trouble error       // why the file cannot be used; nil: it can
	capture Note
	packets map[uint64]Note
	text    int // bytes of all comments
}

// In returns the notes of a capture's folder.
func In(folder string) *Book { return &Book{folder: folder, name: FileName} }

// At returns the notes that a file of this name in a folder holds. The folder is made when
// the first note is.
func At(folder, name string) *Book { return &Book{folder: folder, name: name, make: true} }

// Dir returns the folder of the file.
func (b *Book) Dir() string { return b.folder }

// Revision returns a number that changes whenever the notes do.
func (b *Book) Revision() uint32 {
	b.mu.Lock()
	b.look(freshFor)
	b.mu.Unlock()
	return b.revision.Load()
}

// Packet returns the note of a packet.
func (b *Book) Packet(number uint64) Note {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look(freshFor)
	return b.packets[number]
}

// Summary returns the capture's own note and how many packets have one.
func (b *Book) Summary() (capture Note, packets int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look(freshFor)
	return b.capture, len(b.packets)
}

// Packets returns the notes of all packets, by number. The slice is the caller's.
func (b *Book) Packets() []PacketNote {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look(freshFor)
	return b.sorted()
}

// Refused returns how many changes were not taken in because there was no room.
func (b *Book) Refused() uint64 { return b.refused.Load() }

// SetPacket changes the note of a packet and returns it. The error is [ErrLong], [ErrFull]
// or a [*ReadOnlyError]; then nothing has changed.
func (b *Book) SetPacket(number uint64, c Change) (Note, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look(0)
	old, had := b.packets[number]
	n, err := b.fits(old, c)
	if err == nil && !had && n != (Note{}) && len(b.packets) >= MaxPackets {
		err = ErrFull
	}
	if err != nil {
		return old, b.count(err)
	}
	if n == old {
		return n, nil
	}
	b.put(number, n)
	if err := b.write(); err != nil {
		b.put(number, old)
		return old, err
	}
	return n, nil
}

// SetCapture changes the capture's own note, as [Book.SetPacket] does.
func (b *Book) SetCapture(c Change) (Note, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look(0)
	old := b.capture
	n, err := b.fits(old, c)
	if err != nil {
		return old, b.count(err)
	}
	if n == old {
		return n, nil
	}
	b.capture = n
	b.text += len(n.Comment) - len(old.Comment)
	if err := b.write(); err != nil {
		b.capture = old
		b.text -= len(n.Comment) - len(old.Comment)
		return old, err
	}
	return n, nil
}

// Writable returns nil when notes can be kept, or why not.
func (b *Book) Writable() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.look(freshFor)
	if b.trouble != nil {
		return b.trouble
	}
	root, err := b.open()
	if err != nil {
		return err
	}
	defer func() { _ = root.Close() }()
	name := b.temporary()
	f, err := root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	return errors.Join(f.Close(), root.Remove(name))
}

func (b *Book) count(err error) error {
	if errors.Is(err, ErrFull) {
		b.refused.Add(1)
	}
	return err
}

// fits returns the note as it would be.
func (b *Book) fits(old Note, c Change) (Note, error) {
	if c.Comment != nil && len(*c.Comment) > MaxComment {
		return old, ErrLong
	}
	n := c.apply(old)
	if len(n.Comment) > MaxComment { // replacements are longer than what they replace
		return old, ErrLong
	}
	if more := len(n.Comment) - len(old.Comment); more > 0 && b.text+more > maxText {
		return old, ErrFull
	}
	return n, nil
}

func (b *Book) put(number uint64, n Note) {
	b.text += len(n.Comment) - len(b.packets[number].Comment)
	if n == (Note{}) {
		delete(b.packets, number)
		return
	}
	if b.packets == nil {
		b.packets = map[uint64]Note{}
	}
	b.packets[number] = n
}

func (b *Book) sorted() []PacketNote {
	list := make([]PacketNote, 0, len(b.packets))
	for _, number := range slices.Sorted(maps.Keys(b.packets)) {
		list = append(list, PacketNote{number, b.packets[number]})
	}
	return list
}

// look reads the file when it may have changed.
func (b *Book) look(age time.Duration) {
	now := time.Now()
	if age > 0 && !b.looked.IsZero() && now.Sub(b.looked) < age {
		return
	}
	b.looked = now
	info, err := os.Lstat(b.folder + string(os.PathSeparator) + b.name)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		if b.known != nil || b.trouble != nil {
			b.forget(nil, nil)
		}
		return
	case err == nil && b.known != nil && os.SameFile(info, b.known) && info.ModTime().Equal(b.known.ModTime()) && info.Size() == b.known.Size():
		return
	}
	d, info, err := b.read()
	b.forget(info, err)
	if err != nil {
		return
	}
	b.capture = d.Capture
	b.text = len(d.Capture.Comment)
	for _, p := range d.Packets {
		b.put(p.Number, p.Note)
	}
}

// forget starts anew with a file, or with the reason why it cannot be used.
func (b *Book) forget(known fs.FileInfo, trouble error) {
	if known == nil && trouble != nil && b.trouble != nil && trouble.Error() == b.trouble.Error() {
		return // still so: nobody needs to look again
	}
	b.known, b.trouble = known, trouble
	b.capture, b.packets, b.text = Note{}, nil, 0
	b.revision.Add(1)
}

// read reads the file and cleans what it says: somebody else may have written it.
func (b *Book) read() (*document, fs.FileInfo, error) {
	root, err := os.OpenRoot(b.folder)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = root.Close() }()
	// A pipe in the place of the file must not hold anybody up.
	info, err := root.Lstat(b.name)
	if err != nil {
		return nil, nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, info, fmt.Errorf("%s is not a regular file", b.name)
	}
	f, err := root.Open(b.name)
	if err != nil {
		return nil, info, err
	}
	defer func() { _ = f.Close() }()
	if info, err = f.Stat(); err != nil {
		return nil, nil, err
	}
	d, err := decode(io.LimitReader(f, maxFile+1))
	if err != nil {
		err = fmt.Errorf("%s: %w", b.name, err)
	}
	return d, info, err
}

// decode reads a file of notes.
func decode(r io.Reader) (*document, error) {
	text, err := io.ReadAll(r)
	if err != nil {
		return nil, err
	}
	if len(text) > maxFile {
		return nil, errors.New("it is too long for a file of notes")
	}
	var d document
	if json.Unmarshal(text, &d) != nil {
		return nil, errors.New("it is damaged: rename it to begin anew")
	}
	if d.Version != version {
		return nil, fmt.Errorf("it has version %d, this program knows %d", d.Version, version)
	}
	if len(d.Packets) > MaxPackets {
		return nil, errors.New("it has more notes than a capture may have")
	}
	total := 0
	tidy := func(n *Note) {
		n.Comment = Clean(n.Comment)
		if len(n.Comment) > MaxComment {
			n.Comment = Clean(n.Comment[:MaxComment])
		}
		total += len(n.Comment)
	}
	tidy(&d.Capture)
	for i := range d.Packets {
		tidy(&d.Packets[i].Note)
	}
	if total > 2*maxText {
		return nil, errors.New("its comments are too long")
	}
	return &d, nil
}

func (b *Book) open() (*os.Root, error) {
	if b.make {
		if err := os.MkdirAll(b.folder, 0o700); err != nil {
			return nil, err
		}
	}
	return os.OpenRoot(b.folder)
}

func (b *Book) temporary() string { return fmt.Sprintf(".%s.%d", b.name, os.Getpid()) }

// write puts a new file in the place of the old one.
func (b *Book) write() error {
	if b.trouble != nil {
		return &ReadOnlyError{b.trouble}
	}
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(document{version, b.capture, b.sorted()}); err != nil {
		return &ReadOnlyError{err}
	}
	if text.Len() > maxFile {
		return b.count(ErrFull)
	}
	root, err := b.open()
	if err != nil {
		return &ReadOnlyError{err}
	}
	defer func() { _ = root.Close() }()
	info, err := replace(root, b.name, b.temporary(), text.Bytes())
	if err != nil {
		return &ReadOnlyError{err}
	}
	b.known, b.looked = info, time.Now()
	b.revision.Add(1)
	return nil
}

// replace writes a file whole or not at all.
func replace(root *os.Root, name, temporary string, text []byte) (fs.FileInfo, error) {
	_ = root.Remove(temporary) // of a process that had this number and was killed
	f, err := root.OpenFile(temporary, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	_, err = f.Write(text)
	if err == nil {
		err = f.Sync()
	}
	info, statErr := f.Stat()
	err = errors.Join(err, statErr, f.Close())
	if err == nil {
		err = root.Rename(temporary, name)
	}
	if err != nil {
		return nil, errors.Join(err, root.Remove(temporary))
	}
	return info, nil
}
