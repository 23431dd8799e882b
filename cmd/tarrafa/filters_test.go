package main

import (
	"strings"
	"testing"
)

// TestLongFilters: a filter that is too long is refused in a few lines, before it costs
// memory; and of a long one that is wrong only the place is shown.
func TestLongFilters(t *testing.T) {
	file := samplesFile(t)
	long := strings.Repeat("tcp or ", 100_000) + "tcp"
	wrong := strings.Repeat("tcp or ", 2000) + "tcpp"
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"explained":              {[]string{"filter", long}, "the capture filter is 700003 bytes long, and 65536 are allowed"},
		"tried":                  {[]string{"filter", "--no-sandbox", "--on", file, long}, "65536 are allowed"},
		"captured":               {[]string{"capture", "--no-sandbox", "-i", "lo", long}, "65536 are allowed"},
		"read":                   {[]string{"read", "--no-sandbox", file, "-f", long}, "65536 are allowed"},
		"displayed":              {[]string{"read", "--no-sandbox", file, "-Y", long}, "longer than 16384 bytes"},
		"a question":             {[]string{"packets", "--no-sandbox", file, "-Y", long}, "longer than 16384 bytes"},
		"wrong":                  {[]string{"filter", wrong}, "…r tcp or tcp or"},
		"wrong, and displayed":   {[]string{"packets", "--no-sandbox", file, "-Y", wrong}, "…r tcp or tcp or"},
		"wrong, and of findings": {[]string{"flows", "--no-sandbox", file, "-Y", wrong}, "…r tcp or tcp or"},
	} {
		_, said, code := command(tc.args...)
		if code != exitFilter || !strings.Contains(said, tc.says) || len(said) > 1000 {
			t.Errorf("%s: exit code %d, %d bytes: %.500s", name, code, len(said), said)
		}
	}
}

func TestPointed(t *testing.T) {
	long := strings.Repeat("0123456789", 50)
	for name, tc := range map[string]struct {
		text      string
		at, width int
		want      string
	}{
		"a word":            {"tcp prot 5", 4, 4, "tcp prot 5\n    ^~~~"},
		"the end":           {"tcp port", 8, 0, "tcp port\n        ^"},
		"beyond it":         {"tcp", 9, 1, "tcp\n   ^"},
		"foreign":           {"a\x1bé\xffb", 4, 1, "a???b\n   ^"},
		"in a long text":    {long, 250, 3, "…" + long[150:350] + "…\n" + strings.Repeat(" ", 101) + "^~~"},
		"at a long one's 0": {long, 0, 1, long[:100] + "…\n^"},
		"at its end":        {long, 500, 1, "…" + long[400:] + "\n" + strings.Repeat(" ", 101) + "^"},
	} {
		if got := pointed(tc.text, tc.at, tc.width); got != tc.want {
			t.Errorf("%s:\n%s\nwant\n%s", name, got, tc.want)
		}
	}
}
