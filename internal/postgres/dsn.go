package postgres

import (
	"errors"
	"net/url"
	"strings"
)

// The errors of a connection string say what is wrong with it and never quote it: it may
// hold a password anywhere.
var (
	errDSNURL     = errors.New("it is not a URL of the form postgres://user@host:port/database?option=value (a special character in user or password is written %XX)")
	errDSNKeyword = errors.New("it is neither a URL (postgres://user@host:port/database) nor a list of keyword=value")
	errDSNQuote   = errors.New("a quoted value does not end")
	errDSNByte    = errors.New("it holds a NUL byte")
)

// parseDSN splits a connection string into libpq's keywords and their values.
func parseDSN(dsn string) (map[string]string, error) {
	switch {
	case strings.IndexByte(dsn, 0) >= 0:
		return nil, errDSNByte
	case strings.HasPrefix(dsn, "postgres://"), strings.HasPrefix(dsn, "postgresql://"):
		return parseURL(dsn)
	default:
		return parseKeywords(dsn)
	}
}

// parseURL reads libpq's connection URL (PostgreSQL documentation, 34.1.1.2). The hosts
// are cut out by hand since net/url knows no list of them.
func parseURL(dsn string) (map[string]string, error) {
	items := map[string]string{}
	_, rest, _ := strings.Cut(dsn, "://")
	rest, query, _ := strings.Cut(rest, "?")
	authority, path, hasPath := strings.Cut(rest, "/")
	if at := strings.LastIndexByte(authority, '@'); at >= 0 {
		user, password, hasPassword := strings.Cut(authority[:at], ":")
		if err := unescape(items, "user", user); err != nil {
			return nil, err
		}
		if hasPassword {
			if err := unescape(items, "password", password); err != nil {
				return nil, err
			}
		}
		authority = authority[at+1:]
	}
	hosts, ports := splitHosts(authority)
	if err := unescape(items, "host", hosts); err != nil {
		return nil, err
	}
	if strings.Trim(ports, ",") != "" {
		items["port"] = ports
	}
	if hasPath {
		if err := unescape(items, "dbname", path); err != nil {
			return nil, err
		}
	}
	for option := range strings.SplitSeq(query, "&") {
		if option == "" {
			continue
		}
		key, value, ok := strings.Cut(option, "=")
		if !ok || key == "" {
			return nil, errDSNURL
		}
		name, err := url.PathUnescape(key)
		if err != nil || !validKeyword(name) {
			return nil, errDSNURL
		}
		if name == "ssl" && value == "true" {
			name, value = "sslmode", "require"
		}
		if err := unescape(items, keyword(name), value); err != nil {
			return nil, err
		}
	}
	return items, nil
}

func unescape(items map[string]string, key, value string) error {
	plain, err := url.PathUnescape(value)
	if err != nil || strings.IndexByte(plain, 0) >= 0 {
		return errDSNURL
	}
	if plain != "" {
		items[key] = plain
	}
	return nil
}

// splitHosts turns host:port,host:port into a list of hosts and one of ports.
func splitHosts(authority string) (hosts, ports string) {
	for i, part := range strings.Split(authority, ",") {
		host, port := part, ""
		if end := strings.LastIndexByte(part, ']'); strings.HasPrefix(part, "[") && end > 0 {
			host = part[1:end]
			port = strings.TrimPrefix(part[end+1:], ":")
		} else if colon := strings.LastIndexByte(part, ':'); colon >= 0 {
			host, port = part[:colon], part[colon+1:]
		}
		if i > 0 {
			hosts += ","
			ports += ","
		}
		hosts += host
		ports += port
	}
	return hosts, ports
}

// validKeyword tells whether name can be a keyword or a run-time parameter.
func validKeyword(name string) bool {
	for i := range len(name) {
		c := name[i]
		if c != '_' && c != '.' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
			return false
		}
	}
	return name != ""
}

// keyword returns the name that this package uses for a libpq keyword.
func keyword(name string) string {
	if name == "database" {
		return "dbname"
	}
	return name
}

// parseKeywords reads libpq's keyword=value list: spaces around '=' are allowed, values
// with spaces stand in single quotes, \' and \\ are escapes (PostgreSQL documentation,
// 34.1.1.1).
func parseKeywords(dsn string) (map[string]string, error) {
	items := map[string]string{}
	s := strings.TrimLeft(dsn, whitespace)
	for s != "" {
		eq := strings.IndexByte(s, '=')
		if eq < 0 {
			return nil, errDSNKeyword
		}
		key := strings.TrimRight(s[:eq], whitespace)
		if !validKeyword(key) {
			return nil, errDSNKeyword
		}
		value, rest, err := parseValue(strings.TrimLeft(s[eq+1:], whitespace))
		if err != nil {
			return nil, err
		}
		items[keyword(key)] = value
		s = strings.TrimLeft(rest, whitespace)
	}
	return items, nil
}

const whitespace = " \t\n\r\f\v"

func parseValue(s string) (value, rest string, err error) {
	var b strings.Builder
	quoted := strings.HasPrefix(s, "'")
	i := 0
	if quoted {
		i = 1
	}
	for ; i < len(s); i++ {
		switch c := s[i]; {
		case c == '\\':
			if i++; i < len(s) {
				b.WriteByte(s[i])
			}
		case quoted && c == '\'':
			return b.String(), s[i+1:], nil
		case !quoted && strings.IndexByte(whitespace, c) >= 0:
			return b.String(), s[i:], nil
		default:
			b.WriteByte(c)
		}
	}
	if quoted {
		return "", "", errDSNQuote
	}
	return b.String(), "", nil
}
