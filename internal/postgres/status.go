package postgres

import (
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// Status is how the sink is doing.
type Status struct {
	Connected bool
	Server    string // database, server and user

	Stored   uint64 // rows of this capture in the table, earlier runs included
	Skipped  uint64 // packets without a row: no IP header, or no value for a NOT NULL column
	Rejected uint64 // rows that a constraint or a trigger of the table refused
	Nulled   uint64 // values that did not fit their column and became NULL (this run)
	Refusal  string // why the last refused row was refused

	Committed segment.Cursor // everything before it is in the database for good
	Behind    uint64         // packets that were applied and are not committed yet

	Connections uint64 // logins that worked (this run)
	Retries     uint64 // attempts that failed (this run)
	Commits     uint64 // transactions (this run)
	LastCommit  time.Time

	Problem   Problem // of LastError
	LastError string  // the last failed attempt; empty when all is well again
	LastTry   time.Time
}
