package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// interrupted returns a context that ends with Ctrl+C or a request to terminate. After
// stop the signals have their usual effect again: a second Ctrl+C ends the program at
// once.
func interrupted(ctx context.Context) (context.Context, context.CancelFunc) {
	return signal.NotifyContext(ctx, os.Interrupt, syscall.SIGTERM)
}
