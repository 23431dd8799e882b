//go:build !linux

// Soak is for Linux alone.
package main

import "fmt"

func main() { fmt.Println("soak: needs network namespaces, which only Linux has") }
