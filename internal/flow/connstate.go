package flow

import "bytes"

// endpointState is how far one side of a conversation has come.
type endpointState uint8

const (
	stateInactive    endpointState = iota // sent nothing
	stateSyn                              // sent SYN
	stateSynAck                           // sent SYN and ACK
	statePartial                          // sent something, but no SYN was seen
	stateEstablished                      // SYN and SYN-ACK were exchanged
	stateClosed                           // sent FIN
	stateReset                            // sent RST
)

func (r *record) state(side uint8) endpointState {
	return endpointState(r.states >> (side * 4) & 15)
}

func (r *record) setState(side uint8, s endpointState) {
	shift := side * 4
	r.states = r.states&^(15<<shift) | uint8(s)<<shift
}

// ended reports that no more data is expected: a reset, or FIN from both sides.
func (r *record) ended() bool {
	a, b := r.state(0), r.state(1)
	return a == stateReset || b == stateReset || a == stateClosed && b == stateClosed
}

// used reports that a side sent more than the opening of the connection.
func (r *record) used(side uint8) bool {
	return r.seen>>(8*uint16(side))&(1<<didAck|1<<didData|1<<didFin) != 0
}

// TCP flags as in packet.Summary.TCPFlags.
const (
	flagFIN = 1 << iota
	flagSYN
	flagRST
	flagPSH
	flagACK
)

// step moves the sender's state by one segment.
func (r *record) step(side uint8, flags uint16) {
	me, peer := r.state(side), r.state(1-side)
	was := me
	switch {
	case flags&flagRST != 0:
		if me != stateClosed || peer != stateClosed {
			me = stateReset
		}
	case flags&flagSYN != 0:
		switch {
		case me == stateSyn && peer == stateSyn && flags&flagACK != 0: // opened by both (RFC 9293 3.5)
			me = stateEstablished
			r.setState(1-side, stateEstablished)
		case me != stateInactive && me != statePartial:
		case flags&flagACK == 0:
			me = stateSyn
		case peer == stateSyn: // Zeek counts from the answer, not from its acknowledgement
			me = stateEstablished
			r.setState(1-side, stateEstablished)
		default:
			me = stateSynAck
		}
	case me == stateInactive:
		me = statePartial
	case me == stateSyn && flags&flagACK != 0 && peer == stateSynAck: // the SYN came late
		me = stateEstablished
		r.setState(1-side, stateEstablished)
	}
	if flags&(flagFIN|flagRST) == flagFIN && me != stateReset {
		me = stateClosed
	}
	if me != was {
		r.setState(side, me)
	}
}

// ConnState is how a conversation went, in Zeek's words.
type ConnState uint8

// The connection states. The names are Zeek's conn_state values.
const (
	ConnOTH    ConnState = iota // no SYN seen: traffic from the middle of a connection, or a protocol without states
	ConnS0                      // attempt seen, no reply
	ConnS1                      // established, not ended
	ConnSF                      // established and ended by both sides
	ConnREJ                     // attempt refused with RST
	ConnS2                      // established, the client has closed, the server has not
	ConnS3                      // established, the server has closed, the client has not
	ConnRSTO                    // the client reset an established connection
	ConnRSTR                    // the server reset an established connection
	ConnRSTOS0                  // the client sent SYN, then RST; no SYN-ACK was seen
	ConnRSTRH                   // the server sent SYN-ACK, then RST; no SYN was seen
	ConnSH                      // the client sent SYN, then FIN; no SYN-ACK was seen
	ConnSHR                     // the server sent SYN-ACK, then FIN; no SYN was seen
)

var connStateNames = [...]string{
	"OTH", "S0", "S1", "SF", "REJ", "S2", "S3", "RSTO", "RSTR", "RSTOS0", "RSTRH", "SH", "SHR",
}

// String returns Zeek's name of the state.
func (c ConnState) String() string {
	if int(c) < len(connStateNames) {
		return connStateNames[c]
	}
	return "OTH"
}

// connState sums the record up. client and server are the endpoints' sides.
func (r *record) connState(client, server uint8) ConnState {
	switch r.key.proto() {
	case protoTCP:
	case protoUDP:
		sent, answered := r.sum[client].packets > 0, r.sum[server].packets > 0
		switch {
		case sent && answered:
			return ConnSF
		case sent:
			return ConnS0
		case answered:
			return ConnSHR
		}
		return ConnOTH
	default:
		return ConnOTH
	}
	o, s := r.state(client), r.state(server)
	quiet := func(e endpointState) bool { return e == stateInactive || e == statePartial }
	switch {
	case s == stateReset:
		switch {
		case o == stateSyn || o == stateSynAck ||
			o == stateReset && r.sum[client].payload == 0 && r.sum[server].payload == 0:
			return ConnREJ
		case quiet(o):
			return ConnRSTRH
		}
		return ConnRSTR
	case o == stateReset:
		switch {
		case !quiet(s):
			return ConnRSTO
		case r.takenBack():
			return ConnRSTOS0
		}
		return ConnOTH
	case o == stateClosed && s == stateClosed:
		return ConnSF
	case o == stateClosed:
		if quiet(s) {
			return ConnSH
		}
		return ConnS2
	case s == stateClosed:
		if quiet(o) {
			return ConnSHR
		}
		return ConnS3
	case o == stateSyn && s == stateInactive:
		return ConnS0
	case o == stateEstablished && s == stateEstablished:
		return ConnS1
	}
	return ConnOTH
}

// takenBack reports that the client's RST came after its SYN with nothing between but
// payload: otherwise the middle of a connection is what was seen.
func (r *record) takenBack() bool {
	letters := bytes.TrimPrefix(r.history[:r.histN], []byte{'^'})
	end := bytes.IndexByte(letters, 'R')
	return end > 0 && letters[0] == 'S' && !bytes.ContainsAny(letters[1:end], "HAFGIQ")
}

// HistoryCap is how many letters a flow's history holds; later ones are lost.
const HistoryCap = 16

// historyReserve is how many places are kept for letters that are written once.
const historyReserve = 6

// The letters of a history that are written once per side, as bits of record.seen. The
// letter of bit i is historyLetters[i], in upper case when the client did it.
const (
	didSyn = iota
	didSynAck
	didAck
	didData
	didFin
	didReset
	didInconsistent
	didMulti
)

const historyLetters = "shadfriq"

// remember adds a letter for side unless it is there.
func (r *record) remember(side uint8, what int) {
	bit := uint16(1) << (uint16(what) + 8*uint16(side))
	if r.seen&bit != 0 {
		return
	}
	r.seen |= bit
	r.letter(side, historyLetters[what])
}

func (r *record) letter(side uint8, c byte) {
	if r.histN >= HistoryCap {
		return
	}
	if (side == 1) == (r.bits&bitClientB != 0) {
		c -= 'a' - 'A'
	}
	r.history[r.histN] = c
	r.histN++
}

// power reports that n is 1, 10, 100 …: when a repeated event is written again.
func power(n uint32) bool {
	for n >= 10 && n%10 == 0 {
		n /= 10
	}
	return n == 1
}

// chronicle writes the letters of one TCP segment.
func (r *record) chronicle(side uint8, flags uint16, payload uint32, a Analysis) {
	syn, fin, rst := flags&flagSYN != 0, flags&flagFIN != 0, flags&flagRST != 0
	switch {
	case syn && (fin || rst):
		r.remember(side, didMulti)
	case fin && rst:
		r.remember(side, didInconsistent)
	case syn && flags&flagACK != 0:
		r.remember(side, didSynAck)
	case syn:
		r.remember(side, didSyn)
	}
	if a&(Retransmission|LostSegment|ZeroWindow) != 0 && r.histN < HistoryCap-historyReserve {
		c := &r.sum[side].count
		if a&LostSegment != 0 && power(c[countLost]) {
			r.letter(side, 'g')
		}
		if a&Retransmission != 0 && payload > 0 && power(c[countRetransmission]) {
			r.letter(side, 't')
		}
		if a&ZeroWindow != 0 && power(c[countZeroWindow]) {
			r.letter(side, 'w')
		}
	}
	switch {
	case payload > 0:
		r.remember(side, didData)
	case flags&(flagSYN|flagFIN|flagRST|flagACK) == flagACK:
		r.remember(side, didAck)
	}
	if fin && !syn && !rst {
		r.remember(side, didFin)
	}
	if rst && !syn && !fin {
		r.remember(side, didReset)
	}
}

// History is the order in which things happened, one letter each.
type History struct {
	letters [HistoryCap]byte
	n       uint8
}

// String returns the letters, with '^' in front when the server's packet came first.
func (h History) String() string {
	return string(h.letters[:h.n])
}

// Contains reports whether the letter is in the history.
func (h History) Contains(letter byte) bool {
	return bytes.IndexByte(h.letters[:h.n], letter) >= 0
}
