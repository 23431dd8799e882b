// Package ui holds the page as it is served, built from the sources beside this file.
package ui

import (
	"embed"
	"io/fs"
)

//go:embed dist
var built embed.FS

// Files returns the built page: index.html and what it loads.
func Files() fs.FS {
	dist, err := fs.Sub(built, "dist")
	if err != nil {
		panic(err) // the folder's name is a constant
	}
	return dist
}
