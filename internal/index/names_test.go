package index

import (
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/track"
)

func TestNamesComeBack(t *testing.T) {
	names := []track.Name{
		{Field: app.Field{ID: app.FieldHTTPHost, Value: []byte("a=b\\\n\r\t\x00\xff\u202e é \u0085 \U000e0001.example")}},
		{Field: app.Field{ID: app.FieldHTTPURI, Value: nil}},
		{Field: app.Field{ID: app.FieldHTTPStatus, Number: 404}},
		{Field: app.Field{ID: app.FieldDNSA, Value: []byte{192, 0, 2, 1}}},
		{Field: app.Field{ID: app.FieldDNSAAAA, Value: append(make([]byte, 10), 0xff, 0xff, 192, 0, 2, 1)}},
		{Field: app.Field{ID: app.FieldJA4, Value: []byte("t13d1516h2_8daaf6152771_e5627efa2ab1")}},
	}
	var w nameWords
	n, ok := w.number(names)
	if again, same := w.number(names); !ok || !same || again != n || w.size() != 1 {
		t.Fatalf("numbers %d and %d of %d words", n, again, w.size())
	}
	got, ok := AppendNamed(nil, w.word(n))
	if !ok || len(got) != len(names) {
		t.Fatalf("%d of %d names of %q", len(got), len(names), w.word(n))
	}
	for i, g := range got {
		f := &names[i].Field
		if g.Field != f.ID || g.Number != uint64(f.Number) || g.Text+string(g.Address) != string(f.Value) {
			t.Errorf("%s: %+v, want %q %d", f.ID, g, f.Value, f.Number)
		}
	}
}

func TestNamesAreBounded(t *testing.T) {
	var w nameWords
	name := []track.Name{{Field: app.Field{ID: app.FieldHTTPURI, Value: []byte(strings.Repeat("x", 1<<16))}}}
	kept := 0
	for i := range 256 {
		name[0].Field.Value[0] = byte('a' + i%26)
		name[0].Field.Value[1] = byte('a' + i/26)
		if _, ok := w.number(name); ok {
			kept++
		}
	}
	if kept == 0 || kept == 256 || w.bytes > namesMost {
		t.Errorf("%d lists of names, %d bytes", kept, w.bytes)
	}
	w.reset()
	if _, ok := w.number(name); !ok || w.size() != 1 {
		t.Error("no room after the row group")
	}
}

func FuzzNames(f *testing.F) {
	for _, s := range []string{"http.host=a", "dns.a=192.0.2.1\ndns.qry.type=28", `ja4=\u00e9\x00\\`, "http.host", "x=1", `http.host=\x1`, "dns.a=::1%eth0"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, word string) {
		named, ok := AppendNamed(nil, word)
		if !ok {
			return
		}
		for i := range named {
			if n := &named[i]; len(n.Text) > len(word) || len(n.Address) != 0 && len(n.Address) != 4 && len(n.Address) != 16 {
				t.Errorf("%q: %+v", word, n)
			}
		}
	})
}
