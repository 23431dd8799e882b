package filterdiff

import (
	"bytes"
	"path/filepath"
	"runtime"
	"sync"
	"testing"

	"github.com/tarrafa/tarrafa/internal/filter"
)

// sample are expressions that tcpdump really runs over files, as a check of the method of the other test.
var sample = []string{
	"ip", "ip6", "arp", "tcp", "udp", "icmp", "icmp6", "tcp port 80", "port 53", "portrange 1-1024", "host 10.0.0.1", "net 10.0.0.0/8",
	"src net 192.168.0.0/16 and not port 443", "tcp[tcpflags] & (tcp-syn|tcp-fin) != 0", "vlan", "vlan and ip", "pppoes and ip", "mpls",
	"ip[6:2] & 0x3fff != 0", "greater 500", "less 60", "ether broadcast", "ether multicast", "ip multicast", "ip6 and udp", "not tcp and not udp",
	"tcp port 80 and (((ip[2:2] - ((ip[0]&0xf)<<2)) - ((tcp[12]&0xf0)>>2)) != 0)", "udp port 67 or udp port 68", "ip proto 47", "stp or arp",
	"len % 2 = 0", "ip[8] < 64", "udp[10] & 0x80 = 0 and port 53", "vlan and vlan and pppoes", "ip host 10.0.0.1 or ip6 multicast",
}

// TestMethod compares matched packets with those that tcpdump itself writes when it filters a file.
func TestMethod(t *testing.T) {
	d := newTcpdump(t)
	var files []capture
	for _, lt := range []int{1, 0, 101, 113, 276, 9, 127} {
		// tcpdump refuses files with records longer than the packet was: damaged ones are made whole.
		var ps []Packet
		for _, p := range Packets(lt, 2) {
			ps = append(ps, Packet{p.Data, max(p.Len, len(p.Data))})
		}
		c := capture{d.File(lt), lt, ps}
		write(t, c)
		files = append(files, c)
	}
	for _, c := range captures(t) {
		if filter.LinkTypeName(c.linkType) != "" {
			// Written anew: pcapng and compressed files become what tcpdump -w writes.
			c.name = filepath.Join(d.dir, filepath.Base(c.name)+".pcap")
			write(t, c)
			files = append(files, c)
		}
	}
	type job struct {
		c    capture
		expr string
	}
	jobs := make(chan job)
	var wg sync.WaitGroup
	var mu sync.Mutex
	runs := 0
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for j := range jobs {
				theirs, err := Matches(j.c.name, j.expr)
				p, ourErr := filter.Compile(j.expr, filter.Target{LinkType: j.c.linkType, Resolver: names})
				if (err == nil) != (ourErr == nil) {
					t.Errorf("%s on %s: tcpdump says %v, we say %v", j.expr, filepath.Base(j.c.name), err, ourErr)
				}
				if err != nil || ourErr != nil {
					continue
				}
				if want := ourMatches(p, j.c.packets); !bytes.Equal(theirs, want) {
					if plain, err := d.Compile(j.c.linkType, j.expr, false); err == nil && Broken(plain) {
						continue
					}
					t.Errorf("%s on %s: %d packets by tcpdump, %d bytes of records by us", j.expr, filepath.Base(j.c.name), len(theirs), len(want))
				}
				mu.Lock()
				runs++
				mu.Unlock()
			}
		})
	}
	for _, c := range files {
		for _, e := range sample {
			jobs <- job{c, e}
		}
	}
	close(jobs)
	wg.Wait()
	t.Logf("%d files × %d expressions, %d runs of tcpdump compared record by record", len(files), len(sample), runs)
}

// ourMatches is the records of the packets that match, as tcpdump -w writes them.
func ourMatches(p *filter.Program, packets []Packet) (out []byte) {
	for i, k := range packets {
		if !p.Match(k.Data, max(k.Len, len(k.Data))) {
			continue
		}
		out = AppendRecord(out, i, k)
	}
	return out
}

func write(t *testing.T, c capture) {
	t.Helper()
	if err := WritePcap(c.name, c.linkType, c.packets); err != nil {
		t.Fatal(err)
	}
}
