package filterdiff

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/net/bpf"
)

// tcpdump runs the real one over files, so that nothing is opened live.
type tcpdump struct {
	dir string
}

// newTcpdump makes an empty capture file for every link type. Without tcpdump the test is skipped, and fails in CI.
func newTcpdump(t *testing.T) *tcpdump {
	t.Helper()
	if _, err := exec.LookPath("tcpdump"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tcpdump is not installed, and this is CI")
		}
		t.Skip("tcpdump is not installed")
	}
	d := &tcpdump{dir: t.TempDir()}
	// tcpdump gives up root before it opens a file.
	for dir := d.dir; dir != os.TempDir() && len(dir) > 1; dir = filepath.Dir(dir) {
		if err := os.Chmod(dir, 0o755); err != nil {
			break
		}
	}
	for _, lt := range LinkTypes {
		d.write(t, d.file(lt), lt, nil)
	}
	return d
}

func (d *tcpdump) file(linkType int) string {
	return filepath.Join(d.dir, fmt.Sprintf("%d.pcap", linkType))
}

// write writes a pcap file.
func (d *tcpdump) write(t *testing.T, name string, linkType int, packets []Packet) {
	t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = binary.LittleEndian.AppendUint32(append(b, make([]byte, 8)...), 262144)
	b = binary.LittleEndian.AppendUint32(b, uint32(linkType))
	for i, p := range packets {
		for _, v := range []int{i, 0, len(p.Data), max(p.Len, len(p.Data))} {
			b = binary.LittleEndian.AppendUint32(b, uint32(v))
		}
		b = append(b, p.Data...)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		t.Fatal(err)
	}
}

// errRefused is what a refusal wraps.
var errRefused = errors.New("tcpdump refuses")

// compile is tcpdump -ddd, with its optimiser or without.
func (d *tcpdump) compile(linkType int, expr string, optimise bool) ([]bpf.RawInstruction, error) {
	args := []string{"-r", d.file(linkType), "-ddd"}
	if !optimise {
		args = append(args, "-O")
	}
	cmd := exec.Command("tcpdump", append(args, "--", expr)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return nil, fmt.Errorf("%w: %s", errRefused, lines[len(lines)-1])
	}
	var n int
	r := bytes.NewReader(out)
	if _, err := fmt.Fscanln(r, &n); err != nil {
		return nil, fmt.Errorf("tcpdump -ddd: %w", err)
	}
	ins := make([]bpf.RawInstruction, n)
	for i := range ins {
		if _, err := fmt.Fscanln(r, &ins[i].Op, &ins[i].Jt, &ins[i].Jf, &ins[i].K); err != nil {
			return nil, fmt.Errorf("tcpdump -ddd: %w", err)
		}
	}
	return ins, nil
}

// matches is what tcpdump -r FILE -w - EXPR writes: the records without the file's header.
func matches(file, expr string) ([]byte, error) {
	cmd := exec.Command("tcpdump", "-r", file, "-w", "-", "--", expr)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", errRefused, stderr.String())
	}
	if len(out) < 24 {
		return nil, nil
	}
	return out[24:], nil
}
