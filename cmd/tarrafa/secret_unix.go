//go:build unix

package main

import (
	"regexp"
	"strings"
	"unsafe"
)

// passwordAt finds the password in a connection string: URL or keywords.
var passwordAt = regexp.MustCompile(`(?i)(?:^|=)postgres(?:ql)?://[^/@?]*?:([^/@?]*)@|\b(?:ssl)?password\s*=\s*('(?:[^'\\]|\\.)*'|[^\s&]*)`)

// takeArguments returns the arguments, and overwrites passwords in the originals: every
// user of the machine can read those (ps, /proc/PID/cmdline).
func takeArguments(originals []string) []string {
	args := make([]string, len(originals))
	for i, a := range originals {
		args[i] = strings.Clone(a)
		if a == "" {
			continue
		}
		// The runtime's strings lie in the very memory that the kernel shows.
		shown := unsafe.Slice(unsafe.StringData(a), len(a))
		for _, m := range passwordAt.FindAllStringSubmatchIndex(args[i], -1) {
			for group := 2; group < len(m); group += 2 {
				for at := max(m[group], 0); at < m[group+1]; at++ {
					shown[at] = 'x'
				}
			}
		}
	}
	return args
}
