// Package postgres stores packets as rows of a PostgreSQL table: a follower that is never
// in the capture's way, loses nothing and stores nothing twice.
//
// Rows are collected and written with binary COPY, a transaction per flush (tens of
// thousands of rows, or what has come in a second). The same transaction moves the
// capture's cursor in the table tarrafa_cursors and adds to the sums in tarrafa_seconds
// and, when it is not the database that everything waits for, tarrafa_addresses. Flows that
// ended and findings, in tables of their own, go with the rows of the batch in which they
// were found. So the database always says itself how far it got: after a broken connection,
// a commit whose answer was lost, or a new start, the cursor decides where to go on, and
// the rows before it come from the capture's segments again.
//
// The ledger: every packet that was applied is stored (a row), skipped (no IP header, or
// no value for a column that must not be NULL) or rejected (refused by a constraint or a
// trigger of the table). count(*) of a capture's rows is stored.
package postgres
