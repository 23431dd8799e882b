package web

import (
	"fmt"
	"maps"
	"net/http"
	"runtime"
	"slices"
	"strings"
)

// metrics answers in the text format of Prometheus (exposition format 0.0.4). No label
// holds an address or a name from the traffic: the number of series does not depend on
// what is captured.
func (s *Server) metrics(w http.ResponseWriter, _ *http.Request) {
	var m exposition
	m.one("page_clients", "gauge", "Pages that are open.", uint64(max(s.clients.Load(), 0)))
	m.one("page_stalled_clients_total", "counter", "Pages that were dropped because they took nothing.", s.stalled.Load())
	m.one("page_windows_total", "counter", "Windows of rows that were sent.", s.windows.Load())
	m.one("page_skipped_rows_total", "counter", "Rows that following pages did not see.", s.skipped.Load())
	m.head("page_refused_requests_total", "counter", "Requests that were refused.")
	for i := range s.refused {
		m.value(s.refused[i].Load(), "reason", refusalNames[i])
	}
	m.one("page_refused_notes_total", "counter", "Marks and comments that there was no room for.", s.full.Load())
	m.head("page_dissections_total", "counter", "Packets that sharkd was asked about.")
	m.value(s.dissected.Load(), "outcome", "answered")
	m.value(s.undissected.Load(), "outcome", "failed")
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	m.one("heap_bytes", "gauge", "Bytes of live and not yet collected objects.", mem.HeapAlloc)
	m.one("goroutines", "gauge", "Goroutines.", uint64(runtime.NumGoroutine()))
	if s.cfg.Hub != nil {
		s.captureMetrics(&m)
	}
	w.Header().Set("Content-Type", "text/plain; version=0.0.4; charset=utf-8")
	_, _ = w.Write([]byte(m.b.String()))
}

func (s *Server) captureMetrics(m *exposition) {
	snap := s.cfg.Hub.Snapshot()
	doc := snap.Stats.Document()
	m.one("packets_total", "counter", "Packets that were counted.", doc.Packets)
	m.one("bytes_total", "counter", "Bytes on the wire of the packets that were counted.", doc.Bytes)
	m.head("protocol_packets_total", "counter", "Packets by name or number of the IP protocol.")
	for _, name := range slices.Sorted(maps.Keys(doc.Protocols)) {
		m.value(doc.Protocols[name].Packets, "protocol", name)
	}
	m.head("decoded_packets_total", "counter", "Packets by how their decoding ended.")
	for _, name := range slices.Sorted(maps.Keys(doc.Outcomes)) {
		m.value(doc.Outcomes[name], "outcome", name)
	}
	var suspended uint64
	if !snap.Suspended.IsZero() {
		suspended = 1
	}
	m.one("suspended", "gauge", "1 while no packets are taken, as the reader has stopped the capture.", suspended)
	m.head("interface_packets_total", "counter", "Packets by interface and place.")
	for _, i := range snap.Interfaces {
		m.value(i.Received, "interface", i.Name, "place", "received")
		m.value(i.Dropped, "interface", i.Name, "place", "dropped")
		m.value(i.Delivered, "interface", i.Name, "place", "delivered")
		m.value(i.Skipped, "interface", i.Name, "place", "skipped")
	}
	l := snap.Ledger
	if l == nil {
		return
	}
	m.head("ledger_packets_total", "counter", "Where packets are: received = delivered + dropped_by_kernel + skipped; delivered = written + lost.")
	m.value(l.Received, "place", "received")
	m.value(l.Dropped, "place", "dropped_by_kernel")
	m.value(l.Skipped, "place", "skipped")
	m.value(l.Delivered, "place", "delivered")
	m.value(l.Written, "place", "written")
	m.value(l.Lost, "place", "lost")
	m.head("follower_packets", "gauge", "Packets by follower of the archive: written = applied + behind + expired.")
	for _, f := range l.Followers {
		m.value(f.Applied, "follower", f.Name, "place", "applied")
		m.value(f.Behind, "follower", f.Name, "place", "behind")
		m.value(f.Expired, "follower", f.Name, "place", "expired")
	}
	m.head("limits_reached_total", "counter", "What had to go for the sake of a cap: docs/limits.md.")
	for _, f := range l.Followers {
		for _, name := range slices.Sorted(maps.Keys(f.Limits)) {
			m.value(f.Limits[name], "follower", f.Name, "limit", name)
		}
	}
}

// exposition is a text of metrics.
type exposition struct {
	b    strings.Builder
	name string
}

func (m *exposition) head(name, kind, help string) {
	m.name = "tarrafa_" + name
	fmt.Fprintf(&m.b, "# HELP %s %s\n# TYPE %s %s\n", m.name, help, m.name, kind)
}

// labelText escapes what a label's value may not hold.
var labelText = strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\n", `\n`)

func (m *exposition) value(n uint64, labels ...string) {
	m.b.WriteString(m.name)
	for i := 0; i+1 < len(labels); i += 2 {
		sep := byte(',')
		if i == 0 {
			sep = '{'
		}
		m.b.WriteByte(sep)
		fmt.Fprintf(&m.b, `%s="%s"`, labels[i], labelText.Replace(labels[i+1]))
	}
	if len(labels) > 0 {
		m.b.WriteByte('}')
	}
	fmt.Fprintf(&m.b, " %d\n", n)
}

func (m *exposition) one(name, kind, help string, n uint64) {
	m.head(name, kind, help)
	m.value(n)
}
