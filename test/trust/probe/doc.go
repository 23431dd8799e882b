//go:build !linux || !amd64

// Probe is for Linux on amd64 alone.
package main

func main() {}
