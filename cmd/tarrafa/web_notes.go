package main

import (
	"crypto/sha256"
	"encoding/hex"
	"path/filepath"
	"sync"

	"github.com/tarrafa/tarrafa/internal/web"
	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// books are the notes of captures, one Book each, by folder or file.
type books struct {
	mu sync.Mutex
	by map[string]*notes.Book
}

func (b *books) of(path string, open func() *notes.Book) *notes.Book {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.by == nil {
		b.by = map[string]*notes.Book{}
	}
	if b.by[path] == nil {
		b.by[path] = open()
	}
	return b.by[path]
}

func (b *books) forget(path string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	delete(b.by, path)
}

// Notes implements web.NoteKeeper.
func (s *shelf) Notes(id string) (*notes.Book, error) {
	for i, f := range s.files {
		if fileID(i) == id {
			return s.fileNotes(f), nil
		}
	}
	dir, err := s.folder(id)
	if err != nil {
		return nil, err
	}
	return s.books.of(dir, func() *notes.Book { return notes.In(dir) }), nil
}

// fileNotes returns the notes of a capture file. They are kept in the user's data
// directory: what lies around a file is not the viewer's to write to.
func (s *shelf) fileNotes(name string) *notes.Book {
	return s.books.of(name, func() *notes.Book { return fileBook(name) })
}

// fileBook returns the notes of a file that is known by its absolute path.
func fileBook(path string) *notes.Book {
	sum := sha256.Sum256([]byte(path))
	return notes.At(fileNotesDir(), hex.EncodeToString(sum[:16])+".json")
}

// fileNotesDir is where notes of capture files are kept.
func fileNotesDir() string { return filepath.Join(defaultDataDir(), "notes") }

// describeNotes adds what the list of captures shows of the notes.
func (*shelf) describeNotes(c *web.Capture, b *notes.Book) {
	n, packets := b.Summary()
	c.Marked, c.Comment, c.Notes = n.Marked, n.Comment, packets
}

var _ web.NoteKeeper = (*shelf)(nil)
