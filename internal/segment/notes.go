package segment

// Caps on what a Reader keeps beside the packets.
const (
	maxNotes     = 1 << 12 // sections and statistics blocks, each
	maxNoteBytes = 8 << 20 // text of all interfaces, sections and statistics together
	noteOverhead = 16      // what a string takes besides its bytes
)

// Section is what a pcapng section header says about its making.
type Section struct {
	Hardware    string
	OS          string
	Application string
	Comments    []string
}

// Statistics is an interface statistics block: counters of one interface, and what is to
// be said about them.
type Statistics struct {
	Interface  uint32 // written: its number in the section; read: index into the Reader's Interfaces
	Time       int64  // when they were taken, nanoseconds since 1970
	Start, End int64  // of the capture, nanoseconds since 1970; 0: not said

	Fields    StatisticsFields // which of the following are said
	Received  uint64           // isb_ifrecv: packets that the interface received
	Dropped   uint64           // isb_ifdrop: lost for want of room, by the interface or the ring
	Accepted  uint64           // isb_filteraccept: passed the filter
	OSDropped uint64           // isb_osdrop: lost by the operating system
	Delivered uint64           // isb_usrdeliv: handed to the capturing program
	Comments  []string
}

// StatisticsFields are flags for the counters in [Statistics].
type StatisticsFields uint8

// Flags of Statistics, a bit for each counter.
const (
	HasReceived StatisticsFields = 1 << iota
	HasDropped
	HasAccepted
	HasOSDropped
	HasDelivered
)

// notes are the things that a Reader remembers of a pcapng file, within caps.
type notes struct {
	sections          []Section
	stats             []Statistics
	text              int // bytes kept
	textDropped       uint64
	statisticsDropped uint64
}

// keep returns s when there is room for it.
func (n *notes) keep(s string) string {
	if s == "" {
		return ""
	}
	if len(s)+noteOverhead > maxNoteBytes-n.text {
		n.textDropped += uint64(len(s))
		return ""
	}
	n.text += len(s) + noteOverhead
	return s
}

// face returns in without the strings for which there is no room.
func (n *notes) face(in Interface) Interface {
	for _, s := range []*string{&in.Name, &in.Description, &in.Filter, &in.OS, &in.Hardware} {
		*s = n.keep(*s)
	}
	comments := in.Comments[:0]
	for _, s := range in.Comments {
		if s = n.keep(s); s != "" {
			comments = append(comments, s)
		}
	}
	in.Comments = comments
	for i, a := range in.Addresses {
		if in.Addresses[i] = n.keep(a); in.Addresses[i] == "" {
			in.Addresses = append([]string(nil), in.Addresses[:i]...)
			break
		}
	}
	return in
}

func (n *notes) section(block []byte, big bool) {
	if len(n.sections) < maxNotes {
		n.sections = append(n.sections, n.parseSection(block, big))
	}
}

// parseSection reads a section header block of at least minSection bytes.
func (n *notes) parseSection(block []byte, big bool) Section {
	var s Section
	for o := block[24 : len(block)-4]; ; {
		code, value, rest, ok := nextOption(o, big)
		if !ok {
			return s
		}
		o = rest
		switch code {
		case optionComment:
			s.Comments = n.comment(s.Comments, value)
		case optionSectionHardware:
			s.Hardware = n.keep(text(value, maxText))
		case optionSectionOS:
			s.OS = n.keep(text(value, maxText))
		case optionSectionApplication:
			s.Application = n.keep(text(value, maxText))
		}
	}
}

func (n *notes) comment(to []string, value []byte) []string {
	if s := n.keep(text(value, maxOption)); s != "" {
		to = append(to, s)
	}
	return to
}

// statistics reads an interface statistics block of at least minStatistics bytes. The
// section's interfaces are faces[base:].
func (n *notes) statistics(block []byte, big bool, base int, faces []Interface) {
	number := u32(block[8:], big)
	if len(n.stats) == maxNotes || uint64(number) >= uint64(len(faces)-base) {
		n.statisticsDropped++
		return
	}
	number += uint32(base)
	resolution := faces[number].Resolution
	s := Statistics{Interface: number, Time: resolution.Time(stamp(block[12:], big))}
	for o := block[20 : len(block)-4]; ; {
		code, value, rest, ok := nextOption(o, big)
		if !ok {
			break
		}
		o = rest
		if code == optionComment {
			s.Comments = n.comment(s.Comments, value)
		}
		if len(value) != 8 {
			continue
		}
		switch code {
		case optionISBStart:
			s.Start = resolution.Time(stamp(value, big))
		case optionISBEnd:
			s.End = resolution.Time(stamp(value, big))
		case optionISBReceived:
			s.Received, s.Fields = u64(value, big), s.Fields|HasReceived
		case optionISBDropped:
			s.Dropped, s.Fields = u64(value, big), s.Fields|HasDropped
		case optionISBAccepted:
			s.Accepted, s.Fields = u64(value, big), s.Fields|HasAccepted
		case optionISBOSDropped:
			s.OSDropped, s.Fields = u64(value, big), s.Fields|HasOSDropped
		case optionISBDelivered:
			s.Delivered, s.Fields = u64(value, big), s.Fields|HasDelivered
		}
	}
	n.stats = append(n.stats, s)
}
