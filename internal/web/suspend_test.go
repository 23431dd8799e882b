package web

import (
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/live"
)

// TestSuspend: who may write stops and starts the capturing, nobody else does.
func TestSuspend(t *testing.T) {
	var orders []bool
	var failure error
	since := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	r := start(t, func(c *Config) {
		c.Suspend = func(on bool) error { orders = append(orders, on); return failure }
		c.Hub = live.New(live.Config{Suspended: func() time.Time { return since }})
	})
	cookie, csrf := r.enter(t)
	own := "http://" + r.Addr().String()
	for _, path := range []string{"/api/v1/suspend", "/api/v1/resume"} {
		for _, tc := range []struct {
			name, method string
			header       []string
			want         int
		}{
			{"nobody", "POST", nil, 401},
			{"no CSRF header", "POST", []string{"Cookie", cookie, "Origin", own}, 403},
			{"wrong CSRF header", "POST", []string{"Cookie", cookie, "Origin", own, csrfHeader, "wrong"}, 403},
			{"another site", "POST", []string{"Cookie", cookie, "Origin", "http://evil.example", csrfHeader, csrf}, 403},
			{"marked as another site's", "POST", []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site", csrfHeader, csrf}, 403},
			{"foreign host", "POST", []string{"Cookie", cookie, "Host", "evil.example", csrfHeader, csrf}, 421},
			{"not a write", "GET", []string{"Cookie", cookie}, 405},
		} {
			if resp, body := r.do(t, tc.method, path, tc.header...); resp.StatusCode != tc.want {
				t.Errorf("%s, %s: %s, want %d: %s", path, tc.name, resp.Status, tc.want, body)
			}
		}
	}
	if len(orders) != 0 {
		t.Fatalf("orders of strangers were followed: %v", orders)
	}
	for _, path := range []string{"/api/v1/suspend", "/api/v1/resume"} {
		if resp, body := r.do(t, "POST", path, "Cookie", cookie, "Origin", own, csrfHeader, csrf); resp.StatusCode != 204 {
			t.Errorf("%s: %s %s", path, resp.Status, body)
		}
	}
	if len(orders) != 2 || !orders[0] || orders[1] {
		t.Errorf("orders %v", orders)
	}
	failure = errors.New("the capture has ended")
	if resp, _ := r.do(t, "POST", "/api/v1/suspend", "Authorization", "Bearer the bearer token"); resp.StatusCode != 500 {
		t.Errorf("failed: %s", resp.Status)
	}
	var now struct{ Suspended time.Time }
	_, body := r.do(t, "GET", "/api/v1/live", "Cookie", cookie)
	if err := json.Unmarshal([]byte(body), &now); err != nil || !now.Suspended.Equal(since) {
		t.Errorf("%v, since %v", err, now.Suspended)
	}
}

// TestNothingToSuspend: a viewer has no capturing to stop.
func TestNothingToSuspend(t *testing.T) {
	r := start(t, nil)
	cookie, csrf := r.enter(t)
	if resp, _ := r.do(t, "POST", "/api/v1/suspend", "Cookie", cookie, csrfHeader, csrf); resp.StatusCode != 404 {
		t.Errorf("%s", resp.Status)
	}
	var ses map[string]any
	_, body := r.do(t, "GET", "/api/v1/session", "Cookie", cookie)
	if err := json.Unmarshal([]byte(body), &ses); err != nil || ses["can_suspend"] != false {
		t.Errorf("%v %v", err, ses)
	}
}
