package main

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/words"
)

// takesOptionalValues are the commands with --db, or with --json FILE.
var takesOptionalValues = map[string]bool{
	"capture": true, "read": true, "stats": true, "top": true, "series": true, "packets": true,
}

// joinOptionalValues joins "--json FILE" and "--db DSN" to "--json=FILE" and "--db=DSN" in
// the commands where both may stand without a value. Filter words or files may follow: a
// word is taken as the value only when it can be neither.
func joinOptionalValues(args []string) []string {
	if len(args) == 0 || !takesOptionalValues[args[0]] {
		return args
	}
	records := args[0] == "capture" || args[0] == "read" // --json names a file there
	out := make([]string, 0, len(args))
	for i := 0; i < len(args); i++ {
		a := args[i]
		if a == "--" {
			return append(out, args[i:]...)
		}
		if i+1 < len(args) {
			next := args[i+1]
			if (a == "--json" && records && looksLikeRecord(next, args[0] == "capture")) || (a == "--db" && looksLikeDSN(next)) {
				out = append(out, a+"="+next)
				i++
				continue
			}
		}
		out = append(out, a)
	}
	return out
}

// looksLikeRecord tells the name of a JSON file from filter words ("host", "10.0.0.0/8"),
// from options, and from captures to read, which must never be written to. With anyPath a
// path of any name will do.
func looksLikeRecord(s string, anyPath bool) bool {
	if s == "-" {
		return true
	}
	if strings.HasPrefix(s, "-") {
		return false
	}
	for _, end := range []string{".json", ".jsonl", ".ndjson", ".log"} {
		if strings.HasSuffix(s, end) {
			return true
		}
	}
	return anyPath && (strings.HasPrefix(s, "/") || strings.HasPrefix(s, "./") || strings.HasPrefix(s, "../") || strings.HasPrefix(s, "~/"))
}

func looksLikeDSN(s string) bool {
	return strings.HasPrefix(s, "postgres://") || strings.HasPrefix(s, "postgresql://") ||
		(strings.Contains(s, "=") && !strings.ContainsAny(s, "[]<>!&|("))
}

// size is a number of bytes on the command line: 512KiB, 64M, 1GiB; a bare number is
// bytes.
type size int64

func (s *size) String() string {
	if *s == 0 {
		return "0" // which the help takes for no default
	}
	return formatSize(int64(*s))
}

func (*size) Type() string { return "size" }

func (s *size) Set(text string) error {
	t := strings.TrimSpace(text)
	digits := strings.TrimRight(t, "KMGTiBkbg")
	n, err := strconv.ParseFloat(digits, 64)
	if err != nil || n < 0 {
		return words.Errorf("%q is no size: write for example 512KiB, 64MiB or 1GiB", text)
	}
	mult := map[string]float64{
		"": 1, "B": 1, "K": 1 << 10, "k": 1 << 10, "KiB": 1 << 10, "kB": 1e3, "KB": 1e3,
		"M": 1 << 20, "MiB": 1 << 20, "MB": 1e6, "G": 1 << 30, "g": 1 << 30, "GiB": 1 << 30, "GB": 1e9,
		"T": 1 << 40, "TiB": 1 << 40, "TB": 1e12,
	}
	m, ok := mult[t[len(digits):]]
	if !ok || n*m > 1<<60 {
		return words.Errorf("%q is no size: write for example 512KiB, 64MiB or 1GiB", text)
	}
	*s = size(n * m)
	return nil
}

// formatSize prints a number of bytes with the largest binary unit that fits.
func formatSize(n int64) string {
	units := []string{"B", "KiB", "MiB", "GiB", "TiB"}
	f, u := float64(n), 0
	for f >= 1024 && u < len(units)-1 {
		f /= 1024
		u++
	}
	if u == 0 || f == float64(int64(f)) {
		return fmt.Sprintf("%d %s", int64(f), units[u])
	}
	return fmt.Sprintf("%.1f %s", f, units[u])
}
