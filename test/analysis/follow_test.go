package analysis_test

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// followed is what tshark's follow prints of a stream: what it delivers, in order, and
// whether something was missing.
type followed struct {
	all   []byte
	sides [2][]byte // of node 0, of node 1
	gap   bool
}

func tsharkFollow(t *testing.T, file, kind string, count int) []followed {
	t.Helper()
	list := make([]followed, count)
	const most = 200 // streams of one run
	for from := 0; from < count; from += most {
		args := []string{"-n", "-q", "-r", file}
		for i := from; i < min(from+most, count); i++ {
			args = append(args, "-z", fmt.Sprintf("follow,%s,raw,%d", kind, i))
		}
		sc := bufio.NewScanner(bytes.NewReader(run(t, "tshark", args...)))
		sc.Buffer(nil, 64<<20)
		var f *followed
		for sc.Scan() {
			line := sc.Text()
			if number, ok := strings.CutPrefix(line, "Filter: "+kind+".stream eq "); ok {
				n, err := strconv.Atoi(number)
				if err != nil {
					t.Fatal(err)
				}
				f = &list[n]
				continue
			}
			if f == nil || line == "" || strings.HasPrefix(line, "=") || strings.HasPrefix(line, "Node") || strings.HasPrefix(line, "Follow") {
				continue
			}
			text := strings.TrimPrefix(line, "\t")
			data, err := hex.DecodeString(text)
			if err != nil {
				t.Fatalf("%q: %v", line, err)
			}
			if bytes.Contains(data, []byte(" bytes missing in capture file]")) {
				f.gap = true
				continue
			}
			side := 0
			if text != line {
				side = 1
			}
			f.all = append(f.all, data...)
			f.sides[side] = append(f.sides[side], data...)
		}
	}
	return list
}

// streams counts the streams of a capture.
func streams(t *testing.T, file, kind string) int {
	t.Helper()
	count := 0
	for _, r := range rows(run(t, "tshark", "-n", "-r", file, "-T", "fields", "-E", "occurrence=l", "-e", kind+".stream")) {
		if n, err := strconv.Atoi(r[0]); err == nil {
			count = max(count, n+1)
		}
	}
	return count
}

// The captures with UDP in UDP: there tshark's follow prints the payload of all headers.
var tunnels = []string{"arkime__gtp-iphone", "zeek__Teredo"}

func tunnelled(file string) bool {
	return slices.ContainsFunc(tunnels, func(name string) bool { return strings.HasPrefix(filepath.Base(file), name) })
}

// Every stream without loss, byte for byte; of those with a loss all but the remark.
func TestFollowRawIsTSharks(t *testing.T) {
	needs(t)
	const most = 60 // streams of one capture: each is a run of the program
	compared, gaps, total := 0, 0, 0
	for _, file := range files {
		for _, kind := range []string{"tcp", "udp"} {
			if kind == "udp" && tunnelled(file) {
				continue
			}
			count := min(streams(t, file, kind), most)
			for n, theirs := range tsharkFollow(t, file, kind, count) {
				args := []string{"follow", "--stream", strconv.Itoa(n), "--as", "raw", file}
				if kind == "udp" {
					args = append(args, "--udp")
				}
				ours := tarrafa(t, args...)
				compared++
				total += len(ours)
				if theirs.gap {
					gaps++
				}
				if !bytes.Equal(ours, theirs.all) {
					t.Errorf("%s %s stream %d: %d bytes, tshark %d (gap %v)", filepath.Base(file), kind, n, len(ours), len(theirs.all), theirs.gap)
				}
			}
		}
	}
	t.Logf("%d streams, %d with a gap, %d bytes", compared, gaps, total)
	if compared < 300 {
		t.Errorf("only %d streams", compared)
	}
}

func TestFollowJSON(t *testing.T) {
	needs(t)
	for _, file := range files {
		count := min(streams(t, file, "tcp"), 5)
		for n, theirs := range tsharkFollow(t, file, "tcp", count) {
			var got struct {
				Stream         int
				Client, Server string
				Segments       []struct {
					Dir, Time string
					Data      string `json:"data_hex"`
					Gap       uint32
				}
			}
			dec := json.NewDecoder(bytes.NewReader(tarrafa(t, "follow", "--stream", strconv.Itoa(n), "--as", "json", file)))
			dec.DisallowUnknownFields()
			if err := dec.Decode(&got); err != nil {
				t.Fatalf("%s stream %d: %v", filepath.Base(file), n, err)
			}
			sides := map[string][]byte{}
			gap := false
			for _, s := range got.Segments {
				data, err := hex.DecodeString(s.Data)
				if err != nil || (len(data) == 0) != (s.Gap > 0) {
					t.Fatalf("%s stream %d: segment %+v", filepath.Base(file), n, s)
				}
				gap = gap || s.Gap > 0
				sides[s.Dir] = append(sides[s.Dir], data...)
			}
			if got.Stream != n || got.Client == "" || got.Server == "" || len(sides) > 2 {
				t.Errorf("%s: %+v", filepath.Base(file), got)
			}
			a, b := theirs.sides[0], theirs.sides[1]
			same := bytes.Equal(sides["client"], a) && bytes.Equal(sides["server"], b) ||
				bytes.Equal(sides["client"], b) && bytes.Equal(sides["server"], a)
			if !same && !gap {
				t.Errorf("%s stream %d: %d and %d bytes, tshark %d and %d", filepath.Base(file), n,
					len(sides["client"]), len(sides["server"]), len(a), len(b))
			}
		}
	}
}
