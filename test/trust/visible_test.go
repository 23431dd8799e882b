package trust_test

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// pcapOf writes frames as a pcap file, a millisecond apart.
func pcapOf(t *testing.T, name string, frames func(add func(frame []byte))) {
	t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
	i := uint32(0)
	frames(func(f []byte) {
		for _, v := range []uint32{1_700_000_000 + i/1000, i % 1000 * 1000, uint32(len(f)), uint32(len(f))} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = append(b, f...)
		i++
	})
	must(t, os.WriteFile(name, b, 0o600))
}

// Whoever reaches a cap reads it: on the terminal, in the ledger, for scripts.
func TestCapsThatAreReachedAreSaid(t *testing.T) {
	dir := t.TempDir()
	fragments := filepath.Join(dir, "fragments.pcap")
	const first, waiting = 6000, 4096
	pcapOf(t, fragments, func(add func([]byte)) {
		f := tcpFrame(200)
		f[20] = 0x20 // more fragments
		binary.BigEndian.PutUint16(f[16:], uint16(len(f)-14))
		for i := range first {
			binary.BigEndian.PutUint16(f[18:], uint16(i))
			add(f)
		}
	})
	out, err := exec.Command(program, "stats", "--json", fragments).Output()
	must(t, err)
	var d struct {
		Packets uint64
		Ledger  struct {
			Followers []struct{ Limits map[string]uint64 }
		}
	}
	must(t, json.Unmarshal(out, &d))
	if n := d.Ledger.Followers[0].Limits["fragments_evicted"]; d.Packets != first || n != first-waiting {
		t.Errorf("%d packets, %d fragments evicted, want %d and %d\n%s", d.Packets, n, first, first-waiting, out)
	}
	out, err = exec.Command(program, "stats", fragments).Output()
	must(t, err)
	if !strings.Contains(string(out), "limits reached (docs/limits.md): fragments_evicted 1,904") || !strings.Contains(string(out), "balanced") {
		t.Errorf("stats does not say it:\n%s", out)
	}

	flows := filepath.Join(dir, "flows.pcap")
	const sources = 40_000
	pcapOf(t, flows, func(add func([]byte)) {
		f := tcpFrame(0)
		binary.BigEndian.PutUint16(f[16:], uint16(len(f)-14))
		f[47] = 2
		for i := range sources {
			binary.BigEndian.PutUint32(f[26:], 0x0a000000+uint32(i))
			add(f)
		}
	})
	for _, command := range []string{"flows", "findings"} {
		var talk bytes.Buffer
		cmd := exec.Command(program, command, "--flow-memory", "2MiB", flows)
		cmd.Stderr = &talk
		_, err := cmd.Output()
		must(t, err)
		if !strings.Contains(talk.String(), "flows_forced ") || !strings.Contains(talk.String(), "--flow-memory") {
			t.Errorf("%s does not say it: %s", command, talk.String())
		}
	}
}

// More different values than are counted: the first million are, the answer says that there
// are more, and the memory stays bounded.
func TestTopOfTooManyValues(t *testing.T) {
	if testing.Short() {
		t.Skip("takes a while")
	}
	forgetPeak(t)
	const packets, most = 1<<20 + 50_000, 1 << 20
	file := filepath.Join(t.TempDir(), "values.pcap")
	b := binary.LittleEndian.AppendUint32(make([]byte, 0, packets*70+24), 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
	f := tcpFrame(0)
	binary.BigEndian.PutUint16(f[16:], uint16(len(f)-14))
	for i := range uint32(packets) {
		binary.BigEndian.PutUint32(f[38:], i)
		for _, v := range []uint32{1_700_000_000, i % 1_000_000, uint32(len(f)), uint32(len(f))} {
			b = binary.LittleEndian.AppendUint32(b, v)
		}
		b = append(b, f...)
	}
	must(t, os.WriteFile(file, b, 0o600))
	cmd := exec.Command(program, "top", "tcp.seq_raw", "-n", "3", "--json", file)
	out, err := cmd.Output()
	must(t, err)
	var top struct {
		Distinct    uint64
		Approximate bool
	}
	must(t, json.Unmarshal(out, &top))
	if !top.Approximate || top.Distinct < most || top.Distinct >= packets {
		t.Errorf("%s", out)
	}
	if usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage); ok {
		t.Logf("resident %d MB", usage.Maxrss>>10)
		if usage.Maxrss > maxRSS>>10 {
			t.Errorf("resident %d MB", usage.Maxrss>>10)
		}
	}
}
