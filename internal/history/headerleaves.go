package history

import (
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/packet"
)

// tcp evaluates a condition on a number of the TCP header.
func (c *columns) tcp(ask asker, col index.Column, v []uint8) (flat bool, err error) {
	if !c.has(index.TCPFlags) {
		c.constant(v, no, c.fragments)
		return c.fragments == nil, nil
	}
	values, err := c.get(col)
	if err != nil {
		return false, err
	}
	s := summaryOf(4, packet.ProtoTCP)
	at := func(n int32) uint8 {
		s.TCPFlags, s.Window = uint16(n), uint16(n)
		s.Seq, s.Ack, s.PayloadLen = uint32(n), uint32(n), uint32(n)
		return answers[ask(&s)]
	}
	if len(values.Numbers) > 0 {
		table := make([]uint8, len(values.Numbers))
		for i, n := range values.Numbers {
			table[i] = at(n)
		}
		for i, n := range values.Small[:len(v)] {
			v[i] = table[n]
		}
	} else {
		for i, n := range values.Small[:len(v)] {
			v[i] = at(n)
		}
	}
	flags := values
	if col != index.TCPFlags {
		if flags, err = c.get(index.TCPFlags); err != nil {
			return false, err
		}
	}
	absent(v, flags.There)
	veil(v, c.fragments)
	return false, nil
}

// numbers evaluates a condition on a number of the IP header.
func (c *columns) numbers(ask asker, col, inner index.Column, v []uint8, set func(*packet.Summary, int32)) error {
	one := func(col index.Column, v []uint8) error {
		values, err := c.get(col)
		if err != nil {
			return err
		}
		if len(values.Numbers) == 0 {
			c.constant(v, no, nil)
			return nil
		}
		table := make([]uint8, len(values.Numbers))
		for i, n := range values.Numbers {
			s := summaryOf(0, packet.ProtoTCP)
			set(&s, n)
			s.Inner = s.Outer
			table[i] = answers[ask(&s)]
		}
		for i, n := range values.Small[:len(v)] {
			v[i] = table[n]
		}
		absent(v, values.There)
		return nil
	}
	if err := one(col, v); err != nil {
		return err
	}
	if c.has(inner) {
		o := c.vector()
		defer c.give()
		if err := one(inner, o); err != nil {
			return err
		}
		for i := range v {
			v[i] = max(v[i], o[i])
		}
	}
	veil(v, c.unsettled)
	return nil
}

// protocol tells where there is a header of TCP or UDP.
func (c *columns) protocol(proto uint8, v []uint8) error {
	one := func(port, col index.Column, v []uint8) error {
		if !c.has(port) {
			c.constant(v, no, nil)
			return nil
		}
		p, err := c.get(port)
		if err != nil {
			return err
		}
		values, err := c.get(col)
		if err != nil {
			return err
		}
		for i, n := range values.Small[:len(v)] {
			v[i] = no
			if uint8(values.Numbers[n]) == proto {
				v[i] = yes
			}
		}
		absent(v, p.There)
		return nil
	}
	if err := one(index.SrcPort, index.Proto, v); err != nil {
		return err
	}
	if c.has(index.InnerSrcPort) {
		o := c.vector()
		defer c.give()
		if err := one(index.InnerSrcPort, index.InnerProto, o); err != nil {
			return err
		}
		for i := range v {
			v[i] = max(v[i], o[i])
		}
	}
	veil(v, c.fragments)
	return nil
}

func (c *columns) direction(ask asker, v []uint8) error {
	values, err := c.get(index.Direction)
	if err != nil {
		return err
	}
	table := make([]uint8, len(values.Words))
	for i, word := range values.Words {
		s := summaryOf(4, packet.ProtoTCP)
		for d := packet.DirectionUnknown; d <= packet.DirectionSent; d++ {
			if d.String() == word {
				s.Direction = d
			}
		}
		table[i] = answers[ask(&s)]
	}
	for i, n := range values.Small[:len(v)] {
		v[i] = table[n]
	}
	return nil
}
