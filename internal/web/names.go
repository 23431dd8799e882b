package web

import (
	"context"
	"net/http"
	"net/netip"
	"strconv"
	"strings"
	"sync"
	"time"

	"github.com/tarrafa/tarrafa/internal/app"
	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/query"
	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// Bounds of names.
const (
	maxNamed      = 256                    // addresses of one question
	namesPage     = 1000                   // DNS answers that are read at once
	namesTime     = 500 * time.Millisecond // of one question
	namedCaptures = 8                      // captures whose names are held
	passiveNames  = 16 << 10               // addresses with a name, at about 110 bytes each
)

// answersFilter holds the packets that may be DNS answers.
var answersFilter = func() *query.Filter {
	f, err := query.Parse("udp.srcport in {53, 5353, 5355}")
	if err != nil {
		panic(err)
	}
	return f
}()

// resolver is what the DNS answers of one capture said so far.
type resolver struct {
	id   string
	used time.Time

	turn     chan struct{} // held by who reads on
	position uint64        // of the next answer among those that pass
	last     uint64        // number of the one before
	moment   int64         // its time

	mu         sync.Mutex
	passive    *app.PassiveDNS
	recognizer *app.Recognizer
}

// resolvers are those of the captures that were asked about last.
type resolvers struct {
	mu   sync.Mutex
	list []*resolver
}

func (r *resolvers) of(id string) *resolver {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	oldest := 0
	for i, n := range r.list {
		if n.id == id {
			n.used = now
			return n
		}
		if n.used.Before(r.list[oldest].used) {
			oldest = i
		}
	}
	n := &resolver{id: id, used: now, turn: make(chan struct{}, 1), passive: app.NewPassiveDNS(passiveNames), recognizer: app.NewRecognizer(app.Options{})}
	n.recognizer.Passive = n.passive
	if len(r.list) < namedCaptures {
		r.list = append(r.list, n)
	} else {
		r.list[oldest] = n
	}
	return n
}

// named is what the page shows of an address's name.
type named struct {
	Name    string `json:"name"`
	Expired bool   `json:"expired"`
}

// names answers with the names that DNS answers in the capture gave some addresses.
func (s *Server) names(w http.ResponseWriter, r *http.Request) {
	s.ask(w, r, func(reader *lent, _ query.Scope) (any, error) {
		asked, flows := r.URL.Query()["address"], r.URL.Query()["flow"]
		if n := len(asked) + len(flows); n == 0 || n > maxNamed {
			return nil, &requestError{"address", "1 to 256 of them and of flows"}
		}
		ofFlows, behind, gone, err := s.flowNames(r.PathValue("id"), flows)
		if err != nil {
			return nil, err
		}
		addrs := make([]netip.Addr, len(asked))
		for i, text := range asked {
			var err error
			if addrs[i], err = netip.ParseAddr(text); err != nil || addrs[i].Zone() != "" {
				return nil, &requestError{"address", "an IPv4 or IPv6 address"}
			}
		}
		names := s.resolvers.of(reader.id)
		complete, err := names.learn(r.Context(), reader)
		if err != nil {
			return nil, err
		}
		v := struct {
			Names    map[string]named `json:"names"`
			Complete bool             `json:"complete"`

			Flows  map[string]string `json:"flows"`
			Behind uint64            `json:"flows_behind"`
			Gone   uint64            `json:"flows_gone"`
		}{map[string]named{}, complete, ofFlows, behind, gone}
		for i, a := range addrs {
			if n, ok := names.lookup(a); ok {
				v.Names[asked[i]] = n
			}
		}
		return v, nil
	})
}

// flowNames returns what the applications of flows of the running capture called the other
// side, by the flows as they were written: tcp,192.0.2.1,40000,192.0.2.2,443. Of a capture that
// is not running nothing is known here. behind is how many packets were not yet looked at, gone
// how many names made room for newer ones.
func (s *Server) flowNames(id string, flows []string) (found map[string]string, behind, gone uint64, err error) {
	found = map[string]string{}
	names := s.cfg.FlowNames
	running := names != nil && s.cfg.Hub != nil && (id == liveName || id == s.cfg.LiveID)
	for _, text := range flows {
		f := strings.Split(text, ",")
		protocols := map[string]uint8{"tcp": packet.ProtoTCP, "udp": packet.ProtoUDP}
		if len(f) != 5 || protocols[f[0]] == 0 {
			return nil, 0, 0, errFlow
		}
		var ends [2]netip.AddrPort
		for i := range ends {
			a, aerr := netip.ParseAddr(f[1+2*i])
			port, perr := strconv.ParseUint(f[2+2*i], 10, 16)
			if aerr != nil || perr != nil || a.Zone() != "" {
				return nil, 0, 0, errFlow
			}
			ends[i] = netip.AddrPortFrom(a, uint16(port))
		}
		if running {
			if name := names.Of(protocols[f[0]], ends[0], ends[1]); name != "" {
				found[text] = notes.Clean(name)
			}
		}
	}
	if running {
		_, last := s.cfg.Hub.Bounds()
		var next uint64
		next, gone = names.Progress()
		behind = last + 1 - min(last+1, max(next, 1))
	}
	return found, behind, gone, nil
}

var errFlow = &requestError{"flow", "tcp or udp, address, port, address, port, with commas"}

func (n *resolver) lookup(a netip.Addr) (named, bool) {
	n.mu.Lock()
	defer n.mu.Unlock()
	name, fresh := n.passive.Lookup(a, n.moment)
	if name == nil {
		return named{}, false
	}
	return named{notes.Clean(string(name)), !fresh}, true
}

// learn reads the answers that have come since, for a while; complete tells whether it got
// to the end.
func (n *resolver) learn(ctx context.Context, reader *lent) (complete bool, err error) {
	select {
	case n.turn <- struct{}{}:
		defer func() { <-n.turn }()
	case <-ctx.Done():
		return false, ctx.Err()
	}
	scope := query.Scope{Filter: answersFilter}
	for begun := time.Now(); time.Since(begun) < namesTime; {
		page, err := reader.Packets(ctx, scope, n.position, namesPage)
		if err != nil {
			return false, err
		}
		rows := page.Rows
		if n.position > 0 && len(rows) > 0 && rows[0].Number <= n.last {
			// Positions have moved: that happens when old packets are removed only the
			// other way round, so there is nothing to be read twice.
			return true, nil
		}
		if err := reader.each(ctx, numbersOf(rows), n.take); err != nil {
			return false, err
		}
		n.position += uint64(len(rows))
		if len(rows) < namesPage {
			return true, n.settle(ctx, reader, scope)
		}
	}
	return false, nil
}

// settle finds its place again when retention has removed answers that were read.
func (n *resolver) settle(ctx context.Context, reader *lent, scope query.Scope) error {
	if n.last == 0 {
		return nil
	}
	first, err := reader.Packets(ctx, query.Scope{}, 0, 1)
	if err != nil || len(first.Rows) == 0 || first.Rows[0].Number == 1 {
		return err
	}
	l := &listing{reader: reader, scope: scope}
	n.position, err = l.rank(ctx, n.last+1)
	return err
}

// take learns from one packet.
func (n *resolver) take(d *dataOf) error {
	n.last, n.moment = d.Number, d.Time
	p := payloadOf(d.Summary, d.data)
	if len(p) == 0 || d.Inner.Proto != packet.ProtoUDP {
		return nil
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	var flow app.FlowState // datagrams stand for themselves
	n.recognizer.Segment(&flow, &app.Segment{
		Payload: p, Time: d.Time, SrcPort: d.Inner.SrcPort, DstPort: d.Inner.DstPort, Transport: packet.ProtoUDP,
		Truncated: uint32(len(p)) < d.PayloadLen,
	})
	return nil
}
