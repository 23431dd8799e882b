// Command json measures how fast the traffic record of a capture file is written: by this
// program, and by the old watcher's loop in Python with scapy, in the same run.
//
//	go run ./bench/json [-file CAPTURE] [-packets N] [-runs N]
//
// Without a file it makes one: TCP packets of all sizes, half of the payloads text. It
// needs python3 with scapy (Debian: python3-scapy).
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
	"github.com/tarrafa/tarrafa/internal/trafficlog"
)

func main() {
	file := flag.String("file", "", "capture file; empty: one is made")
	packets := flag.Int("packets", 100_000, "TCP packets in the file that is made")
	runs := flag.Int("runs", 5, "runs of this program; the median counts")
	flag.Parse()
	if err := run(*file, *packets, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench/json:", err)
		os.Exit(1)
	}
}

// result is one line of the table.
type result struct {
	name    string
	records uint64
	took    time.Duration
}

func (r result) rate() float64 { return float64(r.records) / r.took.Seconds() }

func run(file string, packets, runs int) error {
	dir, err := os.MkdirTemp("", "tarrafa-bench-json-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if file == "" {
		file = filepath.Join(dir, "made.pcap")
		if err := makeCapture(file, packets); err != nil {
			return err
		}
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	fmt.Printf("%s: %.1f MB\n\n", filepath.Base(file), float64(info.Size())/1e6)
	peer, err := watcher(file, filepath.Join(dir, "watcher.json"))
	if err != nil {
		return err
	}
	results := []result{peer}
	for _, v := range []struct {
		name string
		opt  trafficlog.Options
	}{
		{"this program, old fields", trafficlog.Options{}},
		{"this program, with additions", trafficlog.Options{Extra: true, Capture: "bench"}},
		{"this program, old fields, one worker", trafficlog.Options{Workers: 1}},
	} {
		r, err := median(runs, func() (result, error) { return record(v.name, file, filepath.Join(dir, "record.json"), v.opt) })
		if err != nil {
			return err
		}
		if r.records != peer.records {
			return fmt.Errorf("%s wrote %d records, the watcher %d", v.name, r.records, peer.records)
		}
		results = append(results, r)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "records\tseconds\trecords/s\tns/record\tratio\t  ")
	for _, r := range results {
		fmt.Fprintf(w, "%d\t%.3f\t%.0f\t%.0f\t%.0f\t  %s\n", r.records, r.took.Seconds(), r.rate(), 1e9/r.rate(), r.rate()/peer.rate(), r.name)
	}
	return w.Flush()
}

func median(runs int, f func() (result, error)) (result, error) {
	var all []result
	for range max(runs, 1) {
		r, err := f()
		if err != nil {
			return result{}, err
		}
		all = append(all, r)
	}
	slices.SortFunc(all, func(a, b result) int { return int(a.took - b.took) })
	return all[len(all)/2], nil
}

// record is what `tarrafa read --json FILE` does: read, decode, write the record.
func record(name, file, out string, opt trafficlog.Options) (result, error) {
	if err := os.Remove(out); err != nil && !errors.Is(err, os.ErrNotExist) {
		return result{}, err
	}
	start := time.Now()
	f, err := os.Open(file)
	if err != nil {
		return result{}, err
	}
	defer f.Close()
	r, err := segment.NewReader(f, segment.ReaderOptions{})
	if err != nil {
		return result{}, err
	}
	defer r.Close()
	l, err := trafficlog.Open(out, opt)
	if err != nil {
		return result{}, err
	}
	tracker := track.New()
	for {
		c, err := r.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return result{}, err
		}
		tracker.Load(c)
		for b := tracker.Next(); b != nil; b = tracker.Next() {
			if err := l.Apply(context.Background(), b); err != nil {
				return result{}, err
			}
		}
		r.Release(c)
	}
	if err := l.Close(); err != nil {
		return result{}, err
	}
	return result{name: name, records: l.Status().Lines, took: time.Since(start)}, nil
}

// watcher runs the old program's loop; it measures itself, so that Python's start does not
// count.
func watcher(file, out string) (result, error) {
	python := "python3"
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		python = "/usr/bin/python3"
	}
	script, err := find("test/reference/watcher.py")
	if err != nil {
		return result{}, err
	}
	cmd := exec.Command(python, script, "--time", file, out)
	cmd.Stderr = os.Stderr
	text, err := cmd.Output()
	if err != nil {
		return result{}, fmt.Errorf("%s: %w (Debian: apt-get install python3-scapy)", script, err)
	}
	r := result{name: "the old watcher's loop, Python and scapy"}
	var seconds float64
	if _, err := fmt.Sscan(string(text), &r.records, &seconds); err != nil {
		return result{}, fmt.Errorf("%s printed %q", script, strings.TrimSpace(string(text)))
	}
	r.took = time.Duration(seconds * float64(time.Second))
	return r, nil
}

// find looks for a file of the repository from the working directory upwards.
func find(name string) (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		path := filepath.Join(dir, name)
		if _, err := os.Stat(path); err == nil {
			return path, nil
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", fmt.Errorf("%s is not found: run this inside the repository", name)
		}
		dir = parent
	}
}
