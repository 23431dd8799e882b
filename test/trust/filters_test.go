package trust_test

import (
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/filter"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// Filters of a megabyte, brackets without end and patterns that explode elsewhere are
// compiled or refused at once.
func TestGreedyFilters(t *testing.T) {
	const megabyte = 1 << 20
	of := func(s string) string { return strings.Repeat(s, megabyte/len(s)) }
	brackets := strings.Repeat("(", megabyte/2) + "tcp" + strings.Repeat(")", megabyte/2)
	shapes := map[string]string{
		"brackets": brackets, "open brackets": of("("), "not": of("not ") + "tcp", "exclamation marks": of("!") + "tcp",
		"or": of("tcp or ") + "udp", "and": of("ip and ") + "tcp", "sums": "tcp[0" + of("+tcp[0]") + "] > 0", "indices": of("ip[") + "0" + of("]"),
		"hosts": "host 10.0.0.1" + of(" or 10.0.0.1"), "ports": "port 1" + of(" or port 65535"), "spaces": of(" "), "words": of("a"), "zeros": "len > " + of("0"),
		"digits": "len > " + of("9"), "nul": of("\x00"), "broken UTF-8": of("\xff"), "quotes": of(`"`), "backslashes": of(`\`),
		"set": "tcp.port in {1" + of(",1") + "}", "bytes": "tcp.payload contains 00" + of(":00"), "pattern": `http.host matches "` + of("(a*)*") + `"`,
		"repeats": `http.host matches "` + strings.Repeat("(", 100) + "a" + strings.Repeat("{9}){9}", 100) + `"`,
	}
	for name, text := range shapes {
		for how, compile := range map[string]func(string) error{
			"capture filter": func(s string) error {
				_, err := filter.Compile(s, filter.Target{LinkType: int(packet.LinkEthernet)})
				return err
			},
			"display filter": func(s string) error { _, err := query.Parse(s); return err },
		} {
			begin := time.Now()
			err := compile(text)
			if took := time.Since(begin); took > hang/2 {
				t.Errorf("%s as a %s: %s", name, how, took)
			} else if took > time.Second {
				t.Logf("%s as a %s: %s", name, how, took)
			}
			if err != nil {
				if what := unclean(strings.ReplaceAll(err.Error(), "\n", "")); what != "" || len(err.Error()) > 1<<16 {
					t.Errorf("%s as a %s: the message has %d bytes and a %s: %.100q", name, how, len(err.Error()), what, err.Error())
				}
			}
		}
	}
}
