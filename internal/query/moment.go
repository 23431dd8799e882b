package query

import (
	"strconv"
	"strings"
	"time"
)

// seconds reads seconds with up to nine decimals as nanoseconds.
func seconds(s string) (int64, bool) {
	whole, part, _ := strings.Cut(s, ".")
	if len(part) > 9 || whole == "" || strings.ContainsAny(s, "-+_:/") {
		return 0, false
	}
	n, err := strconv.ParseUint(whole, 10, 34)
	if err != nil || n > 9_000_000_000 {
		return 0, false
	}
	frac := uint64(0)
	if part != "" {
		if frac, err = strconv.ParseUint(part+"000000000"[len(part):], 10, 32); err != nil {
			return 0, false
		}
	}
	return int64(n*1e9 + frac), true
}

// Forms of a time that are read; one without a zone is local. Decimals of the second may
// follow.
var dateForms = []string{
	"2006-01-02 15:04:05", "2006-01-02T15:04:05", "2006-01-02 15:04", "2006-01-02T15:04", "2006-01-02",
	"Jan _2, 2006 15:04:05", "Jan 2, 2006 15:04:05", "Jan  2, 2006 15:04:05",
}

// zoneForms may stand behind a time.
var zoneForms = []string{"", "Z07:00", "Z0700", " Z07:00", " Z0700", " UTC"}

// moment reads a time as nanoseconds since 1970-01-01 UTC.
func moment(s string) (int64, bool) {
	s = strings.TrimSpace(s)
	for _, form := range dateForms {
		for _, zone := range zoneForms {
			at := time.Local
			if zone == " UTC" {
				at = time.UTC
			}
			t, err := time.ParseInLocation(form+zone, s, at)
			if err == nil && t.Year() > 1678 && t.Year() < 2262 {
				return t.UnixNano(), true
			}
		}
	}
	return 0, false
}
