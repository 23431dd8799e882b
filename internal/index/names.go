package index

import (
	"encoding/hex"
	"net/netip"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/track"
)

// namesMost bounds the texts of the column names in a row group, bytes: they come from the
// network. What does not fit is left out, and the index says that its names are not
// complete.
const namesMost = 8 << 20

// nameWords numbers the lists of names of a row group's packets, in the order of
// appearance.
type nameWords struct {
	numbers map[string]int32
	list    []string
	bytes   int
	buf     []byte
}

func (w *nameWords) reset() {
	clear(w.numbers)
	clear(w.list)
	w.list, w.bytes = w.list[:0], 0
}

func (w *nameWords) word(n int32) string { return w.list[n] }
func (w *nameWords) size() int           { return len(w.list) }

// number returns the number of a packet's list of names; ok is false when there is no room
// for it.
func (w *nameWords) number(names []track.Name) (n int32, ok bool) {
	w.buf = w.buf[:0]
	for i := range names {
		w.buf = appendName(w.buf, &names[i].Field)
	}
	n, known := w.numbers[string(w.buf)]
	if known {
		return n, true
	}
	if w.bytes+len(w.buf) > namesMost {
		return 0, false
	}
	if w.numbers == nil {
		w.numbers = map[string]int32{}
	}
	n = int32(len(w.list))
	word := string(w.buf)
	w.numbers[word], w.list, w.bytes = n, append(w.list, word), w.bytes+len(word)
	return n, true
}

// appendName appends a line: the field's name, = and its value, printable.
func appendName(dst []byte, f *app.Field) []byte {
	if len(dst) > 0 {
		dst = append(dst, '\n')
	}
	dst = append(append(dst, f.ID.String()...), '=')
	switch f.ID.Kind() {
	case app.KindNumber:
		return strconv.AppendUint(dst, uint64(f.Number), 10)
	case app.KindAddress:
		if a, ok := netip.AddrFromSlice(f.Value); ok {
			return a.AppendTo(dst)
		}
		return dst
	default:
		return app.Printable(dst, f.Value)
	}
}

// Named is one name of a packet: what an application said in it.
type Named struct {
	Field   app.FieldID
	Number  uint64 // of a field that is a number
	Text    string // of a text, its bytes as they were
	Address []byte // of an address: 4 or 16 bytes
}

// AppendNamed appends the names that a word of the column [Names] says. ok is false when
// it is not such a word.
func AppendNamed(dst []Named, word string) (_ []Named, ok bool) {
	for line := range strings.SplitSeq(word, "\n") {
		name, value, _ := strings.Cut(line, "=")
		id, known := app.ParseField(name)
		if !known {
			return dst, false
		}
		n := Named{Field: id}
		switch id.Kind() {
		case app.KindNumber:
			v, err := strconv.ParseUint(value, 10, 64)
			if err != nil {
				return dst, false
			}
			n.Number = v
		case app.KindAddress:
			a, err := netip.ParseAddr(value)
			if err != nil {
				return dst, false
			}
			n.Address = a.AsSlice()
		default:
			if n.Text, known = plainText(value); !known {
				return dst, false
			}
		}
		dst = append(dst, n)
	}
	return dst, true
}

// plainText undoes [app.Printable].
func plainText(s string) (string, bool) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, true
	}
	out := make([]byte, 0, len(s))
	for {
		i := strings.IndexByte(s, '\\')
		if i < 0 {
			return string(append(out, s...)), true
		}
		out, s = append(out, s[:i]...), s[i+1:]
		if s == "" {
			return "", false
		}
		kind, digits := s[0], 0
		s = s[1:]
		switch kind {
		case '\\':
			out = append(out, '\\')
		case 'n':
			out = append(out, '\n')
		case 'r':
			out = append(out, '\r')
		case 't':
			out = append(out, '\t')
		case 'x':
			digits = 2
		case 'u':
			digits = 4
		case 'U':
			digits = 8
		default:
			return "", false
		}
		if digits == 0 {
			continue
		}
		if len(s) < digits {
			return "", false
		}
		if digits == 2 {
			b, err := hex.DecodeString(s[:2])
			if err != nil {
				return "", false
			}
			out = append(out, b...)
		} else {
			r, err := strconv.ParseUint(s[:digits], 16, 32)
			if err != nil {
				return "", false
			}
			out = append(out, string(rune(r))...)
		}
		s = s[digits:]
	}
}

// appWords are the applications' names, by [app.Protocol].
var appWords = func() (f fixed) {
	for _, p := range app.Protocols() {
		for len(f) <= int(p) {
			f = append(f, "")
		}
		f[p] = p.String()
	}
	return f
}()

// named stages what was found out of the applications of n rows of a batch; with on, as
// there is something.
func (w *Writer) named(b *track.Batch, from, n int, on bool) {
	st := w.stage
	if !on {
		clear(st.level(hasApp, n))
		clear(st.level(hasNames, n))
		return
	}
	for row := from; row < from+n; row++ {
		if p := b.Apps[row]; st.present(hasApp, p != app.Unknown) {
			st.small(App, int32(p))
		}
		lo := w.nameAt
		for w.nameAt < len(b.Names) && int(b.Names[w.nameAt].Row) == row {
			w.nameAt++
		}
		if lo == w.nameAt {
			st.present(hasNames, false)
			continue
		}
		number, ok := w.names.number(b.Names[lo:w.nameAt])
		if st.present(hasNames, ok) {
			st.small(Names, number)
		} else {
			w.info.Names = false
		}
	}
}
