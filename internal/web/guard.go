package web

import (
	"crypto/subtle"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// contentPolicy lets the page load from this server and from nowhere else, and run no
// script or style that stands in the document itself.
const contentPolicy = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'"

// csrfHeader is the header that every writing request carries, with the value that the
// session hands out. A page of another origin can neither read the value nor set a
// header of this name.
const csrfHeader = "X-Tarrafa-Csrf"

// allowHosts sets what the Host header may say, from the address that is listened on.
func (s *Server) allowHosts(addr net.Addr) {
	hosts := slices.Clone(s.cfg.Hosts)
	host, port, err := net.SplitHostPort(addr.String())
	if err == nil {
		names := []string{host}
		if ip := net.ParseIP(host); ip != nil && ip.IsLoopback() {
			names = append(names, "localhost")
		}
		for _, n := range names {
			hosts = append(hosts, net.JoinHostPort(n, port))
		}
	}
	s.hosts = hosts
	s.origins = make([]string, len(hosts))
	for i, h := range hosts {
		s.origins[i] = s.scheme() + "://" + h
	}
}

func (s *Server) scheme() string {
	if s.cfg.TLS != nil {
		return "https"
	}
	return "http"
}

// guard refuses what does not come from this page or from somebody with its secret, and
// puts the headers on every answer.
func (s *Server) guard(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Content-Security-Policy", contentPolicy)
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("Referrer-Policy", "no-referrer")
		h.Set("Cross-Origin-Opener-Policy", "same-origin")
		h.Set("Cross-Origin-Resource-Policy", "same-origin")
		h.Set("Permissions-Policy", "camera=(), geolocation=(), microphone=()")
		h.Set("Cache-Control", "no-store")
		if s.cfg.TLS != nil {
			h.Set("Strict-Transport-Security", "max-age=31536000")
		}
		if !slices.Contains(s.hosts, r.Host) {
			s.refuse(w, refusedHost, http.StatusMisdirectedRequest, "this address is not served here")
			return
		}
		if o := r.Header.Values("Origin"); len(o) > 1 || len(o) == 1 && !slices.Contains(s.origins, o[0]) {
			s.refuse(w, refusedOrigin, http.StatusForbidden, "the request comes from another page")
			return
		}
		switch r.Header.Get("Sec-Fetch-Site") {
		case "", "same-origin", "none":
		default:
			// The page is opened from elsewhere by its link, and by nothing else.
			if r.URL.Path != "/" || r.Method != http.MethodGet || r.Header.Get("Sec-Fetch-Mode") != "navigate" {
				s.refuse(w, refusedOrigin, http.StatusForbidden, "the request comes from another page")
				return
			}
		}
		if open(r) {
			next.ServeHTTP(w, r)
			return
		}
		ses, bearer := s.authenticate(r)
		if ses == nil && !bearer {
			s.unauthorised(w, r)
			return
		}
		if writes(r.Method) && !bearer && !equal(r.Header.Get(csrfHeader), ses.csrf) {
			s.refuse(w, refusedCSRF, http.StatusForbidden, "the header "+csrfHeader+" is missing or wrong")
			return
		}
		next.ServeHTTP(w, r.WithContext(withSession(r.Context(), ses)))
	})
}

// open tells whether a request needs no session: it says nothing, or it makes one.
func open(r *http.Request) bool {
	switch r.URL.Path {
	case "/healthz":
		return true
	case "/login":
		return true
	case "/":
		return r.URL.Query().Has("token")
	}
	return false
}

func writes(method string) bool {
	return method != http.MethodGet && method != http.MethodHead
}

// authenticate returns the request's session, or tells that it carries the bearer token.
func (s *Server) authenticate(r *http.Request) (ses *session, bearer bool) {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); ok {
		return nil, s.cfg.Bearer != "" && equal(token, s.cfg.Bearer)
	}
	c, err := r.Cookie(s.cookieName())
	if err != nil {
		return nil, false
	}
	return s.sessions.find(c.Value), false
}

// equal compares secrets in a time that does not depend on them.
func equal(a, b string) bool {
	return a != "" && subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1
}

// unauthorised sends a browser to the password form where there is one, and says to
// everybody else how to come in.
func (s *Server) unauthorised(w http.ResponseWriter, r *http.Request) {
	s.refused[refusedToken].Add(1)
	if s.cfg.Password != "" && r.Method == http.MethodGet && r.URL.Path == "/" {
		http.Redirect(w, r, "/login", http.StatusSeeOther)
		return
	}
	w.Header().Set("Www-Authenticate", "Bearer")
	plain(w, http.StatusUnauthorized, "This link has been used, or this browser is not known here.\n"+
		"Open the link that tarrafa printed; it works once. A browser that shows the page can make another one (menu ?).")
}

func (s *Server) refuse(w http.ResponseWriter, why refusal, status int, text string) {
	s.refused[why].Add(1)
	plain(w, status, text)
}

// plain answers with text that no browser takes for anything else.
func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text + "\n"))
}

// refusal is why a request was refused.
type refusal int

const (
	refusedHost refusal = iota
	refusedOrigin
	refusedToken
	refusedCSRF
	refusedPassword
	refusedClients
	refusals // how many there are
)

var refusalNames = [refusals]string{"host", "origin", "token", "csrf", "password", "clients"}

// link returns a link that opens the page once.
func (s *Server) link() string {
	u := url.URL{Scheme: s.scheme(), Host: s.hosts[0], Path: "/", RawQuery: "token=" + s.sessions.token()}
	return u.String()
}
