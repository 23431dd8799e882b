//go:build !linux

// Sandbox is for Linux alone.
package main

import "fmt"

func main() { fmt.Println("sandbox: Linux only") }
