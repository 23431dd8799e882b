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

	"golang.org/x/net/bpf"
)

// Tcpdump runs the real one over files in a folder, so that nothing is opened live.
type Tcpdump struct {
	dir string
}

// ErrRefused is what an expression's refusal wraps; the message is tcpdump's.
var ErrRefused = errors.New("tcpdump refuses")

// NewTcpdump makes an empty capture file for every link type of the corpus in dir, which has to be readable for all:
// tcpdump gives up root before it opens a file.
func NewTcpdump(dir string) (*Tcpdump, error) {
	if _, err := exec.LookPath("tcpdump"); err != nil {
		return nil, fmt.Errorf("tcpdump: %w", err)
	}
	d := &Tcpdump{dir: dir}
	for _, lt := range LinkTypes {
		if err := WritePcap(d.File(lt), lt, nil); err != nil {
			return nil, err
		}
	}
	return d, nil
}

// File is the capture file of a link type.
func (d *Tcpdump) File(linkType int) string {
	return filepath.Join(d.dir, fmt.Sprintf("%d.pcap", linkType))
}

// WritePcap writes a capture file. Packet i has the time i seconds.
func WritePcap(name string, linkType int, packets []Packet) error {
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = binary.LittleEndian.AppendUint16(b, 2)
	b = binary.LittleEndian.AppendUint16(b, 4)
	b = binary.LittleEndian.AppendUint32(append(b, make([]byte, 8)...), 262144)
	b = binary.LittleEndian.AppendUint32(b, uint32(linkType))
	for i, p := range packets {
		b = AppendRecord(b, i, p)
	}
	if err := os.WriteFile(name, b, 0o644); err != nil {
		return fmt.Errorf("write capture file: %w", err)
	}
	return nil
}

// AppendRecord appends packet i as a record of such a file.
func AppendRecord(b []byte, i int, p Packet) []byte {
	for _, v := range []int{i, 0, len(p.Data), max(p.Len, len(p.Data))} {
		b = binary.LittleEndian.AppendUint32(b, uint32(v))
	}
	return append(b, p.Data...)
}

// Compile is tcpdump -ddd, with its optimiser or without (-O). The error wraps ErrRefused when tcpdump says no.
func (d *Tcpdump) Compile(linkType int, expr string, optimise bool) ([]bpf.RawInstruction, error) {
	args := []string{"-r", d.File(linkType), "-ddd"}
	if !optimise {
		args = append(args, "-O")
	}
	cmd := exec.Command("tcpdump", append(args, "--", expr)...)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		lines := strings.Split(strings.TrimSpace(stderr.String()), "\n")
		return nil, fmt.Errorf("%w: %s", ErrRefused, lines[len(lines)-1])
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

// Matches is what tcpdump -r FILE -w - EXPR writes: the records without the file's header.
func Matches(file, expr string) ([]byte, error) {
	cmd := exec.Command("tcpdump", "-r", file, "-w", "-", "--", expr)
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("%w: %s", ErrRefused, strings.TrimSpace(stderr.String()))
	}
	if len(out) < 24 {
		return nil, nil
	}
	return out[24:], nil
}
