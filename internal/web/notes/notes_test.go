package notes

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"unicode"
	"unicode/utf8"
)

func comment(s string) Change { return Change{Comment: &s} }

func TestNotesSurvive(t *testing.T) {
	dir := t.TempDir()
	b := In(dir)
	if _, err := b.SetPacket(7, Change{Marked: new(true)}); err != nil {
		t.Fatal(err)
	}
	if n, err := b.SetPacket(7, comment("  the <b>login</b>\x1b[31m\u202e ")); err != nil || n.Comment != "the <b>login</b>\ufffd[31m\ufffd" || !n.Marked {
		t.Fatalf("%+v, %v", n, err)
	}
	if _, err := b.SetCapture(comment("Monday")); err != nil {
		t.Fatal(err)
	}
	again := In(dir)
	if n := again.Packet(7); !n.Marked || n.Comment != "the <b>login</b>\ufffd[31m\ufffd" {
		t.Errorf("after a restart: %+v", n)
	}
	if c, n := again.Summary(); c.Comment != "Monday" || n != 1 {
		t.Errorf("after a restart: %+v, %d", c, n)
	}
	// Another process changes the file: this one sees it before it changes it itself.
	if _, err := again.SetPacket(9, comment("answer")); err != nil {
		t.Fatal(err)
	}
	if _, err := b.SetPacket(8, comment("question")); err != nil {
		t.Fatal(err)
	}
	if list := In(dir).Packets(); len(list) != 3 || list[0].Number != 7 || list[2].Comment != "answer" {
		t.Errorf("%+v", list)
	}
	info, err := os.Stat(filepath.Join(dir, FileName))
	if err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if _, err := b.SetPacket(7, Change{Marked: new(false), Comment: new("")}); err != nil {
		t.Fatal(err)
	}
	if n := len(b.Packets()); n != 2 {
		t.Errorf("%d notes are left", n)
	}
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left behind: %v", left)
	}
}

func TestBounds(t *testing.T) {
	dir := t.TempDir()
	b := In(dir)
	if _, err := b.SetPacket(1, comment(strings.Repeat("x", MaxComment+1))); !errors.Is(err, ErrLong) {
		t.Errorf("too long: %v", err)
	}
	if _, err := b.SetPacket(1, comment(strings.Repeat("\x00", MaxComment))); !errors.Is(err, ErrLong) {
		t.Errorf("too long once cleaned: %v", err)
	}
	b.look(0)
	for i := range uint64(MaxPackets) {
		b.put(i+1, Note{Marked: true})
	}
	before := b.Revision()
	if _, err := b.SetPacket(MaxPackets+1, Change{Marked: new(true)}); !errors.Is(err, ErrFull) {
		t.Errorf("one too many: %v", err)
	}
	if b.Refused() != 1 || b.Revision() != before {
		t.Errorf("refused %d, revision %d after %d", b.Refused(), b.Revision(), before)
	}
	if _, err := b.SetPacket(5, comment("known ones can be changed")); err != nil {
		t.Error(err)
	}
	full := strings.Repeat("y", MaxComment)
	var err error
	for i := uint64(1); err == nil; i++ {
		_, err = b.fits(Note{}, comment(full))
		b.put(i, Note{Comment: full})
	}
	if !errors.Is(err, ErrFull) || b.text > maxText+MaxComment {
		t.Errorf("%v with %d bytes", err, b.text)
	}
}

func TestUnusable(t *testing.T) {
	for name, text := range map[string]string{
		"damaged": `{"version":1,"packets":[{"nu`, "future": `{"version":2}`, "long": strings.Repeat(" ", maxFile+1), "link": "",
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			file := filepath.Join(dir, FileName)
			if name == "link" {
				secret := filepath.Join(t.TempDir(), "secret")
				if err := errors.Join(os.WriteFile(secret, []byte(`{"version":1,"capture":{"comment":"secret"}}`), 0o600), os.Symlink(secret, file)); err != nil {
					t.Fatal(err)
				}
			} else if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			b := In(dir)
			_, err := b.SetPacket(1, Change{Marked: new(true)})
			if _, ok := errors.AsType[*ReadOnlyError](err); !ok || b.Writable() == nil || b.Packet(1).Marked {
				t.Errorf("%v, writable: %v", err, b.Writable())
			}
			if c, _ := b.Summary(); c.Comment != "" {
				t.Errorf("read through a link: %+v", c)
			}
			if name != "link" {
				if got, err := os.ReadFile(file); err != nil || string(got) != text {
					t.Error("the file was changed")
				}
			}
		})
	}
	missing := In(filepath.Join(t.TempDir(), "nowhere"))
	if _, err := missing.SetPacket(1, Change{Marked: new(true)}); err == nil || missing.Writable() == nil || missing.Packet(1).Marked {
		t.Errorf("no folder: %v", err)
	}
	made := At(filepath.Join(t.TempDir(), "new"), "one.json")
	if _, err := made.SetPacket(1, Change{Marked: new(true)}); err != nil || made.Writable() != nil {
		t.Error(err)
	}
}

func TestManyWriters(t *testing.T) {
	b := In(t.TempDir())
	var wg sync.WaitGroup
	for i := range uint64(8) {
		wg.Go(func() {
			for k := range uint64(8) {
				if _, err := b.SetPacket(1+i*8+k, Change{Marked: new(true)}); err != nil {
					t.Error(err)
				}
				b.Packet(k)
				b.Revision()
			}
		})
	}
	wg.Wait()
	if n := len(b.Packets()); n != 64 {
		t.Errorf("%d notes", n)
	}
}

func FuzzNotesFile(f *testing.F) {
	f.Add([]byte(`{"version":1,"capture":{"marked":true,"comment":"a"},"packets":[{"number":1,"marked":false,"comment":"\u001b[1m"}]}`))
	f.Add([]byte(`{"version":1,"packets":[{"number":18446744073709551615,"comment":"\ud800"},{"number":1},{"number":1}]}`))
	f.Fuzz(func(t *testing.T, text []byte) {
		d, err := decode(bytes.NewReader(text))
		if err != nil {
			return
		}
		for _, p := range append(d.Packets, PacketNote{Note: d.Capture}) {
			if len(p.Comment) > MaxComment || !utf8.ValidString(p.Comment) || strings.ContainsFunc(p.Comment, func(r rune) bool {
				return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
			}) {
				t.Fatalf("comment %q", p.Comment)
			}
		}
	})
}
