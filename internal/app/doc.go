// Package app recognises what an application says in the payload of TCP and UDP
// packets: DNS, TLS, QUIC, HTTP/1, SSH, DHCP, MQTT and a set of signatures that are
// unlikely to be wrong. It is pure: no I/O, no clock (time comes with the packet), no
// goroutine, no other package of the project.
//
// A [Recognizer] is fed one [Segment] at a time together with the [FlowState] of its
// flow, and answers with an [Outcome]; what it found is in [Recognizer.Fields] until
// the next call. One Recognizer belongs to one goroutine.
//
// # Ownership
//
// Field values point into the segment's payload, into the Recognizer's own scratch
// memory or into a buffer of its pool. All of them are valid only until the next call
// of Segment: copy what is to be kept. The names are foreign bytes, exactly as they
// were on the wire (DNS labels joined by dots); [Printable] makes them safe to show.
//
// # Bounds
//
//   - A flow that is not recognised is given up after maxLooksUnknown segments with
//     payload in each direction, a TLS flow is left alone after maxLooksTLS.
//   - A message that is split over segments waits in a pool of Options.Partials buffers
//     of Options.PartialBytes each; the oldest makes room, which is counted. FlowState
//     holds a handle with a generation, so that a flow may vanish without notice.
//   - At most maxFields fields and scratchBytes of decompressed names per call; what is
//     left off is counted.
//   - A DNS name follows compression pointers only backwards and never grows beyond
//     255 octets; a message gives at most maxQuestions names and maxRecords records.
//   - The one allocation: AES-GCM of the standard library, three objects of fixed size
//     for a QUIC Initial packet of a connection not seen just before, at most
//     maxLooksQUIC times per flow.
//
// # Where a field appears
//
// At the segment that completes the message it belongs to, as in tshark; an HTTP message
// ends with its body. One whose body never comes to its end, because bytes are missing or
// the connection was reset, is not reported, but what names the flow is ([Field.Early]).
// A head whose segment was cut short is reported at once. Retransmitted bytes are not read
// again when the caller says which they are (Segment.Repeated), late ones find their
// place when it says that something is missing (Segment.Missing).
//
// # What is not recognised
//
// The names inside of HTTP/2 and HTTP/3 (they are encrypted or compressed), the inner name
// of an encrypted ClientHello (the outer one is reported), SSL 2.0's ClientHello, QUIC
// drafts, a DTLS ClientHello in fragments. When an HTTP body is not followed, because the
// capture began in its middle, bytes are missing or its buffer was wanted for a newer
// message, a segment that begins with something that is a head letter by letter is taken
// for one.
//
// # What ports are for
//
// Recognition is by payload. A port is consulted in four places, always together with
// a check of the payload: DNS on 53, 5353 and 5355 (elsewhere a stricter check is
// applied, and the three tell dns, mdns and llmnr apart), and the NTP client request on
// 123, which has no content that could be recognised.
package app
