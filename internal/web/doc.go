// Package web serves the page: an HTTP interface of JSON, a WebSocket that carries the
// windows of rows that the page shows, and the page itself.
//
// The server holds the result of a display filter; a browser asks for a window of it and
// holds no more than that. There is one cursor a client and no queue: a client that reads
// slowly skips rows, one that does not read at all is dropped after a while, and both are
// counted. The package knows a live hub and readers of stored captures, and neither the
// capturing nor the archive.
package web
