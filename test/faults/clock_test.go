package faults_test

import (
	"encoding/binary"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

// steppedFile writes a pcap file of one conversation whose clock is set forth and back
// between 1970 and 2106 after every hundred packets, and returns how many packets it has.
func steppedFile(t *testing.T, name string) int {
	t.Helper()
	b := binary.LittleEndian.AppendUint32(nil, 0xa1b2c3d4)
	b = append(b, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 4, 0, 1, 0, 0, 0)
	n := 0
	for _, second := range []uint32{1_800_000_000, 1_799_996_400, 1_800_003_600, 1, 4_294_967_290, 1_800_000_000, 0, 1_000_000_000} {
		for i := range 100 {
			f := make([]byte, 14+40+20)
			f[12], f[14], f[22], f[23], f[46], f[47] = 8, 0x45, 64, 6, 0x50, 0x18
			binary.BigEndian.PutUint16(f[16:], uint16(len(f)-14))
			copy(f[26:], []byte{10, 0, 0, 1, 10, 0, 1, 1})
			binary.BigEndian.PutUint16(f[34:], 4000)
			binary.BigEndian.PutUint16(f[36:], 80)
			binary.BigEndian.PutUint32(f[38:], uint32(n*20))
			for _, v := range []uint32{second, uint32(i) * 10_000, uint32(len(f)), uint32(len(f))} {
				b = binary.LittleEndian.AppendUint32(b, v)
			}
			b = append(b, f...)
			n++
		}
	}
	must(t, os.WriteFile(name, b, 0o600))
	return n
}

func ask(t *testing.T, args ...string) string {
	t.Helper()
	cmd := exec.Command(program, args...)
	var talk strings.Builder
	cmd.Stderr = &talk
	out, err := cmd.Output()
	if err != nil {
		t.Errorf("%v: %v\n%s", args, err, talk.String())
	}
	return string(out)
}

// A capture whose times step back and forth is read, imported, indexed and asked like any
// other: every packet once, everywhere.
func TestSteppedTimesInFiles(t *testing.T) {
	dir := t.TempDir()
	file, data := filepath.Join(dir, "stepped.pcap"), filepath.Join(dir, "data")
	n := steppedFile(t, file)
	ask(t, "import", "--data-dir", data, file)
	dirs, err := filepath.Glob(filepath.Join(data, "*"))
	must(t, err)
	capture := dirs[0]
	ask(t, "reindex", "--all", capture)
	for _, in := range []string{file, capture} {
		if got := lab.CountPackets(t, program, in); got != uint64(n) {
			t.Errorf("stats: %d packets of %d", got, n)
		}
		if got := strings.Count(ask(t, "read", "-T", "fields", "-e", "frame.number", in), "\n"); got != n {
			t.Errorf("read: %d packets of %d", got, n)
		}
		if got := strings.Count(ask(t, "packets", "--json", "-n", "100000", in), "\n"); got != n {
			t.Errorf("packets: %d of %d", got, n)
		}
		if got := strings.Count(ask(t, "export", "--format", "jsonl", "-o", "-", in), "\n"); got != n {
			t.Errorf("export: %d of %d", got, n)
		}
		var series struct{ Points []struct{ Packets int } }
		must(t, json.Unmarshal([]byte(ask(t, "series", "--json", "--bucket", "24h", in)), &series))
		sum := 0
		for _, p := range series.Points {
			sum += p.Packets
		}
		if sum != n {
			t.Errorf("series: %d packets of %d", sum, n)
		}
		// The conversation is silent for years in between, so it is several flows; all of
		// its packets are in one of them.
		sum = 0
		for line := range strings.Lines(ask(t, "flows", "--json", in)) {
			var f struct {
				FromClient struct{ Packets int } `json:"from_client"`
				FromServer struct{ Packets int } `json:"from_server"`
			}
			must(t, json.Unmarshal([]byte(line), &f))
			sum += f.FromClient.Packets + f.FromServer.Packets
		}
		if sum != n {
			t.Errorf("flows: %d packets of %d", sum, n)
		}
		ask(t, "findings", in)
		ask(t, "top", "ip.src", in)
	}
	lab.FaultRow(t, "times in a file stepped seven times, up to 136 years", uint64(n), uint64(n), 0, 0)
}
