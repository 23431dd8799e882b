//go:build !linux

package sandbox

import (
	"os/user"
	"strconv"
	"syscall"
)

// Enter changes the user where the system can and asks for the access. The rest is Linux's
// alone, and the report says so.
func Enter(r Rules) (Report, error) {
	if r.User != nil {
		if err := r.User.Become(); err != nil {
			return Report{}, err
		}
	}
	if r.Access != nil {
		if _, err := r.Access(); err != nil {
			return Report{}, err
		}
	}
	name := strconv.Itoa(syscall.Getuid())
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	return Report{
		User:    name,
		Missing: []string{"capabilities, no_new_privs, Landlock and seccomp (not available on this system)"},
	}, nil
}
