package postgres

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// Object identifiers of PostgreSQL's own types (pg_type.dat); they never change.
const (
	pgInt8        = 20
	pgInt2        = 21
	pgInt4        = 23
	pgText        = 25
	pgCIDR        = 650
	pgFloat4      = 700
	pgFloat8      = 701
	pgInet        = 869
	pgBpchar      = 1042
	pgVarchar     = 1043
	pgTimestamp   = 1114
	pgTimestamptz = 1184
)

// plainNextval is the default of serial columns and of those made like them.
var plainNextval = regexp.MustCompile(`^nextval\('[^()]*'::regclass\)$`)

// idWidth returns how many bytes an id has that we may hand out ourselves; 0: we may not.
func (c *columnInfo) idWidth() int {
	if c.sequence == "" || !c.plainSeq || !c.identity && !plainNextval.MatchString(c.byDefault) {
		return 0
	}
	switch c.typeOID {
	case pgInt2:
		return 2
	case pgInt4:
		return 4
	case pgInt8:
		return 8
	default:
		return 0
	}
}

// codecFor returns how a field is written into a column.
func codecFor(f field, c *columnInfo) codec {
	switch c.typeOID {
	case pgInet, pgCIDR:
		if f.isAddress() {
			if c.typeOID == pgCIDR {
				return codecCIDR
			}
			return codecInet
		}
	case pgText, pgVarchar, pgBpchar:
		return codecText
	case pgInt2:
		return codecInt2
	case pgInt4:
		return codecInt4
	case pgInt8:
		return codecInt8
	case pgFloat4:
		return codecFloat4
	case pgFloat8:
		return codecFloat8
	case pgTimestamp:
		if f == fieldTime {
			return codecTimestamp
		}
	case pgTimestamptz:
		if f == fieldTime {
			return codecTimestamptz
		}
	}
	if c.category == "N" {
		return codecNumber
	}
	return codecWord
}

// layout is how rows are written into a table.
type layout struct {
	targets  []target
	text     bool // COPY's text format
	sequence string
	seqOwner bool
}

// equal tells whether rows made for one layout fit the other.
func (l *layout) equal(o *layout) bool {
	return l.text == o.text && l.sequence == o.sequence && slices.Equal(l.targets, o.targets)
}

// layoutFor works out how to write into the table, or why that is impossible.
func layoutFor(t *tableInfo, own bool) (*layout, error) {
	if t.kind != "r" && t.kind != "p" {
		return nil, fmt.Errorf("%s is not a table", t.quoted())
	}
	l := &layout{}
	last := fieldCount
	if !own {
		last = oldColumns
	}
	known := map[string]bool{columns[fieldID].name: true}
	for f := fieldID; f < last; f++ {
		c := t.column(columns[f].name)
		if c == nil {
			if f != fieldID && f < oldColumns {
				return nil, fmt.Errorf("the table %s has no column %s: it is not a table of packets; use another table or database", t.quoted(), columns[f].name)
			}
			continue
		}
		known[c.name] = true
		if c.generated {
			continue
		}
		if f == fieldID {
			if w := c.idWidth(); w > 0 {
				l.targets = append(l.targets, target{name: c.name, field: f, codec: codecID, notNull: true, width: w})
				l.sequence, l.seqOwner = c.sequence, c.seqOwner
			}
			continue
		}
		g := target{name: c.name, field: f, codec: codecFor(f, c), notNull: c.notNull, limit: c.limit(), labels: c.labels}
		l.text = l.text || g.codec >= codecWord
		l.targets = append(l.targets, g)
	}
	for i := range t.columns {
		c := &t.columns[i]
		filled := c.byDefault != "" || c.identity || c.generated
		if c.notNull && !filled && (!known[c.name] || c.name == columns[fieldID].name) {
			return nil, fmt.Errorf("the column %s of %s must not be NULL and has no default: ALTER TABLE %s ALTER COLUMN %s DROP NOT NULL",
				c.name, t.quoted(), t.quoted(), quoteIdent(c.name))
		}
	}
	if l.text && len(l.targets) > 0 && l.targets[0].codec == codecID {
		l.targets = l.targets[1:] // COPY's text rows are not patched: the server hands out the ids
		l.sequence = ""
	}
	return l, nil
}

// copySQL returns the COPY statement.
func (l *layout) copySQL(table string) string {
	names := make([]string, len(l.targets))
	for i := range l.targets {
		names[i] = quoteIdent(l.targets[i].name)
	}
	format := "binary"
	if l.text {
		format = "text"
	}
	return "COPY " + table + " (" + strings.Join(names, ", ") + ") FROM STDIN (FORMAT " + format + ")"
}
