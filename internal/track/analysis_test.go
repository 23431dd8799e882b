package track_test

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"strings"
	"testing"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/flow"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/track"
)

// scene writes packets of a made-up network into a chunk. Client is 10.0.0.c, server
// 10.1.0.1; times are milliseconds.
type scene struct {
	b     *segment.Builder
	clock int64
}

func newScene() *scene {
	return &scene{b: segment.NewBuilder(make([]byte, 0, segment.ChunkSize))}
}

func (s *scene) chunk() *segment.Chunk {
	return &segment.Chunk{
		Segment: 1, First: 1, Packets: s.b.Packets(), Bytes: s.b.Bytes(),
		Interfaces: []segment.Interface{{Link: packet.LinkEthernet, Resolution: segment.Nanoseconds}},
	}
}

func (s *scene) ip(proto uint8, fromClient bool, client byte, transport []byte) {
	s.clock++
	size := 34 + len(transport)
	p := s.b.Packet(0, s.clock*1e6, uint32(size), uint32(size), packet.DirectionReceived)
	clear(p)
	p[12], p[14] = 8, 0x45
	binary.BigEndian.PutUint16(p[16:], uint16(size-14))
	p[22], p[23] = 64, proto
	a, b := []byte{10, 0, 0, client}, []byte{10, 1, 0, 1}
	if !fromClient {
		a, b = b, a
	}
	copy(p[26:], a)
	copy(p[30:], b)
	copy(p[34:], transport)
}

func (s *scene) tcp(fromClient bool, client byte, port uint16, seq, ack uint32, flags byte, payload string) {
	t := make([]byte, 20, 20+len(payload))
	from, to := port, uint16(80)
	if !fromClient {
		from, to = to, from
	}
	binary.BigEndian.PutUint16(t, from)
	binary.BigEndian.PutUint16(t[2:], to)
	binary.BigEndian.PutUint32(t[4:], seq)
	binary.BigEndian.PutUint32(t[8:], ack)
	t[12], t[13] = 0x50, flags
	binary.BigEndian.PutUint16(t[14:], 1000)
	s.ip(6, fromClient, client, append(t, payload...))
}

func (s *scene) dns(client byte, name string) {
	m := []byte{8: 0, 11: 0}
	binary.BigEndian.PutUint16(m, 0x1000)
	m[2], m[5] = 1, 1
	for label := range strings.SplitSeq(name, ".") {
		m = append(m, byte(len(label)))
		m = append(m, label...)
	}
	m = append(m, 0, 0, 1, 0, 1)
	u := make([]byte, 8, 8+len(m))
	binary.BigEndian.PutUint16(u, 5000)
	binary.BigEndian.PutUint16(u[2:], 53)
	binary.BigEndian.PutUint16(u[4:], uint16(8+len(m)))
	s.ip(17, true, client, append(u, m...))
}

const (
	fin = 1
	syn = 2
	psh = 0x18
	ack = 0x10
)

// request is a connection that asks for a page of a host.
func (s *scene) request(client byte, port uint16, isn uint32, host string) {
	get := "GET /page HTTP/1.1\r\nHost: " + host + "\r\n\r\n"
	s.tcp(true, client, port, isn, 0, syn, "")
	s.tcp(false, client, port, 900, isn+1, syn|ack, "")
	s.tcp(true, client, port, isn+1, 901, ack, "")
	s.tcp(true, client, port, isn+1, 901, psh, get)
	s.tcp(true, client, port, isn+1, 901, psh, get)
	end := isn + 1 + uint32(len(get))
	s.tcp(false, client, port, 901, end, psh, "HTTP/1.1 204 No Content\r\n\r\n")
	s.tcp(true, client, port, end, 928, fin|ack, "")
	s.tcp(false, client, port, 928, end+1, fin|ack, "")
}

func texts(b *track.Batch, row int, name string) []string {
	f := query.LookupField(name)
	var list []string
	for _, n := range b.AppendNotes(nil, row) {
		if n.Field == f {
			list = append(list, string(f.AppendText(nil, n.Value)))
		}
	}
	return list
}

func TestAnalysisSaysWhatPacketsAreAbout(t *testing.T) {
	s := newScene()
	s.dns(7, "tarrafa")
	s.request(1, 4000, 100, "a.example")
	tr := track.NewAnalysing(track.NewAnalysis(track.AnalysisOptions{}))
	tr.Load(s.chunk())
	b := tr.Next()
	for _, c := range []struct {
		row   int
		field string
		want  string
	}{
		{0, "udp.stream", "0"},
		{0, "dns.qry.name", "tarrafa"},
		{0, "dns", "dns"},
		{0, "tcp.stream", ""},
		{1, "tcp.stream", "0"},
		{3, "tcp.analysis.initial_rtt", "0.002000000"},
		{4, "http.host", "a.example"},
		{4, "http.request.uri", "/page"},
		{4, "tcp.analysis.retransmission", ""},
		{5, "tcp.analysis.retransmission", "1"},
		{5, "http.host", ""}, // read once
		{6, "http.response.code", "204"},
		{6, "app", "http"},
		{6, "tcp.analysis.acks_frame", "5"},
	} {
		got := ""
		if list := texts(b, c.row, c.field); len(list) > 0 {
			got = list[0]
		}
		if got != c.want {
			t.Errorf("row %d, %s: %q, want %q", c.row, c.field, got, c.want)
		}
	}
}

// Flows that end while their last packets are still in the batch keep their names, also
// when their place is taken at once.
func TestConversationsKeepTheirNames(t *testing.T) {
	s := newScene()
	hosts := []string{"one.example", "two.example", "three.example"}
	for i, h := range hosts {
		s.request(1, 4000, uint32(10000*(i+1)), h) // the same ports again
	}
	var got []string
	a := track.NewAnalysis(track.AnalysisOptions{Ended: func(c *track.Conversation) {
		if c.Protocol != app.HTTP || c.NameField != app.FieldHTTPHost {
			t.Errorf("flow %d: %v, name from %v", c.ID, c.Protocol, c.NameField)
		}
		got = append(got, string(c.Name))
	}})
	tr := track.NewAnalysing(a)
	tr.Load(s.chunk())
	for tr.Next() != nil {
	}
	if len(got) != 2 {
		t.Errorf("before the end: %q", got)
	}
	a.Drain()
	for i := range hosts {
		if len(got) != len(hosts) || got[i] != hosts[i] {
			t.Fatalf("%q, want %q", got, hosts)
		}
	}
	c := a.Counters()
	if c.Flow.Reused != 2 || c.Flow.Closed != 1 || c.Retransmissions() != 3 || c.NamesLost != 0 {
		t.Errorf("%+v", c)
	}
}

// The pieces of a request come in the wrong order, the first one twice. Like tshark nobody
// reads a message then, but the flow has its name.
func TestNamesOfSegmentsOutOfOrder(t *testing.T) {
	s := newScene()
	get := "GET /page HTTP/1.1\r\nHost: split.example\r\n\r\n"
	s.tcp(true, 1, 4000, 100, 0, syn, "")
	s.tcp(false, 1, 4000, 900, 101, syn|ack, "")
	s.tcp(true, 1, 4000, 101, 901, ack, "")
	s.tcp(true, 1, 4000, 101+20, 901, psh, get[20:])
	s.tcp(true, 1, 4000, 101, 901, psh, get[:20])
	s.tcp(true, 1, 4000, 101, 901, psh, get[:20])
	a := track.NewAnalysis(track.AnalysisOptions{})
	tr := track.NewAnalysing(a)
	tr.Load(s.chunk())
	b := tr.Next()
	for row := range b.Rows {
		if got := texts(b, row, "http.host"); len(got) != 0 {
			t.Errorf("host at packet %d: %q", row+1, got)
		}
	}
	var c track.Conversation
	if !a.Find(&b.Notes[5], &c) || string(c.Name) != "split.example" || c.Client.Retransmissions == 0 {
		t.Errorf("%+v", c)
	}
}

// The names that a client asks for reach the Watch.
func TestWatchHearsOfNames(t *testing.T) {
	s := newScene()
	for i := range 300 {
		s.dns(1, fmt.Sprintf("%x", sha256.Sum256([]byte{byte(i), byte(i >> 8)}))[:60]+".tunnel.example")
	}
	w := flow.NewWatch(flow.WatchOptions{})
	tr := track.NewAnalysing(track.NewAnalysis(track.AnalysisOptions{Watch: w}))
	tr.Load(s.chunk())
	for tr.Next() != nil {
	}
	for f := range w.All() {
		if f.Kind == flow.FindDNSTunnel {
			return
		}
	}
	t.Error("a tunnel through DNS was not found")
}

func mixed() *segment.Chunk {
	s := newScene()
	for i := range 200 {
		s.request(byte(i), 4000, 1, "steady.example")
		s.dns(byte(i), "steady")
	}
	return s.chunk()
}

func TestAnalysisAllocatesNothing(t *testing.T) {
	c := mixed()
	a := track.NewAnalysis(track.AnalysisOptions{
		Watch: flow.NewWatch(flow.WatchOptions{}), Ended: func(*track.Conversation) {},
	})
	tr := track.NewAnalysing(a)
	var notes []query.Note
	once := func() {
		tr.Load(c)
		for b := tr.Next(); b != nil; b = tr.Next() {
			for i := range b.Rows {
				notes = b.AppendNotes(notes[:0], i)
			}
		}
	}
	for range 5 {
		once()
	}
	if n := testing.AllocsPerRun(20, once); n != 0 {
		t.Errorf("%v allocations for a chunk of %d packets", n, c.Packets)
	}
}

func BenchmarkAnalyse(b *testing.B) {
	c := mixed()
	tr := track.NewAnalysing(track.NewAnalysis(track.AnalysisOptions{}))
	for b.Loop() {
		tr.Load(c)
		for tr.Next() != nil {
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(c.Packets), "ns/packet")
}

// What is sent again or comes out of order does not carry the application, as in tshark.
func TestSentAgainIsNotShown(t *testing.T) {
	s := newScene()
	s.tcp(true, 1, 4000, 100, 0, syn, "")
	s.tcp(false, 1, 4000, 900, 101, syn|ack, "")
	s.tcp(true, 1, 4000, 101, 901, ack, "")
	s.tcp(false, 1, 4000, 901, 101, psh, "SSH-2.0-one\r\n") // 13 bytes
	s.tcp(false, 1, 4000, 901, 101, psh, "SSH-2.0-one\r\n")
	s.tcp(false, 1, 4000, 954, 101, psh, strings.Repeat("b", 40))
	s.tcp(false, 1, 4000, 914, 101, psh, strings.Repeat("a", 40))
	s.tcp(false, 1, 4000, 994, 101, psh, strings.Repeat("c", 40))
	tr := track.NewAnalysing(track.NewAnalysis(track.AnalysisOptions{}))
	tr.Load(s.chunk())
	b := tr.Next()
	want := []bool{3: true, 4: false, 5: true, 6: false, 7: true}
	for row := 3; row < len(b.Rows); row++ {
		if b.Apps[row] != app.SSH || b.Shown[row] != want[row] {
			t.Errorf("packet %d: %v, shown: %t", row+1, b.Apps[row], b.Shown[row])
		}
	}
}
