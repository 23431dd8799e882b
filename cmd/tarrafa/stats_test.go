package main

import (
	"bytes"
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/archive"
	"github.com/tarrafa/tarrafa/internal/index"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/query/readertest"
)

// What stats says from the index is what it says from the packets, letter for letter.
func TestStatsFromTheIndex(t *testing.T) {
	for _, file := range readertest.Captures(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			in, err := archive.Import(context.Background(), archive.Config{DataDir: t.TempDir(), Program: "test", SegmentBytes: 1 << 20}, []string{file}, 0, nil)
			if err != nil {
				t.Fatal(err)
			}
			compare := func(what string) {
				t.Helper()
				plain := statsOf(t, in.Dir)
				s, err := archive.Open(in.Dir)
				if err != nil {
					t.Fatal(err)
				}
				defer func() { _ = s.Close() }()
				if b, err := index.Build(context.Background(), s, index.BuildOptions{Program: "test"}); err != nil || len(b.Failed) > 0 {
					t.Fatal(err, b)
				}
				fast, _, err := indexedStats(context.Background(), &input{name: in.Dir, ended: true, ledger: func() archive.Ledger { return archive.Ledger{} }}, 5)
				if errors.Is(err, query.ErrCannotAnswer) && filepath.Base(file) == "PcapPlusPlus__ip-frag.pcap" {
					t.Log("fragments: from the packets in any case")
				} else if err != nil || fast.Packets != s.Packets() {
					t.Fatalf("%s: not from the index: %v", what, err)
				}
				if got := statsOf(t, in.Dir); got != plain {
					t.Errorf("%s, from the index:\n%s\nfrom the packets:\n%s", what, got, plain)
				}
			}
			compare("all")
			names, err := filepath.Glob(filepath.Join(in.Dir, "*.p*"))
			if err != nil {
				t.Fatal(err)
			}
			for _, name := range names {
				first := strings.HasPrefix(filepath.Base(name), "000001.")
				if strings.HasSuffix(name, ".parquet") || first && len(names) > 5 {
					if err := os.Remove(name); err != nil {
						t.Fatal(err)
					}
				}
			}
			compare("the first segment is gone")
		})
	}
}

// statsOf returns the statistics in both forms, with short and long lists of addresses.
func statsOf(t *testing.T, dir string) string {
	t.Helper()
	var out bytes.Buffer
	for _, top := range []int{5, 0, 1000} {
		for _, asJSON := range []bool{false, true} {
			if err := runStats(context.Background(), &out, []string{dir}, nil, asJSON, top); err != nil {
				t.Fatal(err)
			}
		}
	}
	return out.String()
}
