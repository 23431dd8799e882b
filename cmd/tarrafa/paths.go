package main

import (
	"os"
	"os/user"
	"path/filepath"
)

// defaultDataDir is where captures are kept: XDG_DATA_HOME/tarrafa of the invoking user,
// also under sudo.
func defaultDataDir() string {
	if d := os.Getenv("XDG_DATA_HOME"); filepath.IsAbs(d) {
		return filepath.Join(d, "tarrafa")
	}
	home, err := os.UserHomeDir()
	if id := os.Getenv("SUDO_UID"); id != "" && os.Geteuid() == 0 {
		if u, uerr := user.LookupId(id); uerr == nil {
			home, err = u.HomeDir, nil
		}
	}
	if err != nil || home == "" {
		return "tarrafa-captures"
	}
	return filepath.Join(home, ".local", "share", "tarrafa")
}
