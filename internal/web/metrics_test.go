package web

import (
	"regexp"
	"strings"
	"testing"
)

// TestMetrics: the text is what Prometheus reads, each family is described once, and nothing
// from the traffic is in it.
func TestMetrics(t *testing.T) {
	r := start(t, nil)
	r.add(t, 300)
	r.hub.Finish()
	resp, text := r.do(t, "GET", "/metrics", "Authorization", "Bearer the bearer token")
	if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/plain; version=0.0.4") {
		t.Fatalf("%s %s", resp.Status, resp.Header.Get("Content-Type"))
	}
	sample := regexp.MustCompile(`^(tarrafa_[a-z_]+)(\{[a-z]+="[^"\\\n]*"(,[a-z]+="[^"\\\n]*")*\})? [0-9]+$`)
	address := regexp.MustCompile(`10\.0\.0\.|[0-9a-f]{2}:[0-9a-f]{2}`)
	kinds := map[string]string{}
	seen := map[string]bool{}
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if f := strings.Fields(line); f[0] == "#" {
			if f[1] == "TYPE" {
				if kinds[f[2]] != "" {
					t.Errorf("%s is described twice", f[2])
				}
				kinds[f[2]] = f[3]
			}
			continue
		}
		m := sample.FindStringSubmatch(line)
		if m == nil || kinds[m[1]] == "" || seen[m[1]+m[2]] || address.MatchString(line) {
			t.Errorf("%q", line)
			continue
		}
		seen[m[1]+m[2]] = true
		if total := strings.HasSuffix(m[1], "_total"); total != (kinds[m[1]] == "counter") {
			t.Errorf("%s is a %s", m[1], kinds[m[1]])
		}
	}
	for _, want := range []string{
		"tarrafa_packets_total 300", `tarrafa_protocol_packets_total{protocol="UDP"} 300`, "tarrafa_page_clients 0",
		`tarrafa_page_refused_requests_total{reason="csrf"} 0`, `tarrafa_page_dissections_total{outcome="failed"} 0`,
	} {
		if !strings.Contains(text, want+"\n") {
			t.Errorf("%q is missing", want)
		}
	}
	// A secret is counted when it is wrong, and never shown.
	r.do(t, "GET", "/metrics", "Authorization", "Bearer wrong")
	if _, text = r.do(t, "GET", "/metrics", "Authorization", "Bearer the bearer token"); !strings.Contains(text, `reason="token"} 1`) || strings.Contains(text, "bearer token") {
		t.Error("the refusal is not counted")
	}
}
