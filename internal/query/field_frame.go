package query

// frameFields are the fields of the packet as a whole.
var frameFields = []Field{
	{Name: "frame.number", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: r.Packet.Number})
	}},
	{Name: "frame.time", Type: TypeTime, get: frameTime},
	{Name: "frame.time_epoch", Type: TypeDuration, get: frameTime},
	{Name: "frame.time_delta", Type: TypeDuration, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: uint64(r.Packet.Time - r.Previous)})
	}},
	{Name: "frame.time_delta_displayed", Type: TypeDuration, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: uint64(r.Packet.Time - r.PreviousShown)})
	}},
	{Name: "frame.time_relative", Type: TypeDuration, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: uint64(r.Packet.Time - r.First)})
	}},
	{Name: "frame.len", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: uint64(r.Packet.WireLen)})
	}},
	{Name: "frame.cap_len", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		return append(dst, Value{Num: uint64(len(r.Packet.Data))})
	}},
	{Name: "frame.interface_id", Type: TypeUint, get: func(r *Row, dst []Value) []Value {
		if !r.HasInterface {
			return dst
		}
		return append(dst, Value{Num: uint64(r.Packet.Interface)})
	}},
	{Name: "frame.interface_name", Type: TypeText, get: func(r *Row, dst []Value) []Value {
		switch {
		case r.InterfaceName != "":
			return append(dst, Value{Text: r.InterfaceName})
		case r.HasInterface:
			return append(dst, Value{Text: "unknown"}) // as tshark says
		}
		return dst
	}},
}

func frameTime(r *Row, dst []Value) []Value {
	return append(dst, Value{Num: uint64(r.Packet.Time)})
}
