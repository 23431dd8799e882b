package inert

import (
	"encoding/json"
	"testing"
	"unicode"
)

// What acts is what Unicode calls a control, a separator of lines, or a control of
// direction, and nothing else.
func TestActs(t *testing.T) {
	for r := rune(0); r <= unicode.MaxRune; r++ {
		want := unicode.Is(unicode.Cc, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) || unicode.Is(unicode.Bidi_Control, r)
		if Acts(r) != want {
			t.Errorf("%U: %v", r, !want)
		}
	}
}

func TestJSON(t *testing.T) {
	for name, tc := range map[string]struct{ in, want string }{
		"empty":               {"", ""},
		"plain":               {`{"a":"ä€𝄞"}` + "\n", `{"a":"ä€𝄞"}` + "\n"},
		"delete":              {"\"\x7f\"", `"\u007f"`},
		"second controls":     {"\"a\u009b31mb\"", `"a\u009b31mb"`},
		"direction":           {"[\"\u202egpj\u2066\"]", `["\u202egpj\u2066"]`},
		"at both ends":        {"\u200fx\u061c", `\u200fx\u061c`},
		"separators of lines": {"\"\u2028\u2029\"", `"\u2028\u2029"`},
	} {
		if got := string(JSON([]byte(tc.in))); got != tc.want {
			t.Errorf("%s: %q, want %q", name, got, tc.want)
		}
	}
}

// Every text comes back from its escaped form as it was.
func FuzzJSON(f *testing.F) {
	f.Add("a\u202eb\x7f\u009b")
	f.Fuzz(func(t *testing.T, text string) {
		line, err := json.Marshal(text)
		if err != nil {
			t.Fatal(err)
		}
		var want, got string
		if err := json.Unmarshal(line, &want); err != nil {
			t.Fatal(err)
		}
		inert := JSON(line)
		if err := json.Unmarshal(inert, &got); err != nil || got != want {
			t.Fatalf("%q became %q: %v", want, got, err)
		}
		for _, r := range string(inert) {
			if Acts(r) {
				t.Fatalf("%q holds %U", inert, r)
			}
		}
	})
}

// A cell is text, whatever it begins with.
func TestCell(t *testing.T) {
	for text, want := range map[string]string{
		"": "", "eth0": "eth0", "a=1": "a=1", "=1+1": "'=1+1", "+1": "'+1", "-1": "'-1", "@SUM(A1)": "'@SUM(A1)",
		"\t=1": "'\t=1", "\r=1": "'\r=1", "\n=1": "'\n=1", "é": "é",
	} {
		if got := Cell(text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
}
