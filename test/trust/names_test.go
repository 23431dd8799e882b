package trust_test

import (
	"encoding/binary"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// pcapngOf writes a pcapng file with an interface of a name, and one packet.
func pcapngOf(t *testing.T, name, face string) {
	t.Helper()
	block := func(kind uint32, body []byte) []byte {
		for len(body)%4 != 0 {
			body = append(body, 0)
		}
		n := uint32(12 + len(body))
		b := binary.LittleEndian.AppendUint32(nil, kind)
		b = binary.LittleEndian.AppendUint32(b, n)
		return binary.LittleEndian.AppendUint32(append(b, body...), n)
	}
	shb := binary.LittleEndian.AppendUint32(nil, 0x1a2b3c4d)
	shb = append(shb, 1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff)
	idb := []byte{1, 0, 0, 0, 0, 0, 0, 0, 2, 0}
	idb = binary.LittleEndian.AppendUint16(idb, uint16(len(face)))
	idb = append(idb, face...)
	for len(idb)%4 != 0 {
		idb = append(idb, 0)
	}
	idb = append(idb, 0, 0, 0, 0)
	f := tcpFrame(20)
	binary.BigEndian.PutUint16(f[16:], uint16(len(f)-14))
	epb := make([]byte, 12)
	epb = binary.LittleEndian.AppendUint32(epb, uint32(len(f)))
	epb = append(binary.LittleEndian.AppendUint32(epb, uint32(len(f))), f...)
	b := append(block(0x0a0d0d0a, shb), block(1, idb)...)
	must(t, os.WriteFile(name, append(b, block(6, epb)...), 0o600))
}

var plainName = regexp.MustCompile(`^\.?[A-Za-z0-9][A-Za-z0-9._@+-]*$`)

// tree lists everything below a folder.
func tree(t *testing.T, dir string) (names []string) {
	t.Helper()
	must(t, filepath.WalkDir(dir, func(path string, _ fs.DirEntry, err error) error {
		if rel, rerr := filepath.Rel(dir, path); rerr == nil && rel != "." {
			names = append(names, rel)
		}
		return err
	}))
	return names
}

// Names in packets and capture files (interfaces, hosts, paths of requests) become no names
// of files: everything that is written is below the data folder and has a plain name.
func TestNamesFromPacketsAreNoFileNames(t *testing.T) {
	dir := t.TempDir()
	for i, face := range []string{"../../escaped", "/etc/passwd", "a/b", "..", ".", "", "esc\x1b[2J", "bidi\u202e", "bad\xff\xfe", "nul\x00x", "new\nline", strings.Repeat("long", 2000), "-rf", "~root", "$(id)"} {
		box := filepath.Join(dir, string(rune('a'+i)))
		must(t, os.Mkdir(box, 0o700))
		file := filepath.Join(box, "in.pcapng")
		pcapngOf(t, file, face)
		out, err := exec.Command(program, "import", "--data-dir", filepath.Join(box, "data"), file).CombinedOutput()
		if err != nil {
			t.Errorf("%q: %v\n%s", face, err, out)
			continue
		}
		for line := range strings.SplitSeq(string(out), "\n") {
			if bad := unclean(line); bad != "" {
				t.Errorf("%q: a %s in %q", face, bad, line)
			}
		}
		captures := 0
		for _, name := range tree(t, box) {
			for part := range strings.SplitSeq(name, "/") {
				if !plainName.MatchString(part) || len(part) > 200 {
					t.Errorf("%q: a file is called %q", face, name)
				}
			}
			if strings.HasSuffix(name, "capture.json") {
				captures++
			}
		}
		if captures != 1 {
			t.Errorf("%q: %v", face, tree(t, box))
		}
	}
	for _, name := range tree(t, filepath.Dir(dir)) {
		if filepath.Base(name) == "escaped" {
			t.Errorf("%s was made", name)
		}
	}
	hostile := filepath.Join(beside(t, "hostile"), "strings.pcap")
	data := filepath.Join(dir, "strings")
	if out, err := exec.Command(program, "import", "--data-dir", data, hostile).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	for _, name := range tree(t, data) {
		for part := range strings.SplitSeq(name, "/") {
			if !plainName.MatchString(part) {
				t.Errorf("a file is called %q", name)
			}
		}
	}
}

// A capture's folder from somebody else cannot make the program read or change what is
// outside of it, by links or by what capture.json says.
func TestCaptureFoldersAreNotLeft(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "in.pcap"), filepath.Join(dir, "data")
	madeCapture(t, file, 10)
	if out, err := exec.Command(program, "import", "--data-dir", data, file).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	captures, err := filepath.Glob(filepath.Join(data, "*", "capture.json"))
	must(t, err)
	capture := filepath.Dir(captures[0])
	// The segment lies outside, and a link leads there; so does the index.
	outside := filepath.Join(dir, "outside")
	must(t, os.Mkdir(outside, 0o700))
	for _, name := range []string{"000001.pcapng", "000001.parquet"} {
		must(t, os.Rename(filepath.Join(capture, name), filepath.Join(outside, name)))
		must(t, os.Symlink(filepath.Join(outside, name), filepath.Join(capture, name)))
	}
	before, err := os.ReadFile(filepath.Join(outside, "000001.parquet"))
	must(t, err)
	for _, args := range [][]string{
		{"stats", capture}, {"read", capture}, {"packets", capture}, {"top", "ip.src", capture}, {"flows", capture}, {"export", "--format", "csv", "-o", "-", capture},
		{"reindex", "--all", capture},
	} {
		for _, sandbox := range []string{"", "--no-sandbox"} {
			a := append([]string{}, args...)
			if sandbox != "" {
				a = append(a, sandbox)
			}
			out, err := exec.Command(program, a...).CombinedOutput()
			if err == nil {
				t.Errorf("%v followed a link out of the capture:\n%s", a, out)
			}
		}
	}
	after, err := os.ReadFile(filepath.Join(outside, "000001.parquet"))
	must(t, err)
	if string(after) != string(before) || len(tree(t, outside)) != 2 {
		t.Error("what is outside was changed")
	}
}
