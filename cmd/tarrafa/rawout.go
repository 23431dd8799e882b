package main

import (
	"io"
	"os"

	"github.com/tarrafa/tarrafa/internal/words"
)

// notOnTerminal refuses to write bytes from outside to a terminal, which would take some of
// them for commands.
func notOnTerminal(stdout io.Writer, what string) error {
	f, ok := stdout.(*os.File)
	if !ok || !isTerminal(f) {
		return nil
	}
	return &exitError{code: exitOptions, err: words.Errorf("%s would be written to the terminal, which would act on some of its bytes", what), mend: words.T("send it elsewhere: … > FILE, or … | less")}
}
