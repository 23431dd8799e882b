//go:build unix

package main

import (
	"os/exec"
	"strconv"
	"syscall"

	"github.com/tarrafa/tarrafa/internal/sandbox"
)

// runAs makes a command run as a user; nil: as who runs this program.
func runAs(cmd *exec.Cmd, user *sandbox.Identity) {
	if user == nil {
		return
	}
	c := &syscall.Credential{Uid: uint32(user.UID), Gid: uint32(user.GID)}
	for _, g := range user.Groups {
		c.Groups = append(c.Groups, uint32(g))
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: c}
	cmd.Env = append(cmd.Environ(), "USER="+user.Name, "LOGNAME="+user.Name, "XDG_RUNTIME_DIR=/run/user/"+strconv.Itoa(user.UID))
}
