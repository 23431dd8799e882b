package query

import (
	"bytes"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/packet"
)

// TestLargestFilters holds that the largest filters that are taken cost little: to read,
// and to ask of the largest packet.
func TestLargestFilters(t *testing.T) {
	data := bytes.Repeat([]byte("ab\xff1"), 16000)
	p := &packet.Packet{Number: 1, WireLen: uint32(len(data)), Link: packet.LinkEthernet, Data: data}
	packet.NewDecoder().Decode(p)
	var r Row
	r.Next(p)
	many := func(text, join string, n int) string {
		return strings.TrimSuffix(strings.Repeat(text+join, n), join)
	}
	for name, text := range map[string]string{
		"patterns":   many(`frame matches "(.x?){150}z"`, " or ", 2),
		"stars":      many(`frame matches "(.*a){150}z"`, " or ", 2),
		"searches":   many(`frame contains "az"`, " or ", 600),
		"set":        "frame.len in {" + many("7", ",", 8000) + "}",
		"conditions": many("tcp", " or ", 2300),
		"brackets":   strings.Repeat("(", 99) + "tcp" + strings.Repeat(")", 99),
		"braces":     strings.Repeat("{", 90) + "tcp.port" + strings.Repeat("}", 90) + " == 1",
	} {
		start := time.Now()
		f, err := Parse(text)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		f.Match(&r)
		d := time.Since(start)
		t.Logf("%s: %s", name, d)
		if d > 10*time.Second {
			t.Errorf("%s takes %s", name, d)
		}
	}
}
