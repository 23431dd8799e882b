package main

import (
	"errors"
	"io"
	"os"

	"golang.org/x/term"

	"github.com/tarrafa/tarrafa/internal/capture"
	"github.com/tarrafa/tarrafa/internal/terminal"
	"github.com/tarrafa/tarrafa/internal/words"
)

func isTerminal(f *os.File) bool { return term.IsTerminal(int(f.Fd())) }

// askInterface lets the user choose; Enter takes the default.
func askInterface(in io.Reader, out io.Writer, list []capture.InterfaceInfo, def capture.InterfaceInfo) (string, error) {
	items := make([]terminal.ChooserItem, 0, len(list))
	for _, i := range list {
		item := terminal.ChooserItem{Name: i.Name, Up: i.Up, Packets: i.RxPackets + i.TxPackets, Default: i.Name == def.Name}
		for _, a := range i.Addresses {
			item.Addresses = append(item.Addresses, a.String())
		}
		items = append(items, item)
	}
	name, err := terminal.Choose(in, out, words.Chosen(), items)
	if errors.Is(err, terminal.ErrNoChoice) {
		return "", &exitError{code: exitInterface, err: words.Errorf("no interface was chosen"), mend: words.Sprintf("name one: tarrafa capture -i %s", shellQuote(def.Name))}
	}
	return name, err
}
