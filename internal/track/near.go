package track

import (
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// touch finds the talks of a step's rows, whosever they are, and reads from them, so that
// the processor waits for many lines of far memory together.
func (t *talks) touch(notes []flow.Note, near *[stepRows]*talk) {
	var sum uint64
	for i := range notes {
		p := uint(notes[i].Place())
		if p/talkChunk >= uint(len(t.chunks)) {
			continue
		}
		if c := t.chunks[p/talkChunk]; p%talkChunk < uint(len(c)) {
			near[i%stepRows] = &c[p%talkChunk]
			sum += c[p%talkChunk].id
		}
	}
	t.touched = sum
}

// deaf reports that a packet of the talk's flow says nothing that is still listened to: its
// flow has nothing more to say, or it has no payload and neither begins nor ends anything.
func (t *talk) deaf(s *packet.Summary) bool {
	return (t.state.Done() || s.PayloadLen == 0 && s.TCPFlags&(0x01|tcpSYN) == 0) && !isFragment(s)
}
