package analysis_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"math"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// flowLine is what tarrafa flows --json says of a flow, as far as it is compared.
type flowLine struct {
	Stream     int
	Protocol   string
	Client     string
	ClientPort int `json:"client_port"`
	Server     string
	ServerPort int `json:"server_port"`
	Start      time.Time
	Duration   int64    `json:"duration_ns"`
	FromClient flowSide `json:"from_client"`
	FromServer flowSide `json:"from_server"`
}

type flowSide struct{ Packets, Bytes int }

func flowLines(t *testing.T, file string) []flowLine {
	t.Helper()
	var list []flowLine
	dec := json.NewDecoder(bytes.NewReader(tarrafa(t, "flows", "--json", file)))
	for dec.More() {
		var f flowLine
		if err := dec.Decode(&f); err != nil {
			t.Fatal(err)
		}
		list = append(list, f)
	}
	return list
}

// streamsWithoutFlow are the conversations that tshark numbers and that are no flows: the
// UDP headers of tunnels have a number, and what they carry is the flow.
var streamsWithoutFlow = map[string]int{
	"arkime__gtp-iphone.pcap udp": 2, // GTP
	"zeek__Teredo.pcap udp":       2, // Teredo
	"zeek__vxlan.pcap udp":        2, // VXLAN
}

// talk is a line of tshark's conv,tcp: what went from one side to the other and back.
type talk struct {
	a, b   string
	frames [2]int    // from b to a, from a to b
	bytes  [2]string // as they stand there: exact below ten thousand
	start  float64   // seconds from the first frame of the capture
	lasted float64   // seconds, rounded to four digits
}

var talkLine = regexp.MustCompile(`^(\S+)\s+<-> (\S+)\s+(\d+) (\d+ \w+)\s+(\d+) (\d+ \w+)\s+\d+ \d+ \w+\s+(-?[\d.]+)\s+([\d.]+)\s*$`)

// tsharkTalks gives the conversations by kind, tcp and udp.
func tsharkTalks(t *testing.T, file string) map[string][]talk {
	t.Helper()
	list := map[string][]talk{}
	kind := ""
	for line := range strings.Lines(string(run(t, "tshark", "-n", "-q", "-r", file, "-z", "conv,tcp", "-z", "conv,udp"))) {
		if name, ok := strings.CutSuffix(line, " Conversations\n"); ok {
			kind = strings.ToLower(name)
			continue
		}
		m := talkLine.FindStringSubmatch(strings.TrimRight(line, "\n"))
		if m == nil {
			if strings.Contains(line, "<->") {
				t.Fatalf("%s: %q", file, line)
			}
			continue
		}
		c := talk{a: m[1], b: m[2], bytes: [2]string{m[4], m[6]}}
		var errs [4]error
		c.frames[0], errs[0] = strconv.Atoi(m[3])
		c.frames[1], errs[1] = strconv.Atoi(m[5])
		c.start, errs[2] = strconv.ParseFloat(m[7], 64)
		c.lasted, errs[3] = strconv.ParseFloat(m[8], 64)
		for _, err := range errs {
			if err != nil {
				t.Fatalf("%s: %q: %v", file, line, err)
			}
		}
		list[kind] = append(list[kind], c)
	}
	return list
}

// numbered gives the time of the first packet and how many streams tshark numbers, by kind.
func numbered(t *testing.T, file string) (first time.Time, count map[string]int) {
	t.Helper()
	seen := map[string]bool{}
	count = map[string]int{}
	for _, row := range rows(run(t, "tshark", "-n", "-r", file, "-T", "fields", "-e", "frame.time_epoch", "-e", "tcp.stream", "-e", "udp.stream")) {
		if first.IsZero() {
			seconds, fraction, _ := strings.Cut(row[0], ".")
			sec, err := strconv.ParseInt(seconds, 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			nano, err := strconv.ParseInt((fraction + "000000000")[:9], 10, 64)
			if err != nil {
				t.Fatal(err)
			}
			first = time.Unix(sec, nano)
		}
		for i, kind := range []string{"tcp", "udp"} {
			for n := range strings.SplitSeq(row[i+1], ",") {
				if name := kind + n; n != "" && !seen[name] {
					seen[name] = true
					count[kind]++
				}
			}
		}
	}
	return first, count
}

// sameBytes compares with tshark's rounded numbers: 9999 bytes, 10 kB.
func sameBytes(n int, text string) bool {
	number, unit, _ := strings.Cut(text, " ")
	v, err := strconv.Atoi(number)
	if err != nil {
		return false
	}
	switch unit {
	case "bytes":
		return n == v
	case "kB":
		return n/1000 == v
	case "MB":
		return n/1_000_000 == v
	}
	return false
}

// Every stream of tshark's is one flow, and its frames, bytes, start and duration are those
// of tshark's conversation.
func TestFlowsAreTSharksConversations(t *testing.T) {
	needs(t)
	compared := 0
	for _, file := range files {
		name := filepath.Base(file)
		zero, count := numbered(t, file)
		talks := tsharkTalks(t, file)
		flows := flowLines(t, file)
		for _, kind := range []string{"tcp", "udp"} {
			n := 0
			for i := range flows {
				if flows[i].Protocol == kind {
					n++
				}
			}
			if want := count[kind] - streamsWithoutFlow[name+" "+kind]; n != want {
				t.Errorf("%s: %d %s flows, want %d", name, n, kind, want)
			}
			if streamsWithoutFlow[name+" "+kind] > 0 {
				continue // tshark counts the tunnel's packets for both
			}
			compared += n
			left := map[string][]talk{}
			for _, c := range talks[kind] {
				left[c.a+" "+c.b] = append(left[c.a+" "+c.b], c)
			}
			for i := range flows {
				if f := &flows[i]; f.Protocol == kind && !f.in(left, zero) {
					t.Errorf("%s: %s stream %d: start %v, %v, %+v %+v", name, kind, f.Stream, f.Start.Sub(zero), time.Duration(f.Duration), f.FromClient, f.FromServer)
				}
			}
			for _, list := range left {
				if len(list) > 0 {
					t.Errorf("%s: %s: no flow for %+v", name, kind, list)
				}
			}
		}
	}
	t.Logf("%d flows", compared)
	if compared < 700 {
		t.Errorf("only %d flows", compared)
	}
}

// in takes the flow's conversation out of those that are left, by its endpoints.
func (f *flowLine) in(left map[string][]talk, zero time.Time) bool {
	client, server := fmt.Sprintf("%s:%d", f.Client, f.ClientPort), fmt.Sprintf("%s:%d", f.Server, f.ServerPort)
	for _, way := range []struct {
		key  string
		sent [2]flowSide
	}{
		{client + " " + server, [2]flowSide{f.FromServer, f.FromClient}},
		{server + " " + client, [2]flowSide{f.FromClient, f.FromServer}},
	} {
		for i, c := range left[way.key] {
			if c.frames == [2]int{way.sent[0].Packets, way.sent[1].Packets} &&
				sameBytes(way.sent[0].Bytes, c.bytes[0]) && sameBytes(way.sent[1].Bytes, c.bytes[1]) &&
				math.Abs(f.Start.Sub(zero).Seconds()-c.start) < 1e-8 && math.Abs(float64(f.Duration)/1e9-c.lasted) < 1e-4 {
				left[way.key] = slices.Delete(left[way.key], i, i+1)
				return true
			}
		}
	}
	return false
}
