package flow

import (
	"fmt"
	"maps"
	"strconv"
	"strings"
	"time"
)

// Arg is one named value of a finding's sentence, already written out.
type Arg struct{ Name, Value string }

// Key returns the key of the finding's sentence for a translation table. A translation is
// a text with the names of Args in braces.
func (f *Finding) Key() string {
	switch f.Kind {
	case FindReset:
		who, when := "client", "established"
		if f.Numbers[0] == 1 {
			who = "server"
		}
		switch f.Numbers[1] {
		case resetHandshake:
			when = "handshake"
		case resetClosing:
			when = "closing"
		case resetUnknown:
			when = "unknown"
		}
		return "finding.reset." + who + "." + when
	default:
		return "finding." + f.Kind.String()
	}
}

// sentences are the English texts by key.
var sentences = map[string]string{
	"finding.retransmissions":          "{src} repeated {count} of its {packets} packets to {dst} ({share}).",
	"finding.loss":                     "Segments of {src} to {dst} were missing in {count} places, and came later in {late}: lost or delayed on the way then, else perhaps lost by the capture.",
	"finding.stall":                    "{src} closed its receive window, for {longest} at most and {total} in all (stalls: {count}), so that {dst} could not send.",
	"finding.reset.client.handshake":   "Connections to {dst} that the client reset before they were established: {count}.",
	"finding.reset.server.handshake":   "Connections to {dst} that the server reset before they were established: {count}.",
	"finding.reset.client.established": "Established connections to {dst} that the client reset: {count}, after {bytes} bytes.",
	"finding.reset.server.established": "Established connections to {dst} that the server reset: {count}, after {bytes} bytes.",
	"finding.reset.client.closing":     "Connections to {dst} that the client reset while they were closing: {count}.",
	"finding.reset.server.closing":     "Connections to {dst} that the server reset while they were closing: {count}.",
	"finding.reset.server.unknown":     "Segments to {dst} of connections that it does not know, which it answered with a reset: {count}.",
	"finding.refused":                  "Connections that {dst} refused: {count}.",
	"finding.half_open":                "Connections to {dst} that were never established: {count} (answered, but not completed: {unfinished}).",
	"finding.port_scan":                "{src} tried about {ports} ports of about {hosts} hosts in {count} attempts; connections that came about: {answered}.",
	"finding.sweep":                    "{src} tried about {hosts} hosts on about {ports} ports in {count} attempts; connections that came about: {answered}.",
	"finding.syn_flood":                "{dst} got {count} SYNs from about {sources} hosts in {time}; {completed} connections were completed.",
	"finding.silent":                   "Connections to {dst} that were opened and closed without any data: {count}.",
	"finding.rtt_jump":                 "The round trip time to {src} rose from {mean} to {longest}.",
	"finding.heartbeat":                "{src} sent the same {bytes} bytes to {dst} {count} times, every {period}.",
	"finding.duplicate_payloads":       "{src} sent the same {bytes} bytes to {dst} {count} times.",
	"finding.out_of_state":             "{src} sent {count} segments that fit no connection: {flags} with impossible flags, {closed} with data after its FIN.",
	"finding.rst_injection":            "{src} went on sending to {dst} {time} after a reset in its name: somebody else may have sent the reset.",
	"finding.beacon":                   "{src} connected to {dst} {count} times, every {period} (deviation {spread}).",
	"finding.dns_tunnel":               "{src} asked for {count} different names under {domain}, {length} characters long on average: data may be hidden in them.",
}

// Sentences returns the English texts by key, for those who translate them.
func Sentences() map[string]string { return maps.Clone(sentences) }

// Sentence returns the finding as an English sentence.
func (f *Finding) Sentence() string { return f.Translate(sentences[f.Key()]) }

// Translate fills a text with the finding's values: each name of Args in braces is
// replaced. Values are never looked into for names.
func (f *Finding) Translate(text string) string {
	pairs := make([]string, 0, 16)
	for _, a := range f.Args() {
		pairs = append(pairs, "{"+a.Name+"}", a.Value)
	}
	return strings.NewReplacer(pairs...).Replace(text)
}

// Args returns the values of the sentence: src and dst are addresses with port, times have
// units, shares are percentages.
func (f *Finding) Args() []Arg {
	t := &f.Tuple
	args := []Arg{
		{"src", f.endpoint(t.Src.AppendTo(nil, t.Version), t.SrcPort)},
		{"dst", f.endpoint(t.Dst.AppendTo(nil, t.Version), t.DstPort)},
		{"count", strconv.FormatUint(f.Count, 10)},
	}
	add := func(name, value string) { args = append(args, Arg{name, value}) }
	n := func(i int) string { return strconv.FormatFloat(f.Numbers[i], 'f', -1, 64) }
	switch f.Kind {
	case FindRetransmissions:
		add("share", percent(f.Numbers[0]))
		add("packets", n(1))
		add("bytes", n(2))
	case FindLoss:
		add("packets", n(0))
		add("late", n(1))
	case FindStall:
		add("longest", period(f.Numbers[0]))
		add("total", period(f.Numbers[1]))
	case FindReset:
		add("bytes", n(2))
	case FindHalfOpen:
		add("unfinished", n(0))
	case FindPortScan, FindSweep:
		add("ports", n(0))
		add("hosts", n(1))
		add("answered", n(2))
	case FindFlood:
		add("sources", n(0))
		add("completed", n(1))
		add("time", period(f.Numbers[2]))
	case FindRTTJump:
		add("mean", period(f.Numbers[0]))
		add("longest", period(f.Numbers[1]))
	case FindHeartbeat, FindDuplicates:
		add("bytes", n(0))
		add("period", period(f.Numbers[1]))
		add("spread", percent(f.Numbers[2]))
	case FindOutOfState:
		add("flags", n(misfitFlags))
		add("closed", n(misfitClosed))
	case FindInjection:
		add("time", period(f.Numbers[0]))
	case FindBeacon:
		add("period", period(f.Numbers[0]))
		add("spread", percent(f.Numbers[1]))
	case FindDNSTunnel:
		add("domain", printable(f.Text[:f.TextLen]))
		add("length", fmt.Sprintf("%.0f", f.Numbers[0]))
		add("entropy", fmt.Sprintf("%.1f", f.Numbers[1]))
	}
	return args
}

func (f *Finding) endpoint(host []byte, port uint16) string {
	if port == 0 {
		return string(host)
	}
	if f.Tuple.Version == 6 {
		return "[" + string(host) + "]:" + strconv.Itoa(int(port))
	}
	return string(host) + ":" + strconv.Itoa(int(port))
}

func percent(share float64) string { return fmt.Sprintf("%.1f %%", 100*share) }

// period writes seconds with three digits and a unit.
func period(s float64) string {
	d := time.Duration(s * 1e9)
	switch {
	case d >= 100*time.Second:
		d = d.Round(time.Second)
	case d >= time.Second:
		d = d.Round(10 * time.Millisecond)
	case d >= time.Millisecond:
		d = d.Round(10 * time.Microsecond)
	}
	return d.String()
}

// printable makes foreign bytes harmless: what is not printable ASCII becomes a dot.
func printable(b []byte) string {
	out := make([]byte, len(b))
	for i, c := range b {
		if c < 0x21 || c > 0x7e {
			c = '.'
		}
		out[i] = c
	}
	return string(out)
}
