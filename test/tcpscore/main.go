// Command tcpscore compares the TCP analysis of internal/flow with tshark's, frame by
// frame and verdict by verdict, over capture files or folders of them.
//
//	go run ./test/tcpscore [-v N] [-below SHARE] FILE|FOLDER…
//	go run ./test/tcpscore -follow FILE|FOLDER…
//
// With -follow it compares the reassembled conversations, byte for byte.
//
// It exits with 1 when the agreement of any verdict is below -below.
package main

import (
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"sort"
	"strings"
)

func main() {
	verbose := flag.Int("v", 5, "disagreements to print per capture and field")
	below := flag.Float64("below", 0.999, "fail when a verdict agrees on fewer than this share of the frames")
	follow := flag.Bool("follow", false, "compare reassembled conversations instead")
	flag.Parse()
	files, err := captures(flag.Args())
	if err != nil || len(files) == 0 {
		fmt.Fprintln(os.Stderr, "tcpscore: no captures:", err)
		os.Exit(1)
	}
	if *follow {
		os.Exit(followMain(files, *verbose))
	}
	var total score
	for _, f := range files {
		s, err := compare(f)
		if err != nil {
			fmt.Fprintf(os.Stderr, "tcpscore: %s: %v\n", f, err)
			os.Exit(1)
		}
		s.report(os.Stdout, filepath.Base(f), *verbose)
		total.add(s)
	}
	total.summary(os.Stdout)
	if total.worst() < *below {
		os.Exit(1)
	}
}

// followMain compares the conversations of files and returns the exit code.
func followMain(files []string, verbose int) int {
	code := 0
	for _, kind := range []struct {
		name  string
		proto uint8
	}{{"tcp", 6}, {"udp", 17}} {
		var all followScore
		for _, f := range files {
			s, err := compareFollow(f, kind.name, kind.proto)
			if err != nil {
				fmt.Fprintf(os.Stderr, "tcpscore: %s: %v\n", f, err)
				return 1
			}
			all.streams += s.streams
			all.equal += s.equal
			all.bytes += s.bytes
			all.gaps += s.gaps
			for i, line := range s.list {
				code = 1
				if i < verbose {
					fmt.Printf("%s: %s\n", filepath.Base(f), line)
				}
			}
		}
		fmt.Printf("%s: %d conversations, %d equal, %d bytes, %d gaps\n", kind.name, all.streams, all.equal, all.bytes, all.gaps)
	}
	return code
}

// captures lists the capture files among paths and directly inside the folders among them.
func captures(paths []string) ([]string, error) {
	var out []string
	for _, p := range paths {
		entries, err := os.ReadDir(p)
		if err != nil {
			out = append(out, p)
			continue
		}
		for _, e := range entries {
			name := e.Name()
			for _, suffix := range []string{".pcap", ".pcapng", ".snoop", ".trace", ".cap", ".pcap.gz"} {
				if strings.HasSuffix(name, suffix) {
					out = append(out, filepath.Join(p, name))
					break
				}
			}
		}
	}
	for _, p := range out {
		if _, err := os.Stat(p); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// difference is one value on which the two disagree.
type difference struct {
	frame     uint64
	field     string
	ours      string
	tshark    string
	situation string
}

// score counts the agreement over one or more captures.
type score struct {
	captures int
	frames   int            // TCP frames compared
	clean    int            // of these: every verdict agrees
	set      map[string]int // by field: frames where either side has it
	wrong    map[string]int // by field: frames where they differ
	missing  int            // TCP frames of tshark's that we have no stream for
	list     []difference
}

func (s *score) add(o *score) {
	s.captures += o.captures
	s.frames += o.frames
	s.clean += o.clean
	s.missing += o.missing
	if s.set == nil {
		s.set, s.wrong = map[string]int{}, map[string]int{}
	}
	for k, v := range o.set {
		s.set[k] += v
	}
	for k, v := range o.wrong {
		s.wrong[k] += v
	}
}

// agreement is the share of frames on which a field agrees.
func (s *score) agreement(field string) float64 {
	if s.frames == 0 {
		return 1
	}
	return 1 - float64(s.wrong[field])/float64(s.frames)
}

// worst returns the lowest agreement among the verdicts and tcp.stream.
func (s *score) worst() float64 {
	w := 1.0
	for _, f := range verdictFields() {
		w = min(w, s.agreement(f))
	}
	return w
}

func (s *score) report(w io.Writer, name string, verbose int) {
	if len(s.wrong) == 0 {
		return
	}
	fmt.Fprintf(w, "%s: %d frames, %d with a difference in a verdict\n", name, s.frames, s.frames-s.clean)
	shown := map[string]int{}
	for _, d := range s.list {
		if shown[d.field]++; shown[d.field] <= verbose {
			fmt.Fprintf(w, "  frame %d %s: ours %s, tshark %s (%s)\n", d.frame, d.field, d.ours, d.tshark, d.situation)
		}
	}
}

func (s *score) summary(w io.Writer) {
	fmt.Fprintf(w, "\n%-26s %10s %10s %12s\n", "field", "present", "different", "agreement")
	names := verdictFields()
	var others []string
	for f := range s.set {
		if !slices.Contains(names, f) {
			others = append(others, f)
		}
	}
	sort.Strings(others)
	for _, f := range append(names, others...) {
		fmt.Fprintf(w, "%-26s %10d %10d %11.4f%%\n", f, s.set[f], s.wrong[f], 100*s.agreement(f))
	}
	fmt.Fprintf(w, "\n%d captures, %d TCP frames; every verdict agrees on %d (%.4f%%); without a stream of ours: %d\n",
		s.captures, s.frames, s.clean, 100*float64(s.clean)/float64(max(s.frames, 1)), s.missing)
}
