package index

import (
	"errors"
	"fmt"
	"net/netip"
	"os"

	"github.com/tarrafa/tarrafa/internal/archive"
)

func specOf(kind string, c Column) *spec {
	if kind == "seconds" {
		return &secondSpecs[c]
	}
	return &addressSpecs[c]
}

// ErrNoCounts says that a segment has no complete counts of the kind asked for: its times
// or its addresses are too many.
var ErrNoCounts = errors.New("the segment has no such counts")

// Second is the traffic of one second, IP version and protocol.
type Second struct {
	Time           int64 // start of the second, nanoseconds since 1970
	Version        uint8 // of the outermost IP header; 0: none
	Proto          uint8
	Packets, Bytes uint64
}

// AddressCount is the traffic of one address.
type AddressCount struct {
	Address netip.Addr
	Src     Traffic // as the source of the outermost IP header
	Dst     Traffic
	AnySrc  Traffic // of any IP header, once a packet
	AnyDst  Traffic
	Any     Traffic
}

// Traffic is a number of packets and their bytes on the wire.
type Traffic struct{ Packets, Bytes uint64 }

// Seconds returns the segment's counts by second, sorted by time.
func (l *Loader) Seconds(root *os.Root, capture string, seg *archive.SegmentInfo) ([]Second, error) {
	f, err := openCounts(root, SecondsName(seg.Number), "seconds", secondSpecs, capture, seg)
	if err != nil {
		return nil, err
	}
	if !f.Info.Seconds {
		return nil, ErrNoCounts
	}
	var all []Second
	var v [5]Values
	for g := range f.Groups {
		for c := range v {
			if err := l.Load(f, g, Column(c), &v[c]); err != nil {
				return nil, err
			}
		}
		for i := range int(f.Groups[g].Rows) {
			all = append(all, Second{
				Time: v[secTime].Large[i], Version: uint8(v[secVersion].number(i)), Proto: uint8(v[secProto].number(i)),
				Packets: uint64(v[secPackets].Large[i]), Bytes: uint64(v[secBytes].Large[i]),
			})
		}
	}
	return all, nil
}

// number returns a row's value of an INT32 column.
func (v *Values) number(row int) int32 {
	if len(v.Numbers) > 0 {
		return v.Numbers[v.Small[row]]
	}
	return v.Small[row]
}

// Addresses hands each address of the segment with its counts to f.
func (l *Loader) Addresses(root *os.Root, capture string, seg *archive.SegmentInfo, any bool, add func(*AddressCount)) error {
	f, err := openCounts(root, AddressesName(seg.Number), "addresses", addressSpecs, capture, seg)
	if err != nil {
		return err
	}
	if !f.Info.Addresses || any && !f.Info.AnyAddress {
		return ErrNoCounts
	}
	v := make([]Values, len(addressSpecs))
	for g := range f.Groups {
		for c := range v {
			if err := l.Load(f, g, Column(c), &v[c]); err != nil {
				return err
			}
		}
		for i := range int(f.Groups[g].Rows) {
			a, err := netip.ParseAddr(v[adrAddress].Words[v[adrAddress].Small[i]])
			if err != nil {
				return &DamageError{f.name, "a word that is no address"}
			}
			at := func(r role) Traffic {
				c := adrCounts + Column(2*r)
				return Traffic{uint64(v[c].Large[i]), uint64(v[c+1].Large[i])}
			}
			add(&AddressCount{Address: a, Src: at(outerSrc), Dst: at(outerDst), AnySrc: at(anySrc), AnyDst: at(anyDst), Any: at(anyAddr)})
		}
	}
	return nil
}

func openCounts(root *os.Root, name, kind string, specs []spec, capture string, seg *archive.SegmentInfo) (*File, error) {
	f, err := openFile(root, name, kind, specNames(specs))
	if err != nil {
		return nil, err
	}
	if i := &f.Info; i.Segment != seg.Number || i.First != seg.First || i.Packets != seg.Packets || capture != "" && i.Capture != capture {
		return nil, &StaleError{name, fmt.Sprintf("it is of segment %d of capture %s", i.Segment, i.Capture)}
	}
	return f, nil
}
