package postgres

import (
	"encoding/binary"
	"fmt"
	"net/netip"
	"strconv"
	"strings"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/packet"
	questions "github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/track"
)

// flowColumn is a column of the table flows. put appends the value as the binary COPY
// format has it, with its length in front; get reads its text form, which is never NULL.
type flowColumn struct {
	name, sqlType string
	put           func(dst []byte, f *questions.Flow) []byte
	get           func(f *questions.Flow, text string) error
}

// flowColumns are the table's columns behind capture, in their order: those of
// NNNNNN.flows.parquet. The times have their nanoseconds in a column of their own.
var flowColumns = func() []flowColumn {
	list := []flowColumn{
		numberColumn("flow", "bigint", func(f *questions.Flow) *uint64 { return &f.ID }),
		optionalColumn("stream", "bigint", func(f *questions.Flow) **uint32 { return &f.Stream }),
		textColumn("community_id", func(f *questions.Flow) *string { return &f.CommunityID }),
		numberColumn("proto", "smallint", func(f *questions.Flow) *uint8 { return &f.Proto }),
		addressColumn("client", func(f *questions.Flow) *netip.Addr { return &f.Client }),
		numberColumn("client_port", "integer", func(f *questions.Flow) *uint16 { return &f.ClientPort }),
		addressColumn("server", func(f *questions.Flow) *netip.Addr { return &f.Server }),
		numberColumn("server_port", "integer", func(f *questions.Flow) *uint16 { return &f.ServerPort }),
		addressColumn("outer_src", func(f *questions.Flow) *netip.Addr { return &f.OuterSrc }),
		addressColumn("outer_dst", func(f *questions.Flow) *netip.Addr { return &f.OuterDst }),
		optionalColumn("vlan", "integer", func(f *questions.Flow) **uint16 { return &f.VLAN }),
		numberColumn("first_packet", "bigint", func(f *questions.Flow) *uint64 { return &f.FirstPacket }),
		timeColumn("start", func(f *questions.Flow) int64 { return f.Start }),
		timeColumn("last", func(f *questions.Flow) int64 { return f.Last }),
		numberColumn("start_ns", "bigint", func(f *questions.Flow) *int64 { return &f.Start }),
		numberColumn("last_ns", "bigint", func(f *questions.Flow) *int64 { return &f.Last }),
		textColumn("ended", func(f *questions.Flow) *string { return &f.Ended }),
		boolColumn("resumed", func(f *questions.Flow) *bool { return &f.Resumed }),
		textColumn("direction", func(f *questions.Flow) *string { return &f.Direction }),
		textColumn("conn_state", func(f *questions.Flow) *string { return &f.ConnState }),
		textColumn("history", func(f *questions.Flow) *string { return &f.History }),
		numberColumn("initial_rtt", "bigint", func(f *questions.Flow) *int64 { return &f.InitialRTT }),
		textColumn("app", func(f *questions.Flow) *string { return &f.App }),
		boolColumn("encrypted", func(f *questions.Flow) *bool { return &f.Encrypted }),
		textColumn("name", func(f *questions.Flow) *string { return &f.Name }),
		textColumn("name_field", func(f *questions.Flow) *string { return &f.NameField }),
		textColumn("ja4", func(f *questions.Flow) *string { return &f.JA4 }),
		textColumn("host", func(f *questions.Flow) *string { return &f.Host }),
	}
	list = append(list, halfColumns("from_client_", func(f *questions.Flow) *questions.FlowHalf { return &f.FromClient })...)
	return append(list, halfColumns("from_server_", func(f *questions.Flow) *questions.FlowHalf { return &f.FromServer })...)
}()

func halfColumns(prefix string, half func(*questions.Flow) *questions.FlowHalf) []flowColumn {
	var list []flowColumn
	long := func(name string, of func(h *questions.FlowHalf) *uint64) {
		list = append(list, numberColumn(prefix+name, "bigint", func(f *questions.Flow) *uint64 { return of(half(f)) }))
	}
	short := func(name string, of func(h *questions.FlowHalf) *uint32) {
		list = append(list, numberColumn(prefix+name, "bigint", func(f *questions.Flow) *uint32 { return of(half(f)) }))
	}
	ns := func(name string, of func(h *questions.FlowHalf) *int64) {
		list = append(list, numberColumn(prefix+name, "bigint", func(f *questions.Flow) *int64 { return of(half(f)) }))
	}
	long("packets", func(h *questions.FlowHalf) *uint64 { return &h.Packets })
	long("bytes", func(h *questions.FlowHalf) *uint64 { return &h.Bytes })
	long("payload", func(h *questions.FlowHalf) *uint64 { return &h.Payload })
	long("retransmitted_bytes", func(h *questions.FlowHalf) *uint64 { return &h.RetransmittedBytes })
	short("retransmissions", func(h *questions.FlowHalf) *uint32 { return &h.Retransmissions })
	short("spurious_retransmissions", func(h *questions.FlowHalf) *uint32 { return &h.Spurious })
	short("out_of_order", func(h *questions.FlowHalf) *uint32 { return &h.OutOfOrder })
	short("lost_segments", func(h *questions.FlowHalf) *uint32 { return &h.Lost })
	short("duplicate_acks", func(h *questions.FlowHalf) *uint32 { return &h.DuplicateAcks })
	short("zero_windows", func(h *questions.FlowHalf) *uint32 { return &h.ZeroWindows })
	short("window_full", func(h *questions.FlowHalf) *uint32 { return &h.WindowFull })
	short("resets", func(h *questions.FlowHalf) *uint32 { return &h.Resets })
	short("rtt_count", func(h *questions.FlowHalf) *uint32 { return &h.RTTCount })
	ns("rtt_min", func(h *questions.FlowHalf) *int64 { return &h.RTTMin })
	ns("rtt_mean", func(h *questions.FlowHalf) *int64 { return &h.RTTMean })
	ns("rtt_p90", func(h *questions.FlowHalf) *int64 { return &h.RTT90 })
	ns("rtt_max", func(h *questions.FlowHalf) *int64 { return &h.RTTMax })
	return list
}

type whole interface {
	~uint8 | ~uint16 | ~uint32 | ~uint64 | ~int64
}

func appendNull(dst []byte) []byte { return append(dst, 0xff, 0xff, 0xff, 0xff) }

func appendBool(dst []byte, v bool) []byte {
	if v {
		return append(dst, 0, 0, 0, 1, 1)
	}
	return append(dst, 0, 0, 0, 1, 0)
}

// appendNumber appends a number for a column of an integer type.
func appendNumber(dst []byte, sqlType string, v int64) []byte {
	switch sqlType {
	case "smallint":
		return append(dst, 0, 0, 0, 2, byte(v>>8), byte(v))
	case "integer":
		return append(dst, 0, 0, 0, 4, byte(v>>24), byte(v>>16), byte(v>>8), byte(v))
	default:
		return appendInt8(dst, v)
	}
}

func numberColumn[T whole](name, sqlType string, at func(*questions.Flow) *T) flowColumn {
	return flowColumn{
		name: name, sqlType: sqlType,
		put: func(dst []byte, f *questions.Flow) []byte { return appendNumber(dst, sqlType, int64(*at(f))) },
		get: func(f *questions.Flow, text string) error {
			n, err := strconv.ParseInt(text, 10, 64)
			*at(f) = T(n)
			return err
		},
	}
}

func optionalColumn[T whole](name, sqlType string, at func(*questions.Flow) **T) flowColumn {
	return flowColumn{
		name: name, sqlType: sqlType,
		put: func(dst []byte, f *questions.Flow) []byte {
			if v := *at(f); v != nil {
				return appendNumber(dst, sqlType, int64(*v))
			}
			return appendNull(dst)
		},
		get: func(f *questions.Flow, text string) error {
			n, err := strconv.ParseInt(text, 10, 64)
			*at(f) = new(T(n))
			return err
		},
	}
}

// textColumn holds NULL for an empty text.
func textColumn(name string, at func(*questions.Flow) *string) flowColumn {
	return flowColumn{
		name: name, sqlType: "text",
		put: func(dst []byte, f *questions.Flow) []byte {
			s := *at(f)
			if s == "" {
				return appendNull(dst)
			}
			return append(binary.BigEndian.AppendUint32(dst, uint32(len(s))), s...)
		},
		get: func(f *questions.Flow, text string) error { *at(f) = text; return nil },
	}
}

func boolColumn(name string, at func(*questions.Flow) *bool) flowColumn {
	return flowColumn{
		name: name, sqlType: "boolean",
		put: func(dst []byte, f *questions.Flow) []byte { return appendBool(dst, *at(f)) },
		get: func(f *questions.Flow, text string) error { *at(f) = text == "t"; return nil },
	}
}

func addressColumn(name string, at func(*questions.Flow) *netip.Addr) flowColumn {
	return flowColumn{
		name: name, sqlType: "inet",
		put: func(dst []byte, f *questions.Flow) []byte {
			switch a := *at(f); {
			case !a.IsValid():
				return appendNull(dst)
			case a.Is4():
				return appendInet(dst, packet.AddrFrom4(a.As4()), 4, false)
			default:
				return appendInet(dst, packet.Addr(a.As16()), 6, false)
			}
		},
		get: func(f *questions.Flow, text string) (err error) {
			*at(f), err = netip.ParseAddr(text)
			return err
		},
	}
}

func timeColumn(name string, of func(*questions.Flow) int64) flowColumn {
	return flowColumn{
		name: name, sqlType: "timestamptz",
		put: func(dst []byte, f *questions.Flow) []byte { return appendInt8(dst, floorDiv(of(f), 1000)-epoch2000) },
		get: func(*questions.Flow, string) error { return nil },
	}
}

// flowTableSQL makes the table flows. The first packet stands in the key because flows are
// numbered anew when a capture is followed again whose beginning is gone.
func flowTableSQL() string {
	var b strings.Builder
	b.WriteString("CREATE TABLE IF NOT EXISTS %[1]sflows (capture integer NOT NULL")
	for _, c := range flowColumns {
		fmt.Fprintf(&b, ", %q %s", c.name, c.sqlType)
	}
	b.WriteString(", PRIMARY KEY (capture, first_packet, flow))")
	return b.String()
}

// flowOf makes the stored form of a flow. unicode tells whether the database takes any
// character.
func flowOf(c *track.Conversation, unicode bool) questions.Flow {
	f := c.Stored()
	if !unicode {
		f.Name, f.JA4, f.Host = ascii(f.Name), ascii(f.JA4), ascii(f.Host)
	}
	return f
}

// printable makes text of foreign bytes that every database takes.
func printable(b []byte, unicode bool) string {
	text := string(app.Printable(nil, b))
	if unicode {
		return text
	}
	return ascii(text)
}

func ascii(text string) string {
	return strings.Map(func(r rune) rune {
		if r >= 0x80 {
			return '?'
		}
		return r
	}, text)
}

// flowRow is a flow that waits to be stored.
type flowRow struct {
	first, flow uint64 // its key
	off         uint32 // in the list of rows
}

// flowRows are flows as rows of a COPY stream.
type flowRows struct {
	rows []byte
	list []flowRow
}

func (r *flowRows) add(f *questions.Flow, capture int32) {
	r.list = append(r.list, flowRow{first: f.FirstPacket, flow: f.ID, off: uint32(len(r.rows))})
	r.rows = binary.BigEndian.AppendUint16(r.rows, uint16(1+len(flowColumns)))
	r.rows = appendNumber(r.rows, "integer", int64(capture))
	for i := range flowColumns {
		r.rows = flowColumns[i].put(r.rows, f)
	}
}

// take takes over the rows of o.
func (r *flowRows) take(o *flowRows) {
	for _, f := range o.list {
		f.off += uint32(len(r.rows))
		r.list = append(r.list, f)
	}
	r.rows = append(r.rows, o.rows...)
	o.rows, o.list = o.rows[:0], o.list[:0]
}

// row returns the bytes of a row.
func (r *flowRows) row(i int) []byte {
	end := len(r.rows)
	if i+1 < len(r.list) {
		end = int(r.list[i+1].off)
	}
	return r.rows[r.list[i].off:end]
}
