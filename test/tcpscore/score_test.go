package main

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/track"
)

// foreign returns the captures beside the repository that others made.
func foreign(t *testing.T) []string {
	t.Helper()
	dir, err := os.Getwd()
	if err != nil {
		t.Fatal(err)
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			break
		}
		if dir == filepath.Dir(dir) {
			t.Fatal("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
	folder := filepath.Join(filepath.Dir(dir), "shared", "captures")
	if _, err := os.Stat(folder); err != nil {
		t.Skip("the captures are not part of the repository: no ../shared/captures")
	}
	if _, err := exec.LookPath("tshark"); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal("tshark is not installed")
		}
		t.Skip("tshark is not installed")
	}
	files, err := captures([]string{folder})
	if err != nil || len(files) == 0 {
		t.Fatal("no captures in", folder, err)
	}
	return files
}

// The agreement that the project promises, per verdict.
const promised = 0.999

func TestAgreement(t *testing.T) {
	var total score
	for _, f := range foreign(t) {
		s, err := compare(f)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		total.add(s)
		for _, field := range verdictFields() {
			if s.agreement(field) < promised {
				t.Errorf("%s: %s agrees on %.4f of %d frames", filepath.Base(f), field, s.agreement(field), s.frames)
			}
		}
	}
	if total.frames < 10_000 {
		t.Errorf("only %d TCP frames compared", total.frames)
	}
	for _, n := range numberFields {
		if total.agreement(n.name) < promised {
			t.Errorf("%s agrees on %.4f", n.name, total.agreement(n.name))
		}
	}
}

// tunnels are the captures with UDP inside UDP, where tshark's follow prints the payload
// of all headers and numbers media streams apart.
var tunnels = []string{"arkime__gtp-iphone", "zeek__Teredo"}

func TestFollow(t *testing.T) {
	for _, f := range foreign(t) {
		s, err := compareFollow(f, "tcp", 6)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, d := range s.list {
			t.Errorf("%s: %s", filepath.Base(f), d)
		}
		s, err = compareFollow(f, "udp", 17)
		if err != nil {
			t.Fatalf("%s: %v", f, err)
		}
		for _, d := range s.list {
			if !tunnelled(f) {
				t.Errorf("%s: %s", filepath.Base(f), d)
			}
		}
	}
}

func tunnelled(path string) bool {
	for _, name := range tunnels {
		if strings.HasPrefix(filepath.Base(path), name) {
			return true
		}
	}
	return false
}

func TestCommunityID(t *testing.T) {
	compared := 0
	for _, f := range foreign(t) {
		if tunnelled(f) {
			continue // tshark prints the outermost flow's
		}
		rows, err := tshark(f, "communityid", []string{"frame.number", "communityid"}, "--enable-protocol", "communityid")
		if err != nil {
			t.Fatal(err)
		}
		truth := map[string]string{}
		for _, r := range rows {
			truth[r[0]] = r[1]
		}
		table := flow.NewTable(flow.Options{})
		notes := make([]flow.Note, 1<<12)
		err = each(f, func(b *track.Batch) {
			table.Apply(b.Rows, b.Chunk.Bytes, notes)
			for i := range b.Rows {
				var fl flow.Flow
				want := truth[decimal(int64(b.Rows[i].Number))]
				if want == "" || b.Rows[i].Depth > 1 || !table.Get(&notes[i], &fl) {
					continue
				}
				compared++
				if got := fl.CommunityID(); got != want {
					t.Errorf("%s frame %d: %s, tshark %s (%+v)", filepath.Base(f), b.Rows[i].Number, got, want, fl.Tuple)
				}
			}
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	if compared < 10_000 {
		t.Errorf("only %d compared", compared)
	}
}
