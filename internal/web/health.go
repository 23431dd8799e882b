package web

import (
	"math/bits"
	"net/http"

	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
)

// Health sums up what the TCP analysis found in a capture. The zero Health is ready.
type Health struct {
	Packets  uint64            `json:"packets"`
	Flows    uint64            `json:"flows"`
	TCPFlows uint64            `json:"tcp_flows"`
	Resets   uint64            `json:"resets"`
	Flags    []Verdict         `json:"flags"`  // in the order of the analysis
	States   map[string]uint64 `json:"states"` // TCP flows by how they went
	RTT      RoundTrips        `json:"rtt"`    // from segments to their acknowledgement
	Initial  RoundTrips        `json:"initial_rtt"`
}

// Verdict counts the packets that the analysis says one thing about.
type Verdict struct {
	Name    string `json:"name"`
	Filter  string `json:"filter"` // that shows them
	Packets uint64 `json:"packets"`
}

// SetVerdicts takes the counters of a [track.Analysis].
//
// [track.Analysis]: https://pkg.go.dev/github.com/tarrafa/tarrafa/internal/track#Analysis
func (h *Health) SetVerdicts(counts [flow.AnalysisCount]uint64) {
	h.Flags = make([]Verdict, flow.AnalysisCount)
	for i := range h.Flags {
		name := flow.Analysis(1 << i).Name()
		h.Flags[i] = Verdict{name, "tcp.analysis." + name, counts[i]}
	}
}

// Add counts a flow that has ended.
func (h *Health) Add(f *flow.Flow) {
	h.Flows++
	if f.Tuple.Proto != packet.ProtoTCP {
		return
	}
	h.TCPFlows++
	h.Resets += uint64(f.Client.Resets) + uint64(f.Server.Resets)
	if h.States == nil {
		h.States = map[string]uint64{}
	}
	h.States[f.State.String()]++
	h.RTT.merge(&f.Client.RTT)
	h.RTT.merge(&f.Server.RTT)
	if f.InitialRTT > 0 {
		h.Initial.one(f.InitialRTT)
	}
}

// RoundTrips is a distribution of round trip times, nanoseconds. Quantiles are upper
// bounds: the limit of the bucket in which they lie.
type RoundTrips struct {
	Count   uint64      `json:"count"`
	Min     int64       `json:"min_ns"`
	Mean    int64       `json:"mean_ns"`
	P50     int64       `json:"p50_ns"`
	P90     int64       `json:"p90_ns"`
	P99     int64       `json:"p99_ns"`
	Max     int64       `json:"max_ns"`
	Buckets []RTTBucket `json:"buckets"`

	sum    uint64 // µs
	counts [flow.RTTBuckets]uint64
}

// RTTBucket counts times below a limit and not below that of the bucket before.
type RTTBucket struct {
	Below int64  `json:"below_ns"` // 0: no limit
	Count uint64 `json:"count"`
}

func (t *RoundTrips) merge(r *flow.RTT) {
	if r.Count == 0 {
		return
	}
	t.bound(int64(r.Min)*1000, int64(r.Max)*1000)
	t.Count += uint64(r.Count)
	t.sum += r.Sum
	for i, n := range r.Buckets {
		t.counts[i] += uint64(n)
	}
}

func (t *RoundTrips) one(ns int64) {
	t.bound(ns, ns)
	t.Count++
	t.sum += uint64(ns / 1000)
	t.counts[min(bits.Len64(uint64(ns/32000)), flow.RTTBuckets-1)]++
}

func (t *RoundTrips) bound(low, high int64) {
	if t.Count == 0 || low < t.Min {
		t.Min = low
	}
	t.Max = max(t.Max, high)
}

// finish computes what is told.
func (t *RoundTrips) finish() {
	t.Buckets = make([]RTTBucket, flow.RTTBuckets)
	var total uint64
	for i := range t.Buckets {
		t.Buckets[i] = RTTBucket{flow.RTTLimit(i), t.counts[i]}
		total += t.counts[i]
	}
	if t.Count > 0 {
		t.Mean = int64(t.sum / t.Count * 1000)
	}
	quantile := func(percent uint64) int64 {
		var seen uint64
		for _, b := range t.Buckets {
			seen += b.Count
			if seen*100 >= percent*total {
				if b.Below == 0 || b.Below > t.Max {
					return t.Max
				}
				return b.Below
			}
		}
		return t.Max
	}
	t.P50, t.P90, t.P99 = quantile(50), quantile(90), quantile(99)
}

// Finish computes what is told, once all flows were added.
func (h *Health) Finish() {
	h.RTT.finish()
	h.Initial.finish()
	if h.States == nil {
		h.States = map[string]uint64{}
	}
}

func (s *Server) health(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, _ query.Scope) (any, error) {
		a, err := s.analysed(r.Context(), reader)
		if err != nil {
			return nil, err
		}
		if a.Health == nil {
			return nil, &query.CannotAnswerError{What: "the health of TCP", Why: "these captures are not analysed"}
		}
		return a.Health, nil
	})
}
