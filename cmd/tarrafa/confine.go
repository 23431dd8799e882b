package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/pflag"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/postgres"
	"github.com/tarrafa/tarrafa/internal/sandbox"
	"github.com/tarrafa/tarrafa/internal/words"
)

func noSandboxFlag(f *pflag.FlagSet, to *bool) {
	f.BoolVar(to, "no-sandbox", false, "DANGEROUS: keep privileges, files, ports and system calls within reach of whoever breaks in")
}

// confine gives up what the rules do not leave; stderr is told what is enforced.
func confine(stderr io.Writer, off bool, r sandbox.Rules) error {
	report, err := enter(stderr, off, r)
	if err == nil && report != nil {
		_, _ = fmt.Fprintln(stderr, report)
	}
	return err
}

// confineQuietly is confine for the commands that start without such a line: stderr is
// told when nothing at all is enforced where something could be.
func confineQuietly(stderr io.Writer, off bool, r sandbox.Rules) error {
	report, err := enter(stderr, off, r)
	if err == nil && report != nil && report.Nothing {
		_, _ = fmt.Fprintln(stderr, report)
	}
	return err
}

// enter returns what is enforced; nil: nothing, as it was asked for.
func enter(stderr io.Writer, off bool, r sandbox.Rules) (*sandbox.Report, error) {
	if off {
		return nil, unconfined(stderr, r)
	}
	report, err := sandbox.Enter(r)
	if err != nil {
		if code, mend := classify(err); code != exitOptions {
			return nil, &exitError{code: code, err: err, mend: mend}
		}
		return nil, &exitError{code: exitPermission, err: err, mend: words.T("if this machine cannot do it and you accept the danger: --no-sandbox")}
	}
	return &report, nil
}

// unconfined changes the user, so that files belong to whom they should, and shouts.
func unconfined(stderr io.Writer, r sandbox.Rules) error {
	_, _ = words.Fprintf(stderr, "tarrafa: WARNING: --no-sandbox: NO SANDBOX. Whoever finds a flaw in this program by sending it a packet can do all that it can.\n")
	if r.User != nil {
		if err := r.User.Become(); err != nil {
			return &exitError{code: exitPermission, err: err}
		}
	}
	if r.Access == nil {
		return nil
	}
	_, err := r.Access()
	return err
}

// access is what a capture touches after its sockets are open. It is called as the user
// that the program has become.
func (o *captureOptions) access() (sandbox.Access, error) {
	a, err := o.out.access()
	a.Write = append(a.Write, o.dataDir)
	return a, err
}

// access is what the outputs touch. The database's settings are read here, once: as the
// user whose they are, while his files are still in reach.
func (o *outputFlags) access() (sandbox.Access, error) {
	var a sandbox.Access
	if o.write != "" && o.write != "-" {
		if dir, ok := writable(o.write); ok {
			a.Write = append(a.Write, dir)
		}
	}
	if o.json != "" && o.json != "-" {
		dir, _ := writable(o.json)
		a.Write = append(a.Write, dir)
	}
	if o.db == "" {
		return a, nil
	}
	cfg, err := databaseConfig(o.db)
	if err != nil {
		return a, err
	}
	o.database = &cfg
	reach(&a, &cfg)
	return a, nil
}

// reach adds the database's sockets and ports. Names are looked up with every connection,
// since the server may have moved by the next one.
func reach(a *sandbox.Access, cfg *postgres.Config) {
	for _, e := range cfg.Endpoints() {
		switch {
		case e.Socket != "":
			a.Sockets = append(a.Sockets, e.Socket)
		default:
			a.Resolve = a.Resolve || e.Name
			if !slices.Contains(a.Connect, e.Port) {
				a.Connect = append(a.Connect, e.Port)
			}
		}
	}
}

// databaseRules are for questions to a database: no file is read but the settings, which
// cfg becomes while they are still in reach.
func databaseRules(dsn string, writes []string, cfg *postgres.Config) sandbox.Rules {
	return sandbox.Rules{Lenient: true, Access: func() (sandbox.Access, error) {
		a := sandbox.Access{Write: writes}
		var err error
		if *cfg, err = databaseConfig(dsn); err == nil {
			reach(&a, cfg)
		}
		return a, err
	}}
}

// importRules are for import: files are read, and written is below the data folder.
func importRules(files []string, dataDir string) sandbox.Rules {
	return sandbox.Rules{ForeignFiles: true, Lenient: true, Access: func() (sandbox.Access, error) {
		return sandbox.Access{Read: files, Write: []string{dataDir}}, nil
	}}
}

// reindexRules are for reindex: it works in the captures' folders, which exist.
func reindexRules(dirs []string) sandbox.Rules {
	return sandbox.Rules{ForeignFiles: true, Lenient: true, Access: func() (sandbox.Access, error) {
		var a sandbox.Access
		for _, dir := range dirs {
			if info, err := os.Stat(dir); err == nil && info.IsDir() {
				a.Write = append(a.Write, dir)
			}
			if leftOpen(dir) {
				a.Write = append(a.Write, filepath.Dir(filepath.Clean(dir))) // for the data directory's lock
			}
		}
		return a, nil
	}}
}

// leftOpen tells whether dir is a capture folder that a crash may have left open.
func leftOpen(dir string) bool {
	meta, err := os.ReadFile(filepath.Join(dir, archive.MetaName))
	return archive.IsCapture(dir) && (err != nil || bytes.Contains(meta, []byte(`"state": "`+archive.StateOpen+`"`)))
}

// writable returns what must be writable so that a file of this name can be made, or be
// opened when it is a pipe or a device; false when there is nothing.
func writable(name string) (string, bool) {
	if info, err := os.Stat(name); err == nil && !info.Mode().IsRegular() {
		return name, true
	}
	dir := filepath.Dir(name)
	_, err := os.Stat(dir)
	return dir, err == nil
}

// readingRules are for the commands that look at captures: files to read, and the outputs.
func readingRules(names []string, outs *outputFlags) sandbox.Rules {
	return sandbox.Rules{ForeignFiles: true, Lenient: true, Access: func() (sandbox.Access, error) {
		var a sandbox.Access
		var err error
		if outs != nil {
			a, err = outs.access()
		}
		for _, name := range names {
			if name != "-" {
				a.Read = append(a.Read, name)
			}
		}
		return a, err
	}}
}

// questionRules are for the commands that ask a capture: of a folder what is missing of its
// index is made there, a file is unpacked into the temporary folder.
func questionRules(name string, writes []string) sandbox.Rules {
	return sandbox.Rules{ForeignFiles: true, Lenient: true, Access: func() (sandbox.Access, error) {
		place := os.TempDir()
		if info, err := os.Stat(name); err == nil && info.IsDir() {
			place = name
		}
		return sandbox.Access{Read: []string{name}, Write: append([]string{place}, writes...)}, nil
	}}
}
