package web

import (
	"context"
	"crypto/rand"
	"net/http"
	"sync"
	"time"
)

const (
	maxSessions  = 64 // browsers at once; the one not seen for longest makes room
	maxTokens    = 16 // links that were handed out and not used
	tokenLife    = 12 * time.Hour
	cookiePlain  = "tarrafa"
	cookieSecure = "__Host-tarrafa"
)

// session is one browser that came in.
type session struct {
	csrf string
	seen time.Time
}

// sessions holds the browsers that came in and the links that let one in. All are lost
// when the program ends.
type sessions struct {
	mu     sync.Mutex
	by     map[string]*session
	tokens map[string]time.Time // when they were made
}

func newSessions() *sessions {
	return &sessions{by: map[string]*session{}, tokens: map[string]time.Time{}}
}

// secret returns 128 bits or more of chance as text.
func secret() string { return rand.Text() }

// token returns a secret that opens one session.
func (t *sessions) token() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	if len(t.tokens) >= maxTokens {
		oldest, at := "", time.Now()
		for k, made := range t.tokens {
			if made.Before(at) {
				oldest, at = k, made
			}
		}
		delete(t.tokens, oldest)
	}
	s := secret()
	t.tokens[s] = time.Now()
	return s
}

// redeem takes a token, which then is worth nothing, and returns the cookie of a new
// session; "" when the token is not known.
func (t *sessions) redeem(token string) string {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, made := range t.tokens {
		if equal(token, k) {
			delete(t.tokens, k)
			if time.Since(made) > tokenLife {
				return ""
			}
			return t.begin()
		}
	}
	return ""
}

// start returns the cookie of a new session.
func (t *sessions) start() string {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.begin()
}

func (t *sessions) begin() string {
	if len(t.by) >= maxSessions {
		oldest, at := "", time.Now()
		for k, s := range t.by {
			if s.seen.Before(at) {
				oldest, at = k, s.seen
			}
		}
		delete(t.by, oldest)
	}
	cookie := secret()
	t.by[cookie] = &session{csrf: secret(), seen: time.Now()}
	return cookie
}

// find returns the session of a cookie, or nil.
func (t *sessions) find(cookie string) *session {
	t.mu.Lock()
	defer t.mu.Unlock()
	for k, s := range t.by {
		if equal(cookie, k) {
			s.seen = time.Now()
			return s
		}
	}
	return nil
}

// cookieName has the prefix that browsers check where they can: with TLS.
func (s *Server) cookieName() string {
	if s.cfg.TLS != nil {
		return cookieSecure
	}
	return cookiePlain
}

func (s *Server) setCookie(w http.ResponseWriter, value string) {
	http.SetCookie(w, &http.Cookie{
		Name: s.cookieName(), Value: value, Path: "/",
		HttpOnly: true, SameSite: http.SameSiteStrictMode, Secure: s.cfg.TLS != nil,
	})
}

type sessionKey struct{}

func withSession(ctx context.Context, s *session) context.Context {
	return context.WithValue(ctx, sessionKey{}, s)
}

// sessionOf returns the request's session; nil when it carried the bearer token.
func sessionOf(ctx context.Context) *session {
	s, _ := ctx.Value(sessionKey{}).(*session)
	return s
}
