package track

import (
	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// shows says whether a packet carries its flow's application as tshark shows it: where a
// message ends, not in the segments between, nor in those that are sent again. o is what
// the recogniser made of the payload.
func (a *Analysis) shows(s *packet.Summary, n *flow.Note, p app.Protocol, o app.Outcome) bool {
	if s.Inner.Proto != packet.ProtoTCP {
		return true
	}
	if p != app.HTTP && p != app.DNS {
		return inTurn(n.Flags)
	}
	switch o {
	case app.OutcomePartial, app.OutcomeSkipped:
		return false
	case app.OutcomeFields:
		for _, f := range a.recognizer.Fields() {
			if !f.Early {
				return true
			}
		}
		return false
	}
	return true
}

// mute says the same of a packet of a flow that the recogniser listens to no more.
func (a *Analysis) mute(b *Batch, i int, t *talk) bool {
	s, n := &b.Rows[i], &b.Notes[i]
	p := t.state.Protocol()
	if s.PayloadLen == 0 || p != app.TLS || a.records == nil || s.Inner.Proto != packet.ProtoTCP {
		return s.PayloadLen > 0 && p != app.HTTP && inTurn(n.Flags)
	}
	d := 1
	if n.FromClient {
		d = 0
	}
	data, _ := a.payloads.Of(b, i)
	return a.recordEnds(t.id, d, data, piece{s.Seq, s.PayloadLen, orderOf(n.Flags), false})
}

// inTurn says that tshark has a segment with such verdicts read by the application's
// dissector: not one that is sent again, unless fast, nor one out of order.
func inTurn(flags flow.Analysis) bool {
	o := orderOf(flags)
	return o == app.InOrder || o == app.FastResent
}
