//go:build !linux

package flow

// HugePages does nothing where the system has no such advice.
func HugePages[T any](s []T) {}
