package web

import (
	"html/template"
	"net/http"
	"time"
)

// loginForm is the only page that is served to strangers. It has no script.
var loginForm = template.Must(template.New("login").Parse(`<!doctype html>
<html lang="en"><meta charset="utf-8"><meta name="viewport" content="width=device-width">
<title>Tarrafa</title>
<main><h1>Tarrafa</h1>{{if .}}<p role="alert">Wrong password. / Senha errada.</p>{{end}}
<form method="post" action="/login"><label>Password / Senha
<input type="password" name="password" autocomplete="current-password" autofocus required></label>
<button>Open / Abrir</button></form></main>
`))

// guessPause is how long a wrong password delays the next try of anybody.
const guessPause = time.Second

const maxForm = 4 << 10

// login asks for the password, one try a second for all strangers together.
func (s *Server) login(w http.ResponseWriter, r *http.Request) {
	if s.cfg.Password == "" {
		http.NotFound(w, r)
		return
	}
	if r.Method == http.MethodGet {
		s.showLogin(w, http.StatusOK, false)
		return
	}
	if r.Header.Get("Origin") == "" {
		s.refuse(w, refusedOrigin, http.StatusForbidden, "the request does not say where it comes from")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, maxForm)
	select {
	case s.guess <- struct{}{}:
	case <-r.Context().Done():
		return
	}
	if !equal(r.PostFormValue("password"), s.cfg.Password) {
		time.AfterFunc(guessPause, func() { <-s.guess })
		s.refused[refusedPassword].Add(1)
		s.showLogin(w, http.StatusForbidden, true)
		return
	}
	<-s.guess
	s.setCookie(w, s.sessions.start())
	http.Redirect(w, r, "/", http.StatusSeeOther)
}

func (s *Server) showLogin(w http.ResponseWriter, status int, wrong bool) {
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_ = loginForm.Execute(w, wrong)
}
