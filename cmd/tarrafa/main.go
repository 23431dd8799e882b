// Tarrafa captures network traffic without losing any, keeps it in open formats, counts
// it and shows it while it happens.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/words"
)

// version is set by the linker.
var version = "dev"

func main() {
	mayStartSelf = true
	os.Exit(run(takeArguments(os.Args[1:])))
}

func run(args []string) int {
	// Collecting garbage earlier costs little here, as the hot path makes none, and keeps
	// the resident size near what is really used.
	debug.SetGCPercent(50)
	words.Use(words.From(os.Getenv))
	root := rootCommand()
	translateHelp(root)
	root.SetArgs(joinOptionalValues(args))
	err := root.ExecuteContext(context.Background())
	return report(os.Stderr, err)
}

func rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "tarrafa",
		Short: "Capture network traffic without losing any, keep it, ask it, watch it live",
		Long: `Tarrafa captures network traffic without losing any, keeps it in open formats
(pcapng segments), answers questions about it, and shows it live.

Start with:  tarrafa capture            asks for the interface
             tarrafa read FILE          looks at a capture file
             tarrafa stats FILE|DIR     counts what is in it`,
		SilenceErrors: true,
		SilenceUsage:  true,
		Version:       versionText(),
	}
	root.SetVersionTemplate("{{.Version}}\n")
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		return &exitError{code: exitOptions, err: err, mend: words.Sprintf("run: %s --help", cmd.CommandPath())}
	})
	root.AddCommand(
		captureCommand(), readCommand(), viewCommand(), statsCommand(), filterCommand(),
		flowsCommand(), followCommand(), findingsCommand(),
		topCommand(), seriesCommand(), packetsCommand(), exportCommand(), importCommand(), reindexCommand(),
		interfacesCommand(), doctorCommand(), versionCommand(), dissectorCommand(),
	)
	return root
}

func versionText() string {
	return fmt.Sprintf("tarrafa %s (%s %s/%s)", version, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

func versionCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Print the version",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := fmt.Fprintln(cmd.OutOrStdout(), versionText())
			return err
		},
	}
}

func noArgs(cmd *cobra.Command, args []string) error {
	if len(args) > 0 {
		return &exitError{
			code: exitOptions, err: words.Errorf("%s takes no argument, but got %q", cmd.CommandPath(), args[0]),
			mend: words.Sprintf("run: %s --help", cmd.CommandPath()),
		}
	}
	return nil
}

var errNoCapture = errors.New("capturing is not possible")
