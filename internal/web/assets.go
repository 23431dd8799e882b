package web

import (
	"io/fs"
	"net/http"
	"path"
	"strings"
)

// types of the files that the page is made of. Nothing else is served.
var types = map[string]string{
	".html": "text/html; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".css": "text/css; charset=utf-8",
	".svg": "image/svg+xml", ".woff2": "font/woff2",
}

// index serves the page, or takes the link's token for a cookie.
func (s *Server) index(w http.ResponseWriter, r *http.Request) {
	if token := r.URL.Query().Get("token"); r.URL.Query().Has("token") {
		cookie := s.sessions.redeem(token)
		if cookie == "" {
			// A reload of the link in the browser that used it finds the way in by its cookie.
			if ses, _ := s.authenticate(r); ses == nil {
				s.unauthorised(w, r)
				return
			}
		} else {
			s.setCookie(w, cookie)
		}
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	s.file(w, r, "index.html")
}

func (s *Server) asset(w http.ResponseWriter, r *http.Request) {
	s.file(w, r, "assets/"+r.PathValue("name"))
}

func (s *Server) file(w http.ResponseWriter, r *http.Request, name string) {
	kind, ok := types[path.Ext(name)]
	if !ok || !fs.ValidPath(name) {
		http.NotFound(w, r)
		return
	}
	b, err := fs.ReadFile(s.pages, name)
	if err != nil {
		http.NotFound(w, r)
		return
	}
	w.Header().Set("Content-Type", kind)
	if strings.Contains(r.Header.Get("Accept-Encoding"), "gzip") {
		if packed := s.packed(name, b); packed != nil {
			w.Header().Set("Content-Encoding", "gzip")
			b = packed
		}
	}
	_, _ = w.Write(b)
}
