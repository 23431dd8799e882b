//go:build !linux

package flow

// wantHugePages does nothing where the system has no such advice.
func wantHugePages[T any](s []T) {}
