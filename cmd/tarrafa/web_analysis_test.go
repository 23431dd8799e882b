package main

import (
	"context"
	"errors"
	"testing"
)

// TestAnalysingEnds: the page's reading of a capture says how far it is, and ends with the
// request that it is for.
func TestAnalysingEnds(t *testing.T) {
	s := &shelf{files: []string{"../../internal/flow/testdata/findings/retransmissions.pcap"}}
	var told uint64
	a, err := s.Analyse(t.Context(), fileID(0), func(packets uint64) { told = packets })
	if err != nil || a.Packets == 0 || told != a.Packets {
		t.Fatalf("%v: %+v, told of %d packets", err, a, told)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := s.Analyse(ctx, fileID(0), func(uint64) {}); !errors.Is(err, context.Canceled) {
		t.Errorf("the reading ended with %v", err)
	}
}
