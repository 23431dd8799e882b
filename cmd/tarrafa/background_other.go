//go:build !linux

package main

// inBackground does nothing: threads have no priority of their own here.
func inBackground() {}
