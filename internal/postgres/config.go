package postgres

import (
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/netip"
	"slices"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// Defaults of the old recorder, which apply where nothing else says otherwise.
const (
	DefaultHost     = "localhost"
	DefaultPort     = "5432"
	DefaultDatabase = "packetdb"
	DefaultUser     = "packetuser"

	defaultPassword = "packetpass"
)

// Config says which database to use and as whom. It never shows the password, however it
// is printed. The zero value is useless: see [ParseConfig].
type Config struct {
	conn *pgconn.Config
}

// ErrConfig is wrapped by every error of [ParseConfig].
var ErrConfig = errors.New("database address")

// setting is one of the five items that the old recorder's environment names too.
type setting struct {
	key      string // in a connection string
	old      string // the old recorder's environment variable
	libpq    string // libpq's environment variable
	fallback string // the old recorder's default
}

var settings = []setting{
	{"host", "DB_HOST", "PGHOST", DefaultHost},
	{"port", "DB_PORT", "PGPORT", DefaultPort},
	{"dbname", "DB_NAME", "PGDATABASE", DefaultDatabase},
	{"user", "DB_USER", "PGUSER", DefaultUser},
	{"password", "DB_PASSWORD", "PGPASSWORD", ""}, // the default password comes last: see ParseConfig
}

// ParseConfig finds out which database is meant. dsn is a connection URL
// (postgres://user@host:port/db?sslmode=require) or libpq's keywords (host=… dbname=…),
// or empty. getenv is [os.Getenv], or a test's.
//
// Item by item the first that is set counts: the dsn, DB_HOST DB_PORT DB_NAME DB_USER
// DB_PASSWORD, libpq's PGHOST PGPORT PGDATABASE PGUSER PGPASSWORD, the defaults
// (localhost 5432 packetdb packetuser). Empty counts as not set. A service (service= or
// PGSERVICE) takes the place of the last two. The password may come from ~/.pgpass too;
// after that, and only for the user packetuser, it is packetpass. Everything else that
// libpq has (sslmode, PGSSLROOTCERT, target_session_attrs, several hosts …) works as it
// does there.
func ParseConfig(dsn string, getenv func(string) string) (Config, error) {
	items, err := parseDSN(dsn)
	if err != nil {
		return Config{}, fmt.Errorf("%w: %w", ErrConfig, err)
	}
	service := items["service"] != "" || getenv("PGSERVICE") != ""
	for _, s := range settings {
		if items[s.key] != "" {
			continue
		}
		delete(items, s.key)
		value := getenv(s.old)
		if value == "" && !service {
			value = getenv(s.libpq)
			if value == "" {
				value = s.fallback
			}
		}
		if value != "" {
			items[s.key] = value
		}
	}
	for port := range strings.SplitSeq(items["port"], ",") {
		if n, err := strconv.ParseUint(port, 10, 16); port != "" && (err != nil || n == 0) {
			return Config{}, fmt.Errorf("%w: the port is not a number from 1 to 65535 (DB_PORT, PGPORT or the address)", ErrConfig)
		}
	}
	if _, given := items["application_name"]; !given && getenv("PGAPPNAME") == "" {
		items["application_name"] = "tarrafa"
	}
	conn, err := pgconn.ParseConfig(formatDSN(items))
	if err != nil {
		return Config{}, fmt.Errorf("%w: %s", ErrConfig, parseFailure(err, items))
	}
	if conn.Password == "" && conn.User == DefaultUser {
		conn.Password = defaultPassword
	}
	return Config{conn: conn}, nil
}

// parseFailure says why the driver refuses the settings, in words that hold nothing
// secret: the driver's own text quotes the settings.
func parseFailure(err error, items map[string]string) string {
	text := "the settings are not understood"
	if inner := errors.Unwrap(err); inner != nil {
		text = inner.Error()
	}
	for _, secret := range []string{items["password"], items["sslpassword"]} {
		if secret != "" && strings.Contains(text, secret) {
			return "the settings are not understood"
		}
	}
	return text
}

// Host returns the first host's name, its address, or the folder of its Unix socket.
func (c Config) Host() string { return c.conn.Host }

// Port returns the first host's port.
func (c Config) Port() uint16 { return c.conn.Port }

// Endpoint is a place where a server may be.
type Endpoint struct {
	Socket string // folder of a Unix socket; empty: TCP
	Port   uint16
	Name   bool // the host is a name that must be looked up, no address
}

// Endpoints returns every place that a connection is tried to.
func (c Config) Endpoints() []Endpoint {
	list := []Endpoint{endpoint(c.conn.Host, c.conn.Port)}
	for _, f := range c.conn.Fallbacks {
		list = append(list, endpoint(f.Host, f.Port))
	}
	return list
}

func endpoint(host string, port uint16) Endpoint {
	if strings.HasPrefix(host, "/") || strings.HasPrefix(host, "@") {
		return Endpoint{Socket: host, Port: port}
	}
	_, err := netip.ParseAddr(host)
	return Endpoint{Port: port, Name: err != nil}
}

// Database returns the database's name.
func (c Config) Database() string { return c.conn.Database }

// User returns the name that is used to log in.
func (c Config) User() string { return c.conn.User }

// String names server, database and user, never the password.
func (c Config) String() string {
	if c.conn == nil {
		return "no database"
	}
	return fmt.Sprintf("PostgreSQL at %s, database %s, user %s", c.where(), c.conn.Database, c.conn.User)
}

func (c Config) where() string {
	return c.conn.Host + ":" + strconv.Itoa(int(c.conn.Port))
}

// Format prints String for every verb, so that no verb shows the password.
func (c Config) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(c.String())) }

// LogValue gives the log what String gives.
func (c Config) LogValue() slog.Value { return slog.StringValue(c.String()) }

// formatDSN writes items in libpq's keyword form.
func formatDSN(items map[string]string) string {
	var b strings.Builder
	for _, key := range slices.Sorted(maps.Keys(items)) {
		if b.Len() > 0 {
			b.WriteByte(' ')
		}
		b.WriteString(key)
		b.WriteString("='")
		b.WriteString(strings.NewReplacer(`\`, `\\`, `'`, `\'`).Replace(items[key]))
		b.WriteByte('\'')
	}
	return b.String()
}
