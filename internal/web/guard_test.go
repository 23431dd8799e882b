package web

import (
	"crypto/tls"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
)

func TestRefusals(t *testing.T) {
	r := start(t, nil)
	cookie, csrf := r.enter(t)
	own := "http://" + r.Addr().String()
	for _, tc := range []struct {
		name, method, path string
		header             []string
		want               int
	}{
		{"page", "GET", "/", []string{"Cookie", cookie}, 200},
		{"script", "GET", "/assets/page.js", []string{"Cookie", cookie}, 200},
		{"no cookie", "GET", "/", nil, 401},
		{"no cookie, script", "GET", "/assets/page.js", nil, 401},
		{"wrong cookie", "GET", "/", []string{"Cookie", cookiePlain + "=wrong"}, 401},
		{"empty cookie", "GET", "/", []string{"Cookie", cookiePlain + "="}, 401},
		{"wrong token", "GET", "/?token=wrong", nil, 401},
		{"empty token", "GET", "/?token=", nil, 401},
		{"bearer", "GET", "/api/v1/live", []string{"Authorization", "Bearer the bearer token"}, 200},
		{"wrong bearer", "GET", "/api/v1/live", []string{"Authorization", "Bearer another"}, 401},
		{"empty bearer", "GET", "/api/v1/live", []string{"Authorization", "Bearer "}, 401},
		{"wrong bearer with a cookie", "GET", "/api/v1/live", []string{"Authorization", "Bearer another", "Cookie", cookie}, 401},
		{"foreign host", "GET", "/", []string{"Cookie", cookie, "Host", "evil.example"}, 421},
		{"foreign host, health", "GET", "/healthz", []string{"Host", "evil.example"}, 421},
		{"foreign host, its origin", "GET", "/api/v1/session", []string{"Cookie", cookie, "Host", "evil.example", "Origin", "http://evil.example"}, 421},
		{"host without port", "GET", "/", []string{"Cookie", cookie, "Host", "127.0.0.1"}, 421},
		{"localhost", "GET", "/", []string{"Cookie", cookie, "Host", "localhost:" + port(r)}, 200},
		{"foreign origin", "GET", "/api/v1/session", []string{"Cookie", cookie, "Origin", "http://evil.example"}, 403},
		{"null origin", "GET", "/api/v1/session", []string{"Cookie", cookie, "Origin", "null"}, 403},
		{"origin of another port", "GET", "/api/v1/session", []string{"Cookie", cookie, "Origin", "http://127.0.0.1:1"}, 403},
		{"cross-site fetch", "GET", "/api/v1/session", []string{"Cookie", cookie, "Sec-Fetch-Site", "cross-site"}, 403},
		{"health", "GET", "/healthz", nil, 200},
		{"metrics need a secret", "GET", "/metrics", nil, 401},
		{"metrics", "GET", "/metrics", []string{"Authorization", "Bearer the bearer token"}, 200},
		{"write without CSRF header", "POST", "/api/v1/links", []string{"Cookie", cookie, "Origin", own}, 403},
		{"write with wrong CSRF header", "POST", "/api/v1/links", []string{"Cookie", cookie, "Origin", own, csrfHeader, "wrong"}, 403},
		{"write from another site", "POST", "/api/v1/links", []string{"Cookie", cookie, "Origin", "http://evil.example", csrfHeader, csrf}, 403},
		{"write", "POST", "/api/v1/links", []string{"Cookie", cookie, "Origin", own, csrfHeader, csrf}, 200},
		{"write with bearer", "POST", "/api/v1/links", []string{"Authorization", "Bearer the bearer token"}, 200},
		{"delete without CSRF header", "DELETE", "/api/v1/captures/one", []string{"Cookie", cookie}, 403},
		{"delete the running one", "DELETE", "/api/v1/captures/running", []string{"Cookie", cookie, csrfHeader, csrf}, 409},
		{"path outside", "GET", "/assets/..%2findex.html", []string{"Cookie", cookie}, 404},
		{"other file", "GET", "/assets/embed.go", []string{"Cookie", cookie}, 404},
		{"no password, no form", "GET", "/login", nil, 404},
		{"websocket without origin", "GET", "/api/v1/ws", []string{"Cookie", cookie, "Connection", "Upgrade", "Upgrade", "websocket"}, 403},
		{"websocket from elsewhere", "GET", "/api/v1/ws", []string{"Cookie", cookie, "Connection", "Upgrade", "Upgrade", "websocket", "Origin", "http://evil.example"}, 403},
		{"websocket without cookie", "GET", "/api/v1/ws", []string{"Connection", "Upgrade", "Upgrade", "websocket", "Origin", own}, 401},
	} {
		t.Run(tc.name, func(t *testing.T) {
			resp, body := r.do(t, tc.method, tc.path, tc.header...)
			if resp.StatusCode != tc.want {
				t.Errorf("%s, want %d: %s", resp.Status, tc.want, body)
			}
			if got := resp.Header.Get("Content-Security-Policy"); got != contentPolicy {
				t.Errorf("policy %q", got)
			}
			for name, want := range map[string]string{
				"X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cross-Origin-Opener-Policy": "same-origin",
				"Cross-Origin-Resource-Policy": "same-origin", "Cache-Control": "no-store",
			} {
				if got := resp.Header.Get(name); got != want {
					t.Errorf("%s: %q", name, got)
				}
			}
			if h := resp.Header.Get("Access-Control-Allow-Origin"); h != "" {
				t.Errorf("other origins may read: %q", h)
			}
		})
	}
	if r.captures.removed {
		t.Error("a capture was deleted")
	}
	if resp, _ := r.do(t, "DELETE", "/api/v1/captures/one", "Cookie", cookie, csrfHeader, csrf); resp.StatusCode != 204 || !r.captures.removed {
		t.Errorf("delete: %s", resp.Status)
	}
}

func port(r *rig) string {
	_, p, _ := strings.Cut(r.Addr().String(), ":")
	return p
}

func TestLinkWorksOnce(t *testing.T) {
	r := start(t, nil)
	u, err := url.Parse(r.Link())
	if err != nil {
		t.Fatal(err)
	}
	if resp, _ := r.do(t, "GET", u.RequestURI(), "Host", "evil.example"); resp.StatusCode != 421 {
		t.Errorf("foreign host: %s", resp.Status)
	}
	first, _ := r.do(t, "GET", u.RequestURI())
	if first.StatusCode != http.StatusSeeOther {
		t.Fatalf("first use: %s", first.Status)
	}
	second, _ := r.do(t, "GET", u.RequestURI())
	if second.StatusCode != http.StatusUnauthorized || len(second.Cookies()) != 0 {
		t.Errorf("second use: %s", second.Status)
	}
	c := first.Cookies()[0]
	again, _ := r.do(t, "GET", u.RequestURI(), "Cookie", c.Name+"="+c.Value)
	if again.StatusCode != http.StatusSeeOther {
		t.Errorf("reload in the browser that used it: %s", again.Status)
	}
	for range 3 * maxTokens {
		r.Link()
	}
	if n := len(r.sessions.tokens); n > maxTokens {
		t.Errorf("%d links are held", n)
	}
	for range 2 * maxSessions {
		r.sessions.start()
	}
	if n := len(r.sessions.by); n > maxSessions {
		t.Errorf("%d sessions are held", n)
	}
}

func TestOtherAddresses(t *testing.T) {
	for _, tc := range []struct {
		addr string
		cfg  Config
	}{
		{"0.0.0.0:0", Config{}},
		{"0.0.0.0:0", Config{Password: "secret"}},
		{"0.0.0.0:0", Config{TLS: &tls.Config{MinVersion: tls.VersionTLS12}}},
		{"[::]:0", Config{}},
		{":0", Config{}},
		{"192.0.2.1:80", Config{}},
		{"example.org:80", Config{}},
		{"nonsense", Config{}},
	} {
		var address *AddressError
		if err := New(tc.cfg).Listen(t.Context(), tc.addr); !errors.As(err, &address) {
			t.Errorf("%s: %v", tc.addr, err)
		}
	}
}

func TestPassword(t *testing.T) {
	r := start(t, func(c *Config) { c.Password = "open sesame" })
	own := "http://" + r.Addr().String()
	if resp, _ := r.do(t, "GET", "/"); resp.StatusCode != http.StatusSeeOther || resp.Header.Get("Location") != "/login" {
		t.Errorf("stranger: %s", resp.Status)
	}
	try := func(password string, header ...string) *http.Response {
		resp, _ := r.do(t, "POST", "/login?password="+url.QueryEscape(password), header...)
		return resp
	}
	if resp := try("open sesame"); resp.StatusCode != http.StatusForbidden {
		t.Errorf("without origin: %s", resp.Status)
	}
	post := func(password string) *http.Response {
		req, _ := http.NewRequestWithContext(t.Context(), "POST", r.url("/login"), strings.NewReader("password="+url.QueryEscape(password)))
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Origin", own)
		resp, err := (&http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}).Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		return resp
	}
	if resp := post("wrong"); resp.StatusCode != http.StatusForbidden || len(resp.Cookies()) != 0 {
		t.Errorf("wrong password: %s", resp.Status)
	}
	if resp := post("open sesame"); resp.StatusCode != http.StatusSeeOther || len(resp.Cookies()) != 1 {
		t.Errorf("password: %s", resp.Status)
	}
	if resp := try("open sesame", "Origin", own); len(resp.Cookies()) != 0 {
		t.Error("a password in the address is taken")
	}
}
