//go:build !amd64

package trafficlog

func hexBlocks(*byte, *byte, int) {}

func printableBlocks(*byte, int) bool { return false }
