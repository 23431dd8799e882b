package postgres

import "time"

// zone turns UTC into the wall clock of a place, as a timestamp without time zone shows
// it. It remembers the last offset, which holds for months.
type zone struct {
	location   *time.Location
	from, till int64 // seconds since 1970 for which offset holds: from <= t < till
	offset     int64 // seconds east of UTC
}

// utc is the zone of columns that know the offset.
var utc = zone{location: time.UTC, from: -1 << 62, till: 1 << 62}

// local returns t (nanoseconds since 1970 UTC) as microseconds of the place's wall clock
// since 1970-01-01 00:00 there.
func (z *zone) local(t int64) int64 {
	sec := floorDiv(t, 1e9)
	if sec < z.from || sec >= z.till {
		z.lookup(sec)
	}
	return floorDiv(t, 1000) + z.offset*1e6
}

func (z *zone) lookup(sec int64) {
	at := time.Unix(sec, 0).In(z.location)
	_, offset := at.Zone()
	z.offset = int64(offset)
	// Without bounds the offset is looked up again for every second.
	z.from, z.till = sec, sec+1
	start, end := at.ZoneBounds()
	if !start.IsZero() {
		z.from = start.Unix()
	}
	if !end.IsZero() {
		z.till = end.Unix()
	} else if !start.IsZero() {
		z.till = 1 << 62
	}
}

// appendTime appends the wall clock as Python's str(datetime) does: 2006-01-02
// 15:04:05.000000.
func (z *zone) appendTime(dst []byte, t int64) []byte {
	return time.UnixMicro(z.local(t)).UTC().AppendFormat(dst, "2006-01-02 15:04:05.000000")
}
