package segment

import (
	"bufio"
	"bytes"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// shared returns the folder of captures that others made. They are no part of the
// repository.
func shared(t testing.TB, name string) string {
	dir, ok := beside(name)
	if !ok {
		t.Skipf("no %s beside the repository", filepath.Join("shared", name))
	}
	return dir
}

// beside returns a folder of captures, when it is there.
func beside(name string) (dir string, ok bool) {
	dir, err := os.Getwd()
	if err != nil {
		return "", false
	}
	for dir != filepath.Dir(dir) {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		dir = filepath.Dir(dir)
	}
	dir = filepath.Join(filepath.Dir(dir), "shared", name)
	_, err = os.Stat(dir)
	return dir, err == nil
}

// tool returns the path of a program that the test compares with.
func tool(t testing.TB, name string) string {
	path, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") != "" {
			t.Fatalf("%s is missing: apt-get install tshark tcpdump wireshark-common", name)
		}
		t.Skipf("%s is missing", name)
	}
	return path
}

// seen is a record without its chunk.
type seen struct {
	time            int64
	offset          int64
	capLen, wireLen uint32
}

// readAll reads a whole stream and checks what must hold for every chunk of it.
func readAll(t testing.TB, in io.Reader, opt ReaderOptions) (all []seen, r *Reader, err error) {
	t.Helper()
	r, err = NewReader(in, opt)
	if err != nil {
		return nil, nil, err
	}
	defer r.Close()
	var rec Record
	end := int64(0)
	for {
		c, err := r.Next()
		if err != nil {
			if c != nil {
				t.Fatal("a chunk and an error at once")
			}
			return all, r, err
		}
		if c.Packets == 0 || c.First != uint64(len(all))+1 || c.Offset < end {
			t.Fatalf("chunk of %d packets at %d with first %d, after %d packets up to %d", c.Packets, c.Offset, c.First, len(all), end)
		}
		n := uint32(0)
		it := c.Records()
		for ; it.Next(&rec); n++ {
			if int(rec.Interface) >= len(c.Interfaces) {
				t.Fatalf("interface %d of %d", rec.Interface, len(c.Interfaces))
			}
			if !bytes.Equal(rec.Data, c.Bytes[rec.DataOff:][:len(rec.Data)]) {
				t.Fatal("DataOff does not lead to Data")
			}
			if rec.Offset < c.Offset || rec.Offset > c.Offset+int64(rec.DataOff) {
				t.Fatalf("offset %d of a record with data at %d+%d", rec.Offset, c.Offset, rec.DataOff)
			}
			all = append(all, seen{rec.Time, rec.Offset, uint32(len(rec.Data)), rec.WireLen})
		}
		if n != c.Packets {
			t.Fatalf("%d records in a chunk of %d packets", n, c.Packets)
		}
		end = c.Offset + int64(len(c.Bytes))
		r.Release(c)
	}
}

// truth reads truth.tsv: capture → column → value.
func truth(t testing.TB, dir string) map[string]map[string]string {
	b, err := os.ReadFile(filepath.Join(dir, "truth.tsv"))
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(b)), "\n")
	head := strings.Split(lines[0], "\t")
	out := map[string]map[string]string{}
	for _, l := range lines[1:] {
		row := map[string]string{}
		for i, v := range strings.Split(l, "\t") {
			row[head[i]] = v
		}
		out[row["capture"]] = row
	}
	return out
}

func TestCapturesAgainstTruth(t *testing.T) {
	dir := shared(t, "captures")
	for name, row := range truth(t, dir) {
		t.Run(name, func(t *testing.T) {
			f, err := os.Open(filepath.Join(dir, name))
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			all, _, err := readAll(t, f, ReaderOptions{})
			if err != io.EOF {
				t.Fatal(err)
			}
			var wire, captured, cut int
			for _, s := range all {
				wire += int(s.wireLen)
				captured += int(s.capLen)
				if s.capLen < s.wireLen {
					cut++
				}
			}
			for column, got := range map[string]int{
				"packets": len(all), "bytes_wire": wire, "bytes_cap": captured, "truncated_pkts": cut,
			} {
				if want := row[column]; strconv.Itoa(got) != want {
					t.Errorf("%s: %d, want %s", column, got, want)
				}
			}
		})
	}
}

// TestAgainstTshark compares number, time and lengths of every packet, and whether the
// file is found whole.
func TestAgainstTshark(t *testing.T) {
	if testing.Short() {
		t.Skip("50 runs of tshark")
	}
	tshark := tool(t, "tshark")
	var paths []string
	for name, file := range files() {
		path := filepath.Join(t.TempDir(), name)
		if err := os.WriteFile(path, file, 0o644); err != nil {
			t.Fatal(err)
		}
		paths = append(paths, path)
	}
	t.Run("made", func(t *testing.T) { compareWithTshark(t, tshark, paths) })
	for _, dir := range []string{"captures", "hostile"} {
		t.Run(dir, func(t *testing.T) {
			paths, _ := filepath.Glob(filepath.Join(shared(t, dir), "*.[pts]*"))
			compareWithTshark(t, tshark, paths)
		})
	}
}

func compareWithTshark(t *testing.T, tshark string, paths []string) {
	for _, path := range paths {
		name := filepath.Base(path)
		if filepath.Ext(name) == ".tsv" || strings.HasPrefix(name, "bomb") {
			continue // tshark takes too long for the 268 MB of bomb.pcap.gz
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, err := os.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			all, _, err := readAll(t, f, ReaderOptions{})
			// Without the protocols above the frame it is quick.
			cmd := exec.Command(tshark, "-n", "--disable-protocol", "eth", "--disable-protocol", "ip", "--disable-protocol", "sll", "-r", path,
				"-T", "fields", "-e", "frame.time_epoch", "-e", "frame.cap_len", "-e", "frame.len")
			out, toolErr := cmd.Output()
			lines := bufio.NewScanner(bytes.NewReader(out))
			n := 0
			for ; lines.Scan(); n++ {
				if n >= len(all) {
					continue
				}
				want := lines.Text()
				if strings.HasPrefix(want, "\t") {
					want = epoch(0) + want // a simple packet block has no time
				}
				got := strings.Join([]string{epoch(all[n].time), strconv.Itoa(int(all[n].capLen)), strconv.Itoa(int(all[n].wireLen))}, "\t")
				if got != want {
					t.Fatalf("packet %d: %s, tshark: %s", n+1, got, want)
				}
			}
			if n != len(all) {
				t.Errorf("%d packets, tshark %d", len(all), n)
			}
			if (toolErr != nil) != (err != io.EOF) {
				t.Errorf("ended with %v, tshark with %v", err, toolErr)
			}
		})
	}
}

// epoch prints a time as tshark prints frame.time_epoch.
func epoch(ns int64) string {
	t := time.Unix(0, ns)
	frac := strconv.Itoa(1e9 + t.Nanosecond())[1:]
	return strconv.FormatInt(t.Unix(), 10) + "." + frac
}
