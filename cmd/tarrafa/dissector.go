package main

import (
	"log/slog"
	"os"
	"os/exec"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/sandbox"
	"github.com/tarrafa/tarrafa/internal/web"
	"github.com/tarrafa/tarrafa/internal/web/dissect"
)

// dissectorName is the command that the program starts itself with, to be sharkd's keeper.
const dissectorName = "dissector"

// mayStartSelf is set by main: a test's binary must not start itself.
var mayStartSelf bool

// nobody is who sharkd's keeper becomes when the program was started by root.
const nobody = 65534

func dissectorCommand() *cobra.Command {
	return &cobra.Command{
		Use: dissectorName + " SHARKD", Short: "Answer for the page what sharkd says about packets", Hidden: true,
		Args: exactly(1, "the program"),
		RunE: func(_ *cobra.Command, args []string) error {
			rules := sandbox.Rules{Access: func() (sandbox.Access, error) { return sandbox.Access{Programs: dissect.Programs}, nil }}
			if os.Geteuid() == 0 {
				rules.User = &sandbox.Identity{UID: nobody, GID: nobody}
			}
			if _, err := sandbox.Enter(rules); err != nil {
				return err
			}
			return dissect.Serve(os.Stdin, os.Stdout, args[0])
		},
	}
}

// startDissector starts sharkd's keeper, while the program still may; nil where there is no
// sharkd, or none is wanted.
func startDissector(name string) web.Dissector {
	if name == "off" || !dissect.Supported || !mayStartSelf {
		return nil
	}
	sharkd, err := exec.LookPath(name)
	if err != nil {
		return nil
	}
	self, err := os.Executable()
	if err != nil {
		return nil
	}
	cmd := exec.Command(self, dissectorName, sharkd) //nolint:noctx // it ends with its input
	cmd.Env = []string{}
	d, err := dissect.Start(cmd)
	if err != nil {
		slog.Debug("sharkd is not used", "error", err)
		return nil
	}
	return d
}
