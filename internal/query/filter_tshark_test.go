package query

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"github.com/gopacket/gopacket/pcapgo"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/packet/packettest"
)

// sharkd is Wireshark's engine as a process: it takes the display filters that tshark -Y
// takes and says which packets of a file pass, without reading the file for each.
type sharkd struct {
	t   *testing.T
	in  io.WriteCloser
	out *bufio.Scanner
	id  int
}

func startSharkd(t *testing.T, file string) *sharkd {
	t.Helper()
	cmd := exec.Command(needTool(t, "sharkd"), "-")
	cmd.Env = append(os.Environ(), "TZ=UTC")
	in, err := cmd.StdinPipe()
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = in.Close(); _ = cmd.Wait() })
	s := &sharkd{t: t, in: in, out: bufio.NewScanner(out)}
	s.out.Buffer(nil, 64<<20)
	if r := s.ask("load", "file", file); r.Error != nil {
		t.Fatalf("sharkd load: %s", r.Error.Message)
	}
	return s
}

type sharkdReply struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

func (s *sharkd) ask(method, key, value string) (r sharkdReply) {
	s.t.Helper()
	s.id++
	text, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": s.id, "method": method, "params": map[string]string{key: value}})
	if err != nil {
		s.t.Fatal(err)
	}
	if _, err := s.in.Write(append(text, '\n')); err != nil {
		s.t.Fatalf("sharkd: %v", err)
	}
	if !s.out.Scan() {
		s.t.Fatalf("sharkd ended at %s: %v", text, s.out.Err())
	}
	if err := json.Unmarshal(s.out.Bytes(), &r); err != nil {
		s.t.Fatalf("sharkd: %v: %.200s", err, s.out.Bytes())
	}
	return r
}

// frames returns the numbers of the packets that pass, or why the filter is refused.
func (s *sharkd) frames(filter string) (frames []int, refused string) {
	s.t.Helper()
	r := s.ask("check", "filter", filter)
	var status struct{ Status string }
	if r.Error == nil {
		_ = json.Unmarshal(r.Result, &status)
	}
	if r.Error != nil || status.Status != "OK" && status.Status != "Warning" {
		return nil, fmt.Sprint(r.Error, status)
	}
	r = s.ask("frames", "filter", filter)
	var list []struct{ Num int }
	if r.Error != nil || json.Unmarshal(r.Result, &list) != nil {
		return nil, fmt.Sprint(r.Error)
	}
	for _, f := range list {
		frames = append(frames, f.Num)
	}
	return frames, ""
}

// corpus writes the first packets of many captures, and the samples that the project
// makes, into one pcapng file with an interface for each.
func corpus(t *testing.T, most int) (path string, all []captured) {
	t.Helper()
	path = filepath.Join(t.TempDir(), "corpus.pcapng")
	f, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var w *pcapgo.NgWriter
	faces := -1
	face := func(name string, link uint16) {
		faces++
		intf := pcapgo.NgInterface{Name: name, LinkType: layers.LinkType(link), TimestampResolution: 9, SnapLength: 1 << 18}
		if w == nil {
			w, err = pcapgo.NewNgWriterInterface(f, intf, pcapgo.NgWriterOptions{})
		} else {
			_, err = w.AddInterface(intf)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	put := func(name string, c captured) {
		c.p.Number, c.p.Interface = uint64(len(all)+1), uint16(faces)
		c.pcapng, c.ifaceName = true, name
		err := w.WritePacket(gopacket.CaptureInfo{
			Timestamp: time.Unix(0, c.p.Time), CaptureLength: len(c.p.Data), Length: int(c.p.WireLen), InterfaceIndex: faces,
		}, c.p.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, c)
	}
	links := map[uint16][]packettest.Sample{}
	for _, s := range packettest.Samples() {
		links[s.Link] = append(links[s.Link], s)
	}
	for link := range uint16(300) {
		for i, s := range links[link] {
			if i == 0 {
				face(fmt.Sprintf("samples%d", link), link)
			}
			put(fmt.Sprintf("samples%d", link), captured{p: packet.Packet{
				Time: 1_700_000_000_000_000_000 + int64(len(all))*1000, WireLen: uint32(len(s.Data)), Link: packet.LinkType(link), Data: s.Data,
			}})
		}
	}
	for _, file := range realFiles(t) {
		name := strings.Map(func(r rune) rune {
			if r == '_' || r == '-' || r == '.' {
				return 'x'
			}
			return r
		}, filepath.Base(file))
		link := -1
		for i, c := range readCapture(t, file) {
			if i == most {
				break
			}
			if c.p.Time < 0 || c.p.Time > 1<<61 || len(c.p.Data) > 1<<17 {
				continue
			}
			if int(c.p.Link) != link {
				link = int(c.p.Link)
				face(name, uint16(link))
			}
			put(name, c)
		}
	}
	if err := w.Flush(); err != nil {
		t.Fatal(err)
	}
	return path, all
}

// ours returns the numbers of the packets that pass.
func ours(f *Filter, all []captured) (frames []int) {
	d := packet.NewDecoder()
	var row Row
	e := f.Evaluator()
	for i := range all {
		c := &all[i]
		d.Decode(&c.p)
		row.HasInterface, row.InterfaceName = c.pcapng, c.ifaceName
		row.Next(&c.p)
		if e.Match(&row) {
			frames = append(frames, i+1)
			row.Shown()
		}
	}
	return frames
}

// utc makes the local time zone UTC for the test.
func utc(t *testing.T) {
	local := time.Local
	time.Local = time.UTC
	t.Cleanup(func() { time.Local = local })
}

// TestFiltersAgainstTshark asks Wireshark's engine and this package the same questions.
func TestFiltersAgainstTshark(t *testing.T) {
	utc(t)
	path, all := corpus(t, 30)
	s := startSharkd(t, path)
	r := rand.New(rand.NewPCG(4, 2024))
	texts := append(slices.Clone(handWritten), documentFilters(t)...)
	for range generated {
		texts = append(texts, generate(r, all))
	}
	texts = append(texts, ofEachField(r, all)...)
	asked, refused := 0, 0
	for _, text := range texts {
		f, err := Parse(text)
		if err == nil && f.Needs().Notes {
			continue // notes are made by other packages, and compared there
		}
		want, why := s.frames(text)
		if err != nil || why != "" {
			refused++
			t.Logf("not compared: %s: %v; tshark: %s", text, err, why)
			continue
		}
		asked++
		if got := ours(f, all); !slices.Equal(got, want) {
			t.Errorf("%s: %s", text, difference(got, want, all))
		}
	}
	t.Logf("%d packets, %d filters compared, %d refused by one side", len(all), asked, refused)
	if asked < 400 {
		t.Errorf("only %d filters were compared", asked)
	}
}

// difference shows the first packets that differ.
func difference(got, want []int, all []captured) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%d packets, tshark %d;", len(got), len(want))
	shown := 0
	for i := range all {
		g, w := slices.Contains(got, i+1), slices.Contains(want, i+1)
		if g != w && shown < 5 {
			shown++
			fmt.Fprintf(&b, " packet %d (%s) ours %t tshark %t", i+1, all[i].ifaceName, g, w)
		}
	}
	return b.String()
}
