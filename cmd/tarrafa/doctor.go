package main

import (
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"

	"github.com/spf13/cobra"

	"github.com/tarrafa/tarrafa/internal/capture"
)

func doctorCommand() *cobra.Command {
	var can bool
	cmd := &cobra.Command{
		Use:   "doctor",
		Short: "Look at what this machine allows: permission, interfaces, storage, helpers",
		Args:  noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if can {
				return canCapture()
			}
			return diagnose(cmd.OutOrStdout())
		},
	}
	cmd.Flags().BoolVar(&can, "can-capture", false, "say nothing; exit 0 when this user may capture, 5 when not")
	return cmd
}

// canCapture opens a ring on the default interface and closes it again.
func canCapture() error {
	list, err := capture.List()
	if err != nil {
		return &exitError{code: exitInterface, err: err}
	}
	i, ok := capture.DefaultInterface(list)
	if !ok {
		return &exitError{code: exitInterface, err: errNoCapture}
	}
	src, err := capture.Open(capture.Options{Interfaces: []string{i.Name}, BufferBytes: 2 << 20})
	if err != nil {
		return err
	}
	return src.Close()
}

func diagnose(w io.Writer) error {
	say := func(ok bool, format string, args ...any) {
		mark := "ok  "
		if !ok {
			mark = "no  "
		}
		_, _ = fmt.Fprintf(w, mark+format+"\n", args...)
	}
	_, _ = fmt.Fprintln(w, versionText())
	err := canCapture()
	say(err == nil, "permission to capture")
	if err != nil {
		_, mend := classify(err)
		_, _ = fmt.Fprintf(w, "    %s\n", printable(err.Error()))
		if mend != "" {
			_, _ = fmt.Fprintf(w, "    %s\n", printable(mend))
		}
	}
	if list, err := capture.List(); err == nil {
		d, _ := capture.DefaultInterface(list)
		say(true, "%d interfaces, default %s", len(list), printable(d.Name))
	} else {
		say(false, "interfaces: %v", err)
	}
	dir := defaultDataDir()
	free, err := freeSpace(existing(dir))
	say(err == nil && free > 1<<30, "data directory %s, %s free", dir, formatSize(free))
	say(runtime.NumCPU() > 1, "%d processors", runtime.NumCPU())
	for _, tool := range []string{"sharkd", "wireshark", "psql"} {
		path, err := exec.LookPath(tool)
		if err != nil {
			path = "not installed (optional)"
		}
		say(err == nil, "%s: %s", tool, path)
	}
	return nil
}

// existing returns the nearest folder above path that exists.
func existing(path string) string {
	for {
		if _, err := os.Stat(path); err == nil || path == filepath.Dir(path) {
			return path
		}
		path = filepath.Dir(path)
	}
}
