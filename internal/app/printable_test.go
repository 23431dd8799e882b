package app

import (
	"testing"
	"unicode"
	"unicode/utf8"
)

func TestPrintable(t *testing.T) {
	for in, want := range map[string]string{
		"":                          "",
		"www.example.com":           "www.example.com",
		"São João da Boa Vista":     "São João da Boa Vista",
		"日本語":                       "日本語",
		"a b":                       "a b",
		"a\\b":                      `a\\b`,
		"a\r\nb\tc":                 `a\r\nb\tc`,
		"\x00\x1b[31m\x7f":          `\x00\x1b[31m\x7f`,
		"\xff\xc3":                  `\xff\xc3`,
		"\u0085":                    `\u0085`,
		"\u202egnp.exe":             `\u202egnp.exe`,
		"a\u200bb\ufeff":            `a\u200bb\ufeff`,
		"\u2028":                    `\u2028`,
		"\u00a0":                    `\u00a0`,
		"\U000e0041":                `\U000e0041`,
		"\ufffd":                    "\ufffd",
		"<script>alert(1)</script>": "<script>alert(1)</script>",
	} {
		if got := string(Printable([]byte("> "), []byte(in))); got != "> "+want {
			t.Errorf("%q: got %q, want %q", in, got, want)
		}
	}
}

func FuzzPrintable(f *testing.F) {
	f.Add([]byte("a\x1b\u202e\xff"))
	f.Fuzz(func(t *testing.T, b []byte) {
		out := Printable(nil, b)
		if !utf8.Valid(out) || len(out) > 4*len(b) {
			t.Fatalf("%q became %q", b, out)
		}
		for _, r := range string(out) {
			if !unicode.IsPrint(r) {
				t.Fatalf("%q became %q", b, out)
			}
		}
	})
}
