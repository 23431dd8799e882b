package app

// FlowState is what the recogniser remembers of one flow: 16 bytes without pointers, to
// lie inside the flow's record. The zero value is a flow of which nothing was seen. It
// belongs to the Recognizer that it was first used with, and may be dropped at any time
// ([Recognizer.Release] gives buffers back sooner, but nothing leaks without it).
type FlowState struct {
	partial [2]uint32 // handles of unfinished messages: from the client, from the server
	hint    uint32    // what an ambiguous first message said, see the hint constants
	proto   Protocol
	flags   uint8
	looks   [2]uint8 // segments with payload that were looked at, saturating
}

const (
	flagDone       = 1 << iota // nothing more is expected of this flow
	flagTLS                    // a TLS handshake was seen, perhaps inside of another protocol
	flagHello                  // a ClientHello was read
	flagRetry                  // the server asked for a second ClientHello
	flagOverClient             // the client says nothing more of interest: its banner was read, or it has begun to encrypt
	flagOverServer
)

// The hints of TCP flows; for UDP flows hint holds the last candidate of RTP.
const (
	hintReply220 = iota + 1 // the server said 220 without saying whether it is SMTP or FTP
	hintHEAD                // HTTP: the last request was HEAD, whose answer has no body
	hintCONNECT             // HTTP: the last request was CONNECT
)

// Protocol gives the protocol recognised so far. It stays what it is once it is known:
// a mail connection that turns to TLS remains SMTP, see [FlowState.Encrypted].
func (st *FlowState) Protocol() Protocol { return st.proto }

// Encrypted says that a TLS, DTLS or QUIC handshake was seen in the flow.
func (st *FlowState) Encrypted() bool { return st.flags&flagTLS != 0 }

// Done says that nothing more is expected: a caller may save itself the call of
// Recognizer.Segment, which would only answer OutcomeSkipped.
func (st *FlowState) Done() bool { return st.flags&flagDone != 0 }

// finish notes that one direction says nothing more of interest; with both the flow is done.
func (st *FlowState) finish(d int) {
	st.flags |= flagOverClient << d
	if st.flags&(flagOverClient|flagOverServer) == flagOverClient|flagOverServer {
		st.flags |= flagDone
	}
}

// over says that a direction has nothing more of interest to say.
func (st *FlowState) over(d int) bool { return st.flags&(flagOverClient<<d) != 0 }

// look counts a segment in direction d.
func (st *FlowState) look(d int) {
	if st.looks[d] < 255 {
		st.looks[d]++
	}
}

// hopeless says that a flow was looked at often enough to give it up. In TCP each
// direction has its own looks: in a capture that starts in the middle of a long answer, the
// next request still tells what the flow is.
func (st *FlowState) hopeless(transport uint8) bool {
	if transport == 6 {
		return st.looks[0] >= maxLooksUnknown && st.looks[1] >= maxLooksUnknown
	}
	return st.totalLooks() >= maxLooksUnknown
}

// totalLooks is the number of segments looked at in both directions.
func (st *FlowState) totalLooks() int { return int(st.looks[0]) + int(st.looks[1]) }
