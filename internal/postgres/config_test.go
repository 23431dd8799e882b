//go:build unix

package postgres

import (
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"
)

// clearEnv removes what the driver itself reads from the environment.
func clearEnv(t *testing.T) {
	t.Helper()
	for _, name := range []string{
		"PGHOST", "PGPORT", "PGDATABASE", "PGUSER", "PGPASSWORD", "PGSERVICE", "PGSSLMODE",
		"PGAPPNAME", "PGOPTIONS", "PGTARGETSESSIONATTRS",
	} {
		t.Setenv(name, "")
	}
	t.Setenv("PGPASSFILE", t.TempDir()+"/none")
}

func TestParseConfig(t *testing.T) {
	clearEnv(t)
	tests := []struct {
		name, dsn string
		env       map[string]string
		want      string // host:port/database user password
	}{
		{"the old defaults", "", nil, "localhost:5432/packetdb packetuser packetpass"},
		{"DB_", "", map[string]string{"DB_HOST": "h", "DB_PORT": "1", "DB_NAME": "d", "DB_USER": "u", "DB_PASSWORD": "p"}, "h:1/d u p"},
		{"PG", "", map[string]string{"PGHOST": "h", "PGPORT": "1", "PGDATABASE": "d", "PGUSER": "u", "PGPASSWORD": "p"}, "h:1/d u p"},
		{"DB_ before PG, item by item", "", map[string]string{"DB_HOST": "a", "PGHOST": "b", "PGDATABASE": "c"}, "a:5432/c packetuser packetpass"},
		{"empty is not set", "", map[string]string{"DB_HOST": "", "PGHOST": "b"}, "b:5432/packetdb packetuser packetpass"},
		{"dsn before all", "postgres://u:p@h:1/d", map[string]string{"DB_HOST": "a", "DB_PASSWORD": "x", "PGUSER": "y"}, "h:1/d u p"},
		{"dsn filled up", "host=h", map[string]string{"DB_NAME": "d"}, "h:5432/d packetuser packetpass"},
		{"no default password for others", "postgres://u@h/d", nil, "h:5432/d u "},
		{"escaped", "postgresql://a%40b:p%3Aq%2F@h/d%20e", nil, "h:5432/d e a@b p:q/"},
		{"IPv6", "postgres://u:p@[::1]:7/d", nil, "::1:7/d u p"},
		{"socket", "postgres://u:p@%2Fvar%2Frun/d", nil, "/var/run:5432/d u p"},
		{"query", "postgres:///d?host=/tmp&port=9&user=u&password=p", nil, "/tmp:9/d u p"},
		{"two hosts", "postgres://u:p@a:1,b:2/d", nil, "a:1/d u p"},
		{"quoted", `host = h user='a b' password='it\'s \\' dbname=d`, nil, `h:5432/d a b it's \`},
		{"an @ in the password", "postgres://u:p@q@h/d", nil, "h:5432/d u p@q"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			c, err := ParseConfig(tt.dsn, func(k string) string { return tt.env[k] })
			if err != nil {
				t.Fatal(err)
			}
			got := fmt.Sprintf("%s:%d/%s %s %s", c.Host(), c.Port(), c.Database(), c.User(), c.conn.Password)
			if got != tt.want {
				t.Errorf("got %q, want %q", got, tt.want)
			}
		})
	}
}

func TestPassfile(t *testing.T) {
	clearEnv(t)
	file := t.TempDir() + "/pgpass"
	writeFile(t, file, "h:5432:d:packetuser:fromfile\n")
	t.Setenv("PGPASSFILE", file)
	c, err := ParseConfig("host=h dbname=d", func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	if c.conn.Password != "fromfile" {
		t.Errorf("password %q, want the file's", c.conn.Password)
	}
}

// secret stands in every place where a password can stand; no text may show it.
const secret = "S3cr3tW0rd"

func TestParseConfigErrorsShowNoPassword(t *testing.T) {
	clearEnv(t)
	for _, dsn := range []string{
		"postgres://u:" + secret + "@h:port/d",
		"postgres://u:" + secret + "@h:99999/d",
		"postgres://u:" + secret + "%zz@h/d",
		"postgres://u:" + secret + "/d",
		"postgres://u:" + secret + "@h/d?sslmode=" + "nonsense",
		"postgres://u@h/d?" + secret,
		"host=h password='" + secret,
		"host=h password=" + secret + " sslmode=nonsense",
		secret,
		"h " + secret + "=",
		"host=h password=" + secret + "\x00",
		"host=h port=0 password=" + secret,
	} {
		_, err := ParseConfig(dsn, func(string) string { return "" })
		if err == nil {
			if dsn != "h "+secret+"=" && !strings.HasPrefix(dsn, "postgres://u:"+secret+"/") {
				t.Errorf("no error for %q", dsn)
			}
			continue
		}
		if strings.Contains(err.Error(), secret) {
			t.Errorf("error shows the password: %v", err)
		}
	}
}

func TestConfigShowsNoPassword(t *testing.T) {
	clearEnv(t)
	c, err := ParseConfig("postgres://u:"+secret+"@h/d", func(string) string { return "" })
	if err != nil {
		t.Fatal(err)
	}
	var log strings.Builder
	slog.New(slog.NewJSONHandler(&log, nil)).Info("x", "config", c, "pointer", &c)
	slog.New(slog.NewTextHandler(&log, nil)).Info("x", "config", c, "in a struct", struct{ C Config }{c})
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	all := log.String() + string(j)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		all += fmt.Sprintf(verb, c) + fmt.Sprintf(verb, &c) + fmt.Sprintf(verb, struct{ C Config }{c})
	}
	all += Config{}.String()
	if strings.Contains(all, secret) || strings.Contains(all, fmt.Sprintf("%x", secret)) {
		t.Errorf("the password is shown: %s", all)
	}
}

func FuzzParseDSN(f *testing.F) {
	for _, s := range []string{"", "postgres://u:p@h:1/d?a=b", "host=h password='a b'", `a='\'`, "postgres://%00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		items, err := parseDSN(s)
		if err != nil {
			return
		}
		again, err := parseDSN(formatDSN(items))
		if err != nil {
			t.Fatalf("own form of %q is refused: %v", s, err)
		}
		if len(again) != len(items) {
			t.Fatalf("%q: %v became %v", s, items, again)
		}
		for k, v := range items {
			if again[k] != v {
				t.Fatalf("%q: %v became %v", s, items, again)
			}
		}
	})
}
