package capture

import (
	"bytes"
	"encoding/binary"
	"io"
	"net"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	"github.com/tarrafa/tarrafa/internal/segment"
)

// A bulk transfer over veth travels in frames of up to 64 KiB, with BIG TCP longer ones:
// they must come whole, and their payload must be the stream that was sent.
func TestLongFrames(t *testing.T) {
	for _, c := range []struct {
		name, from, to string
		big            bool
	}{
		{"GSO", "10.9.0.1", "10.9.0.2", false},
		{"BIG TCP", "fd09::1", "fd09::2", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			far := newNetns(t)
			near := newNetns(t)
			ip(t, "link add va type veth peer name vb netns "+far.path())
			setUp := func(dev, addr string) {
				_ = os.WriteFile("/proc/sys/net/ipv6/conf/"+dev+"/disable_ipv6", []byte("0"), 0)
				if c.big {
					out, err := exec.CommandContext(t.Context(), "ip", strings.Fields("link set "+dev+" gso_max_size 200000 gro_max_size 200000")...).CombinedOutput()
					if err != nil {
						t.Skipf("no BIG TCP here: %v: %s", err, out)
					}
					ip(t, "addr add "+addr+"/64 dev "+dev+" nodad")
				} else {
					ip(t, "addr add "+addr+"/24 dev "+dev)
				}
				ip(t, "link set "+dev+" up")
			}
			setUp("va", c.from)
			far.enter(t)
			setUp("vb", c.to)
			l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", net.JoinHostPort(c.to, "7000"))
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = l.Close() }()
			receiver := open(t, Options{Interfaces: []string{"vb"}, BufferBytes: 32 << 20})
			near.enter(t)
			sender := open(t, Options{Interfaces: []string{"va"}, BufferBytes: 32 << 20, Direction: Out})

			const size = 8 << 20
			data := make([]byte, size)
			for i := range data {
				data[i] = byte(i * i >> 7)
			}
			go func() {
				if c, err := l.Accept(); err == nil {
					_, _ = io.Copy(io.Discard, c)
					_ = c.Close()
				}
			}()
			conn, err := (&net.Dialer{Timeout: 5 * time.Second}).DialContext(t.Context(), "tcp", net.JoinHostPort(c.to, "7000"))
			if err != nil {
				t.Fatal(err)
			}
			if _, err := conn.Write(data); err != nil {
				t.Fatal(err)
			}
			_ = conn.(*net.TCPConn).CloseWrite()
			_, _ = io.Copy(io.Discard, conn) // until the far end has read everything
			_ = conn.Close()

			for side, s := range map[string]Source{"sender": sender, "receiver": receiver} {
				stream, longest := payload(t, s)
				if !bytes.Equal(stream, data) {
					t.Errorf("%s: %d bytes of payload are not the %d that were sent", side, len(stream), size)
				}
				if counters := s.Counters(); counters.Dropped != 0 || counters.Truncated != 0 {
					t.Errorf("%s: %+v", side, counters)
				}
				want := 20_000
				if c.big {
					want = 66_000
				}
				if longest < want {
					t.Errorf("%s: the longest frame has %d bytes", side, longest)
				}
				t.Logf("%s: longest frame %d bytes", side, longest)
			}
		})
	}
}

// payload puts the stream towards port 7000 together by sequence numbers.
func payload(t *testing.T, s Source) (stream []byte, longest int) {
	t.Helper()
	if err := s.Close(); err != nil {
		t.Error(err)
	}
	buf := make([]byte, 1<<20)
	b := segment.NewBuilder(buf)
	var next uint32
	pieces := map[uint32][]byte{} // by sequence number: two processors may swap frames
	for more := true; more; {
		b.Reset(buf)
		more = s.Fill(b, time.Second)
		for _, p := range parse(t, b.Bytes()) {
			if int(p.wireLen) != len(p.data) {
				t.Errorf("%d bytes of %d", len(p.data), p.wireLen)
			}
			tcp := transport(p.data)
			if tcp == nil || binary.BigEndian.Uint16(tcp[2:]) != 7000 {
				continue
			}
			longest = max(longest, len(p.data))
			seq := binary.BigEndian.Uint32(tcp[4:])
			body := tcp[tcp[12]>>4*4:]
			if tcp[13]&2 != 0 { // SYN
				next = seq + 1
			} else if len(body) > len(pieces[seq]) {
				pieces[seq] = body
			}
		}
	}
	for len(pieces[next]) > 0 {
		stream = append(stream, pieces[next]...)
		next += uint32(len(pieces[next]))
	}
	return stream, longest
}

// transport returns what follows the IP headers of an Ethernet frame with TCP, else nil.
func transport(f []byte) []byte {
	switch binary.BigEndian.Uint16(f[12:]) {
	case 0x0800:
		if f[14+9] == 6 {
			return f[14+f[14]&15*4:]
		}
	case 0x86dd:
		switch next := f[14+6]; {
		case next == 6:
			return f[14+40:]
		case next == 0 && f[14+40] == 6: // the jumbo option of BIG TCP
			return f[14+48:]
		}
	}
	return nil
}
