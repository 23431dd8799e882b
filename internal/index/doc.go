// Package index writes and reads the Parquet files beside a segment: a row a packet, and
// its counts by second and by address. They are derived from the segment and can be made
// again at any time.
//
// Column data are encoded with parquet-go's encodings into standard pages, so that any
// Parquet reader takes the files. This program's own reader does not go through the
// Parquet footer: between the column data and the footer stands a directory of its own,
// with a checksum of every page, so that damage is found out and foreign numbers never
// decide how much memory is taken.
package index
