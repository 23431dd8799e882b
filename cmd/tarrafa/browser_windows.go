package main

import (
	"os/exec"

	"github.com/tarrafa/tarrafa/internal/sandbox"
)

// runAs leaves the command to who runs this program: there is nobody else here.
func runAs(*exec.Cmd, *sandbox.Identity) {}
