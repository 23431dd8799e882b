package main

// takeArguments returns the arguments: what other users see of them cannot be changed on
// this system.
func takeArguments(originals []string) []string { return originals }
