// Package flow explains traffic: it groups packets into bidirectional connections,
// analyses TCP the way Wireshark's tcp.analysis fields do, puts streams together on
// demand and reports what looks wrong.
//
// The package is pure: it reads rows of [packet.Summary] and the captured bytes that they
// point into, it takes its time from the packets, and it does no input or output. All
// memory has a cap, and every eviction, drop and cut has a counter.
//
// Four engines work side by side:
//
//   - [Table] keeps the connections and writes one [Note] per packet.
//   - The TCP analysis is part of the Table; its results are the [Analysis] flags.
//   - [Reassembler] puts the payload of one conversation into order.
//   - [Watch] turns rows and notes into [Finding] values.
//
// None of them is safe for concurrent use.
package flow
