// Package history answers questions about what was captured: from an archive (segments,
// their indexes, and the open tail) and from capture files.
//
// A capture is a list of units in the order of the packet numbers. An indexed unit is a
// row group of a segment's index: questions go to its columns, and to the segment's bytes
// only for what the columns do not tell. A raw unit is about a megabyte of records
// without an index (a file, the open segment, a segment whose index is missing, old or
// damaged): questions decode it. Both give the same answers.
package history
