package main

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/gopacket/gopacket"
	"github.com/gopacket/gopacket/layers"
	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/test/trust/lab"
)

const livePage = "127.0.0.1:7447"

// talk makes the packets of a TCP conversation with a lost answer, and of a question to DNS:
// eight frames.
func talk(t *testing.T, n int) (frames [][]byte) {
	t.Helper()
	eth := &layers.Ethernet{SrcMAC: []byte{2, 0, 0, 0, 0, 1}, DstMAC: []byte{2, 0, 0, 0, 0, 2}, EthernetType: layers.EthernetTypeIPv4}
	client, server := net.IP{10, 99, 0, 1}, net.IP{10, 99, 0, 2}
	add := func(src, dst net.IP, proto layers.IPProtocol, rest ...gopacket.SerializableLayer) {
		ip := &layers.IPv4{Version: 4, TTL: 64, Protocol: proto, SrcIP: src, DstIP: dst}
		for _, l := range rest {
			if c, ok := l.(interface {
				SetNetworkLayerForChecksum(gopacket.NetworkLayer) error
			}); ok {
				if err := c.SetNetworkLayerForChecksum(ip); err != nil {
					t.Fatal(err)
				}
			}
		}
		buf := gopacket.NewSerializeBuffer()
		if err := gopacket.SerializeLayers(buf, gopacket.SerializeOptions{FixLengths: true, ComputeChecksums: true}, append([]gopacket.SerializableLayer{eth, ip}, rest...)...); err != nil {
			t.Fatal(err)
		}
		frames = append(frames, buf.Bytes())
	}
	tcp := func(up bool, seq, ack uint32, flags string, payload string) {
		l := &layers.TCP{SrcPort: layers.TCPPort(20_000 + n), DstPort: 8000, Seq: seq, Ack: ack, Window: 5000}
		src, dst := client, server
		if !up {
			l.SrcPort, l.DstPort, src, dst = l.DstPort, l.SrcPort, server, client
		}
		for _, f := range flags {
			switch f {
			case 'S':
				l.SYN = true
			case 'A':
				l.ACK = true
			}
		}
		add(src, dst, layers.IPProtocolTCP, l, gopacket.Payload(payload))
	}
	tcp(true, 100, 0, "S", "")
	tcp(false, 300, 101, "SA", "")
	tcp(true, 101, 301, "A", "")
	tcp(true, 101, 301, "A", "the needle")
	tcp(true, 101, 301, "A", "the needle") // sent again
	tcp(false, 301, 111, "A", "")
	udp := &layers.UDP{SrcPort: layers.UDPPort(30_000 + n), DstPort: 53}
	add(client, server, layers.IPProtocolUDP, udp, &layers.DNS{
		ID: uint16(n), QDCount: 1, Questions: []layers.DNSQuestion{{Name: []byte("a.example"), Type: layers.DNSTypeA, Class: layers.DNSClassIN}},
	})
	udp = &layers.UDP{SrcPort: 53, DstPort: layers.UDPPort(30_000 + n)}
	add(server, client, layers.IPProtocolUDP, udp, &layers.DNS{
		ID: uint16(n), QR: true, QDCount: 1, ANCount: 1, Questions: []layers.DNSQuestion{{Name: []byte("a.example"), Type: layers.DNSTypeA, Class: layers.DNSClassIN}},
		Answers: []layers.DNSResourceRecord{{Name: []byte("a.example"), Type: layers.DNSTypeA, Class: layers.DNSClassIN, TTL: 60, IP: server}},
	})
	return frames
}

// put sends frames on an interface of the namespace.
func put(t *testing.T, ns lab.Namespace, device string, frames [][]byte) {
	t.Helper()
	err := ns.Inside(func() error {
		in, err := net.InterfaceByName(device)
		if err != nil {
			return err
		}
		fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW|unix.SOCK_CLOEXEC, 0)
		if err != nil {
			return err
		}
		defer func() { _ = unix.Close(fd) }()
		for _, f := range frames {
			if err := unix.Sendto(fd, f, 0, &unix.SockaddrLinklayer{Ifindex: in.Index}); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}

// inNamespace makes a client of the page in the namespace.
func inNamespace(ns lab.Namespace) *http.Client {
	return &http.Client{Timeout: 20 * time.Second, Transport: &http.Transport{DialContext: func(ctx context.Context, network, addr string) (c net.Conn, err error) {
		err = ns.Inside(func() error {
			c, err = (&net.Dialer{}).DialContext(ctx, network, addr)
			return err
		})
		return c, err
	}}}
}

// capturePage captures, confined, on vb of a namespace of its own, with a page, and returns a
// client of it.
func capturePage(t *testing.T, view, filter string) (lab.Namespace, *lab.Run, *http.Client) {
	t.Helper()
	lab.NeedsRoot(t)
	lab.Needs(t, "ip")
	program, remove, err := lab.Build("github.com/tarrafa/tarrafa/cmd/tarrafa")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(remove)
	ns := lab.NewNamespace(t)
	ns.Sh(t, "ip link set lo up")
	cmd := ns.Command(program, "capture", "-i", "vb", "--view", view, "--listen", livePage, "--data-dir", filepath.Join(lab.OpenDir(t), "data"), filter)
	cmd.Env = append(os.Environ(), "TARRAFA_TOKEN=secret")
	run := lab.Start(t, cmd)
	run.Capturing()
	return ns, run, inNamespace(ns)
}

// TestPageWhileCapturing: what the page is told of a running capture is what is in it, under
// filters of every kind, before and after they were opened.
func TestPageWhileCapturing(t *testing.T) {
	ns, run, client := capturePage(t, "none", "host 10.99.0.1 and not arp")
	const talks = 60
	for i := range talks / 2 {
		put(t, ns, "va", talk(t, i))
	}
	wanted := map[string]uint64{
		"tcp": 6 * talks, "tcp.analysis.retransmission": talks, "tcp.stream == 3 || tcp.stream == 50": 12, "dns.qry.name": 2 * talks,
		"frame contains \"needle\"": 2 * talks,
	}
	var wg sync.WaitGroup
	for filter, want := range wanted {
		wg.Go(func() {
			if got := watch(t, client, filter, want); got != want {
				t.Errorf("page, %s: %d rows, want %d", filter, got, want)
			}
		})
	}
	for i := range talks / 2 {
		put(t, ns, "va", talk(t, talks/2+i))
		time.Sleep(10 * time.Millisecond)
	}
	wg.Wait()
	get := func(path string, v any) {
		t.Helper()
		if err := fetch(t.Context(), client, http.MethodGet, path, "", v); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	for filter, want := range wanted {
		var n struct{ Count uint64 }
		if get("live/count?filter="+url.QueryEscape(filter), &n); n.Count != want {
			t.Errorf("count, %s: %d, want %d", filter, n.Count, want)
		}
	}
	var health struct {
		Packets uint64
		Flags   []struct {
			Name    string
			Packets uint64
		}
	}
	if get("live/health", &health); health.Packets != 8*talks || len(health.Flags) == 0 || health.Flags[0].Packets != talks {
		t.Errorf("health: %+v", health)
	}
	var names struct {
		Names map[string]struct{ Name string }
	}
	if get("live/names?address=10.99.0.2", &names); names.Names["10.99.0.2"].Name != "a.example" {
		t.Errorf("names: %+v", names)
	}
	var flows struct {
		Flows  map[string]string
		Behind *uint64 `json:"flows_behind"`
	}
	const dns, other = "udp,10.99.0.2,53,10.99.0.1,30003", "tcp,10.99.0.1,20003,10.99.0.2,8001"
	get("live/names?flow="+dns+"&flow="+other, &flows)
	if flows.Flows[dns] != "a.example" || len(flows.Flows) != 1 || flows.Behind == nil || *flows.Behind != 0 {
		t.Errorf("names of flows: %+v", flows)
	}
	var hit struct{ Number, Position uint64 }
	if get("live/search?text=NEEDLE&from=5&filter=tcp", &hit); hit.Number != 12 || hit.Position != 9 {
		t.Errorf("search: %+v", hit)
	}
	if err := fetch(t.Context(), client, http.MethodPut, "live/packets/12/note", `{"marked":true,"comment":"here"}`, nil); err != nil {
		t.Error(err) // the sandbox must let it be written
	}
	if code := run.End(); code != 0 {
		t.Fatalf("exit code %d\n%s", code, run.Stderr())
	}
	lab.Balanced(t, lab.ReadMeta(t, run.Kept()).Ledger)
	text, err := os.ReadFile(filepath.Join(run.Kept(), "notes.json"))
	if want := `{"version":1,"capture":{"marked":false,"comment":""},"packets":[{"number":12,"marked":true,"comment":"here"}]}` + "\n"; err != nil || string(text) != want {
		t.Errorf("notes: %s %v", text, err)
	}
}

func fetch(ctx context.Context, c *http.Client, method, path, body string, v any) error {
	var r io.Reader = http.NoBody
	if body != "" {
		r = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(ctx, method, "http://"+livePage+"/api/v1/captures/"+path, r)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", "Bearer secret")
	resp, err := c.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	if resp.StatusCode != http.StatusOK {
		b, _ := io.ReadAll(resp.Body)
		return fmt.Errorf("%s: %s", resp.Status, b)
	}
	if v == nil {
		return nil
	}
	return json.NewDecoder(resp.Body).Decode(v)
}

// watch follows a filter on the running capture until so many rows are there, and returns
// how many it saw in the end.
func watch(t *testing.T, c *http.Client, filter string, want uint64) (total uint64) {
	ctx, cancel := context.WithTimeout(t.Context(), 15*time.Second)
	defer cancel()
	conn, _, err := websocket.Dial(ctx, "ws://"+livePage+"/api/v1/ws", &websocket.DialOptions{
		HTTPClient: &http.Client{Transport: c.Transport},
		HTTPHeader: http.Header{"Authorization": {"Bearer secret"}, "Origin": {"http://" + livePage}},
	})
	if err != nil {
		t.Error(err)
		return 0
	}
	defer func() { _ = conn.CloseNow() }()
	conn.SetReadLimit(1 << 20)
	for _, m := range []map[string]any{
		{"type": "view", "view": 1, "capture": "live", "filter": filter}, {"type": "window", "view": 1, "request": 1, "count": 5, "follow": true},
	} {
		b, err := json.Marshal(m)
		if err == nil {
			err = conn.Write(ctx, websocket.MessageText, b)
		}
		if err != nil {
			t.Error(err)
			return 0
		}
	}
	for total < want {
		kind, b, err := conn.Read(ctx)
		if err != nil {
			return total
		}
		if kind == websocket.MessageBinary {
			total = binary.LittleEndian.Uint64(b[16:])
		}
	}
	return total
}
