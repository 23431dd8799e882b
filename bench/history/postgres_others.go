//go:build !unix

package main

import (
	"errors"

	"github.com/tarrafa/tarrafa/internal/archive"
)

func askPostgres(*archive.Stored, []answer) error {
	return errors.New("-postgres needs a Unix system")
}
