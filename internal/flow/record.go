package flow

// record is everything the Table knows of one conversation: 512 bytes without a pointer,
// so that the garbage collector never looks inside. The order is that of use: an ordinary
// packet touches the first two cache lines, both halves' analysis lines and one half's
// counters.
type record struct {
	key    key    // 40
	last   int64  // time of the latest packet to come, ns; see Table.heardLast
	hash   uint32 // of key
	stream uint32 // tcp.stream or udp.stream; the next free record while free
	bits   recordBits
	states uint8  // endpoint states: low nibble of endpoint a, high nibble of b
	histN  uint8  // letters in history
	seen   uint16 // which letters each side has: low byte a, high byte b
	vlan   uint16 // of the flow's first packet, packet.NoVLAN: none

	id       uint64 // flow identifier
	frame    uint64 // number of the flow's first packet
	first    int64  // time of the flow's first packet
	born     int64  // time of the stream's first packet (differs from first when a flow ended by idling)
	synTime  int64  // of the last SYN without ACK, of UDP of the last datagram with payload, 0: none
	firstRTT int64  // initial RTT, ns, 0: not known
	history  [HistoryCap]byte

	half [2]half  // what endpoint a sent, what b sent
	sum  [2]tally // counters, the same order
	rtt  [2]RTT   // of data sent by a (acknowledged by b), and the reverse

	outer  uint32    // tunnel endpoints: place in Table.outers, valid with bitOuter
	sacked [2]uint32 // bytes of a side that the other one's last segment covers with SACK blocks
	mss    [2]uint16 // from the SYNs, 0: none
}

type recordBits uint16

const (
	bitUsed     recordBits = 1 << iota // the record is not on the free list
	bitLive                            // a flow is being counted; clear: it ended, only the conversation is remembered
	bitRef                             // seen since the eviction's hand last came by
	bitClientB                         // endpoint b is the client
	bitSplit                           // the stream had an earlier flow
	bitOuter                           // outer is set
	bitSent                            // the first packet left this machine
	bitReceived                        // the first packet came to this machine
	bitData                            // payload was seen
	bitStallA                          // endpoint a has closed its window
	bitStallB
	bitAfterEnd // the stream's earlier flow ended after FIN from both sides or RST
	bitFlipped  // the first packet was sent by the server
	bitLate     // Table.late knows more of the latest packet's time
	bitRests    // Table.rests has something of it
	bitPaths    // half.paths is not 0: Multipath TCP
)

// half is one direction's state for the TCP analysis: a cache line. Sequence numbers are
// raw; 0 stands for "not set", as the analysis that we agree with has it.
type half struct {
	next     uint32 // expected next sequence number
	maxAck   uint32 // highest contiguous sequence number, the most that may be acknowledged
	lastAck  uint32 // last acknowledgement number sent
	base     uint32 // what relative numbers count from
	nextTime int64  // when next was raised
	ackTime  int64  // when lastAck was sent
	ackFrame uint64 // packet number of the last acknowledgement that was no duplicate
	dup      uint32 // duplicate acknowledgements in a row, dupUnknown
	unHead   uint32 // oldest unacknowledged segment, +1; 0: none
	unTail   uint32
	unCount  uint16
	window   uint16 // raw
	bits     halfBits
	scale    int8
	paths    uint8  // operations of Multipath TCP seen in the conversation, a bit each; the same in both halves
	unLow    uint32 // lowest number among the segments on their way, valid with halfLow
}

type halfBits uint16

const (
	halfBase      halfBits = 1 << iota // base is set
	halfWindow                         // window was seen
	halfSynWindow                      // window came with a SYN: never scaled
	halfKeepAlive                      // the last segment was a keep-alive
	halfProbe                          // the last segment was a zero window probe
	halfSACK                           // SACK permitted was offered
	halfStamps                         // time stamps were offered
	halfHole                           // a segment was lost since the other side last spoke
	halfSacked                         // record.sacked is not 0
	halfMixed                          // segments on their way overlap, or came in another order
	halfLow                            // half.unLow is set, and no segment ends behind the list's last one
	halfPaths                          // half.paths has grown since this side's last segment
)

// tally counts one direction of a flow.
type tally struct {
	packets, bytes, payload uint64
	retransmitted           uint64 // payload bytes of retransmissions
	count                   [8]uint32
}

// What tally.count counts.
const (
	countRetransmission = iota // of any kind
	countSpurious
	countOutOfOrder
	countLost
	countDuplicateAck
	countZeroWindow
	countWindowFull
	countReset
)
