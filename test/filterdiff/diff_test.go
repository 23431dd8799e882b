package filterdiff

import (
	"errors"
	"net/netip"
	"runtime"
	"strings"
	"sync"
	"testing"

	"golang.org/x/net/bpf"

	"github.com/tarrafa/tarrafa/internal/filter"
)

const (
	generatedSeed  = 20230412
	generatedCount = 2000
)

// offline is the system's resolver without host names: no test reaches a name service.
type offline struct{ *filter.System }

var errOffline = errors.New("no host names in tests")

func (offline) Host(string) ([]netip.Addr, error) { return nil, errOffline }

var names = offline{filter.SystemResolver()}

// tally counts what came out.
type tally struct {
	mu                                               sync.Mutex
	theirs, both, syntax, hostNames, broken, disobey int
	refusedByUs, disagreements                       []string
}

// TestSameAsTcpdump compares programs: for every expression of the corpus, what tcpdump compiles and what we compile
// run over the test's own packets and over the captures of others, and have to match the same ones.
func TestSameAsTcpdump(t *testing.T) {
	d := newTcpdump(t)
	packets := map[int][]Packet{}
	for _, lt := range LinkTypes {
		packets[lt] = Packets(lt, 1)
	}
	for _, c := range captures(t) {
		packets[c.linkType] = append(packets[c.linkType], c.packets...)
	}
	seen := map[Case]bool{}
	var cases []Case
	for _, c := range append(Handwritten(), Generated(generatedSeed, generatedCount)...) {
		if !seen[c] {
			seen[c] = true
			cases = append(cases, c)
		}
	}
	if len(cases) < 2000 {
		t.Fatalf("only %d expressions", len(cases))
	}
	var n tally
	work := make(chan Case)
	var wg sync.WaitGroup
	for range runtime.GOMAXPROCS(0) {
		wg.Go(func() {
			for c := range work {
				n.compare(d, c, packets[c.LinkType])
			}
		})
	}
	for _, c := range cases {
		work <- c
	}
	close(work)
	wg.Wait()

	for i, s := range n.disagreements {
		if i == 20 {
			break
		}
		t.Error(s)
	}
	for i, s := range n.refusedByUs {
		if i == 20 {
			break
		}
		t.Log("refused by us only: ", s)
	}
	share := 100 * float64(n.both) / float64(max(1, n.theirs))
	t.Logf("%d expressions; tcpdump takes %d, of them we take %d (%.2f %%); syntax errors refused by both: %d; "+
		"programs of tcpdump that read memory they did not write, not compared: %d; broken by its optimiser: %d; disagreements: %d",
		len(cases), n.theirs, n.both, share, n.syntax, n.broken, n.disobey, len(n.disagreements))
	if share < 98 {
		t.Errorf("%.2f %% of what tcpdump takes is accepted, want 98 %%", share)
	}
	if n.both < 2000 {
		t.Errorf("only %d programs compared", n.both)
	}
	if n.disobey > n.both/1000 {
		t.Errorf("%d expressions are said to be broken by tcpdump's optimiser: that is too many to believe", n.disobey)
	}
}

// compare runs one case.
func (n *tally) compare(d *Tcpdump, c Case, packets []Packet) {
	ours, err := filter.Compile(c.Expr, filter.Target{LinkType: c.LinkType, Resolver: names})
	if errors.Is(err, errOffline) {
		n.mu.Lock()
		n.hostNames++
		n.mu.Unlock()
		return
	}
	ins, theirErr := d.Compile(c.LinkType, c.Expr, true)
	n.mu.Lock()
	defer n.mu.Unlock()
	switch {
	case theirErr != nil && !errors.Is(theirErr, ErrRefused):
		n.disagreements = append(n.disagreements, c.Expr+": "+theirErr.Error())
		return
	case theirErr != nil:
		if strings.Contains(theirErr.Error(), "syntax error") {
			n.syntax++
			// "vxlan" is ours: libpcap has it from 1.11 on.
			if err == nil && !strings.Contains(c.Expr, "vxlan") {
				n.disagreements = append(n.disagreements, c.Expr+": a syntax error for tcpdump, taken by us")
			}
		}
		return
	}
	n.theirs++
	if err != nil {
		n.refusedByUs = append(n.refusedByUs, c.Expr+": "+err.Error())
		return
	}
	n.both++
	n.mu.Unlock()
	at, same := agree(ins, ours, packets)
	var broken, miscompiled bool
	if !same {
		if plain, err := d.Compile(c.LinkType, c.Expr, false); err == nil {
			broken = Broken(plain)
			miscompiled = lostTest(ins, plain, ours, packets)
		}
	}
	n.mu.Lock()
	switch {
	case same:
	case broken:
		n.broken++
	case miscompiled:
		n.disobey++
	default:
		n.disagreements = append(n.disagreements, disagreement(c, ins, ours, packets[at]))
	}
}

// agree runs both programs over all packets; at is the first one that only one of them matches.
func agree(ins []bpf.RawInstruction, ours *filter.Program, packets []Packet) (at int, same bool) {
	theirs := &filter.Program{Ins: ins}
	for i, p := range packets {
		if theirs.Match(p.Data, p.Len) != ours.Match(p.Data, p.Len) {
			return i, false
		}
	}
	return 0, true
}

// lostTest reports whether tcpdump's optimiser changed what the expression says: on packets long enough for every
// load, its program with the optimiser differs from the one without (-O), and ours does not.
func lostTest(optimised, plain []bpf.RawInstruction, ours *filter.Program, packets []Packet) bool {
	a, b := &filter.Program{Ins: optimised}, &filter.Program{Ins: plain}
	differs := false
	for _, p := range packets {
		long := append(append([]byte(nil), p.Data...), make([]byte, 1024)...)
		want := b.Match(long, len(long))
		if ours.Match(long, len(long)) != want {
			return false
		}
		differs = differs || a.Match(long, len(long)) != want
	}
	return differs
}

// disagreement tells one with both programs.
func disagreement(c Case, ins []bpf.RawInstruction, ours *filter.Program, p Packet) string {
	var b strings.Builder
	theirs := &filter.Program{Ins: ins}
	b.WriteString(c.Expr + " on " + filter.LinkTypeName(c.LinkType) + "\ntcpdump's:\n")
	_ = theirs.Dump(&b, filter.DumpText)
	b.WriteString("ours:\n")
	_ = ours.Dump(&b, filter.DumpText)
	b.WriteString("packet: ")
	const hex = "0123456789abcdef"
	for _, x := range p.Data[:min(len(p.Data), 128)] {
		b.WriteByte(hex[x>>4])
		b.WriteByte(hex[x&15])
	}
	return b.String()
}

// TestSyntaxErrorsAreRefused holds the list of texts that are no expressions, without tcpdump.
func TestSyntaxErrorsAreRefused(t *testing.T) {
	for _, s := range SyntaxErrors {
		_, err := filter.Compile(s, filter.Target{LinkType: 1, Resolver: names})
		var e *filter.Error
		if !errors.As(err, &e) {
			t.Errorf("%q is taken, or refused by %v", s, err)
			continue
		}
		if e.Pos < 0 || e.Pos > len(s) || strings.ContainsAny(e.Error(), "\n\r") {
			t.Errorf("%q: position %d, message %q", s, e.Pos, e.Error())
		}
	}
}
