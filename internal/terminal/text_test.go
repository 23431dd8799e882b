package terminal

import (
	"errors"
	"io"
	"strings"
	"testing"
	"testing/iotest"
	"testing/synctest"
	"unicode"
	"unicode/utf8"

	"github.com/charmbracelet/x/ansi"

	"github.com/tarrafa/tarrafa/internal/live"
	"github.com/tarrafa/tarrafa/internal/stats"
	"github.com/tarrafa/tarrafa/internal/words"
)

func TestTexts(t *testing.T) {
	named := map[string]bool{}
	for i, key := range keys {
		if key == "" || named[key] {
			t.Errorf("text %d: key %q is missing or used twice", i, key)
		}
		named[key] = true
		for l := range words.Languages {
			if textIn(l, text(i)) == "" {
				t.Errorf("%s: no text in language %d", key, l)
			}
		}
	}
	for key := range words.Of(words.English).Terminal {
		if !named[key] {
			t.Errorf("%s: in the catalogue and nowhere used", key)
		}
	}
	pt := Words(words.PortugueseBrazil)
	for o, name := range stats.English.Outcomes {
		if name == "" || pt.Outcomes[o] == "" {
			t.Errorf("outcome %d has no name", o)
		}
	}
}

func TestClean(t *testing.T) {
	for _, tc := range []struct{ name, in, want string }{
		{"ordinary", "eth0 – ação, 日本", "eth0 – ação, 日本"},
		{"colour", "\x1b[31mred\x1b[0m", "·[31mred·[0m"},
		{"C1", "a\u009b2Jb", "a·2Jb"},
		{"lines", "a\nb\tc\rd", "a b c·d"},
		{"bidirectional", "abc\u202edef\u2066", "abc·def·"},
		{"invisible", "a\u200bb\ufeffc\U000e0041", "a·b·c·"},
		{"separators", "a\u2028b\u00a0c", "a·b·c"},
		{"broken UTF-8", "a\xff\xc3b", "a��b"},
		{"one mark stays", "a\u0301", "a\u0301"},
		{"many marks", "a\u0301\u0301\u0301\u0489b\u0301", "a\u0301b\u0301"},
		{"a mark without letter", "\u0301a", "a"},
		{"NUL", "a\x00b", "a·b"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := clean(tc.in); got != tc.want {
				t.Errorf("%+q, want %+q", got, tc.want)
			}
		})
	}
	if got := clean(strings.Repeat("x", 1<<20)); len(got) != maxForeign {
		t.Errorf("%d bytes of a million", len(got))
	}
}

func FuzzClean(f *testing.F) {
	for _, s := range []string{"", "eth0", evil, "\xf0\x9f", strings.Repeat("a\u0301", 600)} {
		f.Add(s, 10)
	}
	f.Fuzz(func(t *testing.T, s string, width int) {
		width %= 100
		got := clean(s)
		if !utf8.ValidString(got) || strings.ContainsFunc(got, func(r rune) bool { return !unicode.IsPrint(r) }) {
			t.Errorf("%+q became %+q", s, got)
		}
		for name, cut := range map[string]string{"fit": fit(got, width), "fitLeft": fitLeft(got, width), "fitMiddle": fitMiddle(got, width)} {
			if ansi.StringWidth(cut) > max(width, 0) {
				t.Errorf("%s(%+q, %d) is %d wide", name, got, width, ansi.StringWidth(cut))
			}
		}
		if p := preview([]byte(s)); len(p) != len(s) || strings.ContainsFunc(p, func(r rune) bool { return r < ' ' || r > '~' }) {
			t.Errorf("preview %+q", p)
		}
	})
}

func TestFit(t *testing.T) {
	for _, tc := range []struct{ got, want string }{
		{fit("abcdef", 6), "abcdef"}, {fit("abcdef", 4), "abc…"}, {fit("abc", 0), ""}, {fit("abc", -1), ""},
		{fitLeft("/a/b/c", 6), "/a/b/c"}, {fitLeft("/home/x/y", 5), "…/x/y"}, {fitLeft("abc", 1), "…"}, {fitLeft("abc", 0), ""},
		{fitMiddle("2001:db8::1", 11), "2001:db8::1"}, {fitMiddle("2001:db8::1", 8), "200…8::1"}, {fitMiddle("abcdef", 2), "a…"},
		{left("ab", 4), "ab  "}, {right("ab", 4), "  ab"}, {left("日本語", 5), "日本…"}, {right("日本語", 4), " 日…"},
	} {
		if tc.got != tc.want {
			t.Errorf("%q, want %q", tc.got, tc.want)
		}
	}
}

func TestDrawings(t *testing.T) {
	for _, tc := range []struct{ name, got, want string }{
		{"no bar", bar(0, 10, 4), "    "}, {"of nothing", bar(0, 0, 2), "  "}, {"whole", bar(10, 10, 4), "████"},
		{"half", bar(1, 2, 3), "█▌ "}, {"a trace is seen", bar(1, 1_000_000, 3), "▏  "}, {"no room", bar(1, 1, -3), ""},
		{"graph", sparkline([]uint64{0, 1, 4, 8}, 4), " ▂▅█"}, {"only zeros", sparkline([]uint64{0, 0}, 9), "  "},
		{"narrow", sparkline([]uint64{8, 8, 0, 0}, 2), "█ "}, {"none", sparkline(nil, 5), ""}, {"negative", sparkline([]uint64{1}, -1), ""},
		{"huge", sparkline([]uint64{1<<64 - 1, 1 << 63}, 2), "█▅"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: %q, want %q", tc.name, tc.got, tc.want)
		}
	}
}

func TestLogLine(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var b strings.Builder
		for _, sc := range []*scene{{}, {ledger: balanced(40), sinks: healthySinks()}, {ledger: troubled(), sinks: troubledSinks()}} {
			s := newScene(t, sc, 40).hub.Snapshot()
			b.WriteString(LogLine(s, words.English) + "\n" + LogLine(s, words.PortugueseBrazil) + "\n")
		}
		golden(t, "log.txt", b.String())
	})
}

func TestLedgerText(t *testing.T) {
	golden(t, "ledger.txt", LedgerText(balanced(12_345), words.English)+"\n"+LedgerText(troubled(), words.PortugueseBrazil)+"\n"+
		LedgerText(&live.Ledger{Received: 7, Delivered: 6, Written: 6}, words.English))
}

func items() []ChooserItem {
	return []ChooserItem{
		{Name: "lo", Addresses: []string{"127.0.0.1", "::1"}, Up: true, Packets: 1234},
		{Name: "eth0", Addresses: []string{"192.168.1.23", "2001:db8:85a3:1011:1213:8a2e:1370:7334", "fe80::1"}, Up: true, Packets: 123_456_789, Default: true},
		{Name: "wlan0"},
		{Name: "2", Packets: 7},
		{Name: "\x1b[31mx", Addresses: []string{"\u202e"}},
	}
}

func TestChoose(t *testing.T) {
	for _, tc := range []struct {
		name, answers, want, rest string
		fails                     bool
	}{
		{name: "enter", answers: "\n", want: "eth0"},
		{name: "number", answers: "3\nrest", want: "wlan0", rest: "rest"},
		{name: "name", answers: "  lo \r\n", want: "lo"},
		{name: "a name before a number", answers: "2\n", want: "2"},
		{name: "with a dot", answers: "1.\n", want: "lo"},
		{name: "last line without end", answers: "1", want: "lo"},
		{name: "third try", answers: "nope\n99\n1\n", want: "lo"},
		{name: "three bad answers", answers: "a\n0\n-1\n1\n", fails: true, rest: "1\n"},
		{name: "long answer", answers: strings.Repeat("x", 100_000) + "\n1\n", want: "lo"},
		{name: "hostile answer", answers: evil + "\n\n1\n", want: "lo"},
		{name: "quit", answers: "q\n", fails: true},
		{name: "end of input", answers: "", fails: true},
		{name: "end after a bad answer", answers: "x\n", fails: true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			in, out := strings.NewReader(tc.answers), new(strings.Builder)
			got, err := Choose(in, out, words.English, items())
			if got != tc.want && !strings.HasPrefix(tc.name, "hostile") || (err != nil) != tc.fails {
				t.Errorf("%q, %v", got, err)
			}
			if tc.fails && !errors.Is(err, ErrNoChoice) {
				t.Errorf("error %v", err)
			}
			if rest, _ := io.ReadAll(in); tc.rest != "" && string(rest) != tc.rest {
				t.Errorf("left unread %q, want %q", rest, tc.rest)
			}
			for _, r := range out.String() {
				if r != '\n' && !unicode.IsPrint(r) {
					t.Fatalf("%U was written", r)
				}
			}
		})
	}
}

func TestChooserTable(t *testing.T) {
	var out strings.Builder
	for l := range words.Languages {
		if _, err := Choose(strings.NewReader("x\n\n"), &out, l, items()); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\n")
	}
	noDefault := items()[2:4]
	if _, err := Choose(strings.NewReader("\n\n2\n"), &out, words.English, noDefault); err != nil {
		t.Fatal(err)
	}
	golden(t, "chooser.txt", out.String())
	for line := range strings.Lines(out.String()) {
		if n := ansi.StringWidth(strings.TrimSuffix(line, "\n")); n > 80 {
			t.Errorf("%d columns: %q", n, line)
		}
	}
	if _, err := Choose(strings.NewReader("1\n"), io.Discard, words.English, nil); !errors.Is(err, ErrNoChoice) {
		t.Errorf("without interfaces: %v", err)
	}
	broken := errors.New("broken")
	if _, err := Choose(iotest.ErrReader(broken), io.Discard, words.English, items()); !errors.Is(err, broken) {
		t.Errorf("unreadable input: %v", err)
	}
}

// What happened is what a narrow terminal shows of an error; the advice follows where there
// is room.
func TestCauseOfAnError(t *testing.T) {
	const text = "PostgreSQL at h:1: connect: dial tcp: connection refused; is it running?"
	for width, want := range map[int]string{
		200: text,
		72:  text,
		60:  "PostgreSQL at h:1: connect: dial tcp: connection refused; i…",
		40:  "connect: dial tcp: connection refused; …",
		24:  "connection refused; is …",
		10:  "connectio…",
		0:   "",
	} {
		if got := cause(text, width); got != want {
			t.Errorf("%d columns: %q, want %q", width, got, want)
		}
	}
	if got := cause("no colon at all", 8); got != "no colo…" {
		t.Errorf("%q", got)
	}
}
