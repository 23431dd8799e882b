package main

import (
	"io"
	"os"

	"golang.org/x/term"

	"github.com/tarrafa/tarrafa/internal/capture"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

func askInterface(in io.Reader, out io.Writer, list []capture.InterfaceInfo, def capture.InterfaceInfo) (string, error) {
	_, _, _ = in, out, list
	return def.Name, nil
}
