package filter

// hexRun is the number of hexadecimal digits at i, at most limit.
func hexRun(s string, i, limit int) int {
	n := 0
	for n < limit && i+n < len(s) && isHex(s[i+n]) {
		n++
	}
	return n
}

// digitRun is the number of decimal digits at i.
func digitRun(s string, i int) int {
	n := 0
	for i+n < len(s) && isDigit(s[i+n]) {
		n++
	}
	return n
}

// numberLen is the length of the number at i, decimal, octal or 0x…; 0 when there is none.
func numberLen(s string, i int) int {
	if i+2 < len(s) && s[i] == '0' && s[i+1]|0x20 == 'x' {
		if n := hexRun(s, i+2, len(s)); n > 0 {
			return n + 2
		}
	}
	return digitRun(s, i)
}

// dottedLen is the length of two to four numbers with dots between, first of them n bytes long; 0 when it is but one.
func dottedLen(s string, i, n int) int {
	j, parts, best := i+n, 1, 0
	for parts < 4 && j < len(s) && s[j] == '.' {
		m := numberLen(s, j+1)
		if m == 0 {
			break
		}
		j += 1 + m
		parts++
		best = j - i
	}
	return best
}

// colonAhead reports whether a colon follows at most four hexadecimal digits at i.
func colonAhead(s string, i int) bool {
	n := hexRun(s, i, 4)
	return i+n < len(s) && s[i+n] == ':'
}

// macLen is the length of a MAC address at i: six groups of one or two digits with one kind of separator, three of
// four with dots, or twelve digits.
func macLen(s string, i int) int {
	best := 0
	if hexRun(s, i, 12) == 12 {
		best = 12
	}
	for _, sep := range [...]byte{':', '-', '.'} {
		if n := groups(s, i, sep, 6, 1, 2); n > best {
			best = n
		}
	}
	if n := groups(s, i, '.', 3, 4, 4); n > best {
		best = n
	}
	return best
}

// groups is the length of count groups of lo to hi hexadecimal digits with sep between them; 0 when they are not there.
func groups(s string, i int, sep byte, count, lo, hi int) int {
	j := i
	for g := range count {
		if g > 0 {
			if j >= len(s) || s[j] != sep {
				return 0
			}
			j++
		}
		n := hexRun(s, j, hi)
		if n < lo {
			return 0
		}
		j += n
	}
	return j - i
}

// brokenMACLen is the length of at least two short groups that each end in a colon: text that was meant as an address.
func brokenMACLen(s string, i int) int {
	j, n := i, 0
	for {
		h := hexRun(s, j, 2)
		if h == 0 || j+h >= len(s) || s[j+h] != ':' {
			break
		}
		j += h
		for j < len(s) && s[j] == ':' {
			j++
		}
		n++
	}
	if n < 2 {
		return 0
	}
	return j - i
}

// ipv6Len is the length of the longest IPv6 address at i (RFC 4291 section 2.2, without a zone); 0 when there is none.
func ipv6Len(s string, i int) int {
	best, j, n := 0, i, 0
	gap := false
	if j+1 < len(s) && s[j] == ':' {
		if s[j+1] != ':' {
			return 0
		}
		gap, j, best = true, j+2, 2
	}
	// Before each group: n groups are read, j stands where the next one would begin.
	for {
		if n == 6 && !gap || gap && n <= 5 {
			if m := dottedQuadLen(s, j); m > 0 && j+m-i > best {
				best = j + m - i
			}
		}
		h := hexRun(s, j, 4)
		if h == 0 || n == 8 || gap && n == 7 {
			return best
		}
		j += h
		n++
		if n == 8 || gap {
			best = max(best, j-i)
		}
		switch {
		case j+1 < len(s) && s[j] == ':' && s[j+1] == ':' && !gap && n < 8:
			gap, j = true, j+2
			best = max(best, j-i)
		case j < len(s) && s[j] == ':':
			j++
		default:
			return best
		}
	}
}

// dottedQuadLen is the length of exactly four numbers with dots.
func dottedQuadLen(s string, i int) int {
	j := i
	for p := range 4 {
		if p > 0 {
			if j >= len(s) || s[j] != '.' {
				return 0
			}
			j++
		}
		n := numberLen(s, j)
		if n == 0 {
			return 0
		}
		j += n
	}
	return j - i
}

// parseMAC reads the digits of a text for which macLen holds.
func parseMAC(s string) (mac [6]byte) {
	j := 0
	for i := 0; i < len(s) && j < 6; j++ {
		if !isHex(s[i]) {
			i++
		}
		v := hexVal(s[i])
		i++
		if i < len(s) && isHex(s[i]) {
			v = v<<4 | hexVal(s[i])
			i++
		}
		mac[j] = v
	}
	return mac
}
