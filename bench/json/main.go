// Command json measures how fast the traffic record of a capture file is written: by
// `tarrafa read --json`, and by the old watcher's loop in Python with scapy, in the same
// run.
//
//	go run ./bench/json [-file CAPTURE] [-packets N] [-sample N] [-runs N]
//
// Without a file it makes one: TCP packets of all sizes, half of the payloads text. Both
// programs append to a file on the same file system. The old watcher reads the first
// packets of the same file (-sample) and its start does not count; tarrafa is a process
// that is timed from outside, start and end included, over the whole file. Their lines for
// the first packets must be equal. It needs python3 with scapy (Debian: python3-scapy).
package main

import (
	"bufio"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	file := flag.String("file", "", "capture file; empty: one is made")
	packets := flag.Int("packets", 400_000, "TCP packets in the file that is made")
	sample := flag.Int("sample", 50_000, "packets at the beginning of the file that the old watcher reads; 0: it does not run")
	runs := flag.Int("runs", 5, "runs of tarrafa; the median counts")
	program := flag.String("tarrafa", "", "the program; empty: it is built")
	flag.Parse()
	if err := run(*file, *program, *packets, *sample, *runs); err != nil {
		fmt.Fprintln(os.Stderr, "bench/json:", err)
		os.Exit(1)
	}
}

// result is one line of the table.
type result struct {
	name    string
	records int
	took    time.Duration
	cpu     time.Duration // 0: not known
}

func (r result) rate() float64 { return float64(r.records) / r.took.Seconds() }

func run(file, program string, packets, sample, runs int) error {
	dir, err := os.MkdirTemp("", "tarrafa-bench-json-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if program == "" {
		program = filepath.Join(dir, "tarrafa")
		build := exec.Command("go", "build", "-o", program, "github.com/tarrafa/tarrafa/cmd/tarrafa")
		build.Stderr = os.Stderr
		if err := build.Run(); err != nil {
			return fmt.Errorf("build: %w", err)
		}
	}
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
	var results []result
	var peer result
	out, reference := filepath.Join(dir, "record.json"), filepath.Join(dir, "watcher.json")
	if sample > 0 {
		if peer, err = watcher(file, reference, sample); err != nil {
			return err
		}
		results = append(results, peer)
	}
	for _, v := range []struct{ name, flag string }{
		{"tarrafa, with additions", "--json-extra=true"},
		{"tarrafa, old fields", "--json-extra=false"},
	} {
		r, err := median(runs, func() (result, error) { return record(program, v.name, file, out, v.flag) })
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	if sample > 0 {
		if err := compare(reference, out); err != nil {
			return err
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(w, "records\tseconds\trecords/s\tns/record\tcpu-ns/record\tratio\t  ")
	for _, r := range results {
		ratio, cpu := "-", "-"
		if peer.records > 0 {
			ratio = fmt.Sprintf("%.0f", r.rate()/peer.rate())
		}
		if r.cpu > 0 {
			cpu = strconv.Itoa(int(r.cpu) / r.records)
		}
		fmt.Fprintf(w, "%d\t%.3f\t%.0f\t%.0f\t%s\t%s\t  %s\n", r.records, r.took.Seconds(), r.rate(), 1e9/r.rate(), cpu, ratio, r.name)
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

// record runs `tarrafa read --json OUT FILE`.
func record(program, name, file, out, flag string) (result, error) {
	if err := os.Remove(out); err != nil && !errors.Is(err, os.ErrNotExist) {
		return result{}, err
	}
	cmd := exec.Command(program, "read", "--json="+out, flag, file)
	var talk strings.Builder
	cmd.Stderr = &talk
	start := time.Now()
	if err := cmd.Run(); err != nil {
		return result{}, fmt.Errorf("%s: %w: %s", program, err, talk.String())
	}
	r := result{name: name, took: time.Since(start), cpu: cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()}
	var err error
	r.records, err = lines(out)
	return r, err
}

// lines counts the lines of a file.
func lines(name string) (n int, err error) {
	f, err := os.Open(name)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	b := make([]byte, 1<<20)
	for {
		m, err := f.Read(b)
		n += strings.Count(string(b[:m]), "\n")
		if err == io.EOF {
			return n, nil
		}
		if err != nil {
			return 0, err
		}
	}
}

// compare checks that the records of a file are equal to the first ones of another, but for
// the direction, which neither program is told.
func compare(reference, out string) error {
	a, err := os.Open(reference)
	if err != nil {
		return err
	}
	defer a.Close()
	b, err := os.Open(out)
	if err != nil {
		return err
	}
	defer b.Close()
	ra, rb := json.NewDecoder(bufio.NewReader(a)), json.NewDecoder(bufio.NewReader(b))
	for n := 1; ; n++ {
		var want, got map[string]any
		if err := ra.Decode(&want); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		if err := rb.Decode(&got); err != nil {
			return err
		}
		delete(want, "direction")
		delete(got, "direction")
		if !maps.Equal(want, got) {
			return fmt.Errorf("record %d is %v, the watcher's is %v", n, got, want)
		}
	}
}

// watcher runs the old program's loop over the first packets; it measures itself, so that
// Python's start does not count.
func watcher(file, out string, packets int) (result, error) {
	python := "python3"
	if _, err := os.Stat("/usr/bin/python3"); err == nil {
		python = "/usr/bin/python3"
	}
	script, err := find("test/reference/watcher.py")
	if err != nil {
		return result{}, err
	}
	cmd := exec.Command(python, script, "--time", "--count", strconv.Itoa(packets), file, out)
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
