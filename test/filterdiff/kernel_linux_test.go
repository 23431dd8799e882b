package filterdiff

import (
	"errors"
	"math/rand/v2"
	"testing"

	"golang.org/x/net/bpf"
	"golang.org/x/sys/unix"

	"github.com/tarrafa/tarrafa/internal/filter"
)

// socketPair is two connected local datagram sockets: a filter on the second one sees what is written to the first.
// It needs no privilege.
func socketPair(t *testing.T) (to, from int) {
	t.Helper()
	fd, err := unix.Socketpair(unix.AF_UNIX, unix.SOCK_DGRAM|unix.SOCK_NONBLOCK|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = unix.Close(fd[0])
		_ = unix.Close(fd[1])
	})
	return fd[0], fd[1]
}

func attach(fd int, ins []bpf.RawInstruction) error {
	f := make([]unix.SockFilter, len(ins))
	for i, in := range ins {
		f[i] = unix.SockFilter{Code: in.Op, Jt: in.Jt, Jf: in.Jf, K: in.K}
	}
	return unix.SetsockoptSockFprog(fd, unix.SOL_SOCKET, unix.SO_ATTACH_FILTER, &unix.SockFprog{Len: uint16(len(f)), Filter: &f[0]})
}

// kernelTargets are the link types of files, and the live ones with the kernel's extensions.
func kernelTargets(c Case) []filter.Target {
	out := []filter.Target{{LinkType: c.LinkType, Resolver: names}}
	switch c.LinkType {
	case 1, 101, 113, 276, 127:
		out = append(out, filter.Target{LinkType: c.LinkType, Live: true, Resolver: names})
	}
	return out
}

// TestKernelTakesEveryProgram attaches each program of the corpus to a socket.
func TestKernelTakesEveryProgram(t *testing.T) {
	_, from := socketPair(t)
	n := 0
	for _, c := range append(Handwritten(), Generated(generatedSeed, generatedCount)...) {
		for _, target := range kernelTargets(c) {
			p, err := filter.Compile(c.Expr, target)
			if err != nil {
				continue
			}
			if err := attach(from, p.Ins); err != nil {
				t.Errorf("%s on %s, live %v: %d instructions: %v", c.Expr, filter.LinkTypeName(c.LinkType), target.Live, len(p.Ins), err)
			}
			n++
		}
	}
	t.Logf("the kernel took %d programs", n)
	if n < 2000 {
		t.Errorf("only %d programs", n)
	}
}

// TestKernelAgrees runs programs in the kernel, in our machine and in that of golang.org/x/net/bpf, over the same
// packets.
func TestKernelAgrees(t *testing.T) {
	to, from := socketPair(t)
	r := rand.New(rand.NewPCG(7, 7))
	cases := append(Handwritten(), Generated(generatedSeed, generatedCount)...)
	buf := make([]byte, 4096)
	runs := 0
	for range 600 {
		c := cases[r.IntN(len(cases))]
		p, err := filter.Compile(c.Expr, filter.Target{LinkType: c.LinkType, Resolver: names})
		if err != nil {
			continue
		}
		all, _ := bpf.Disassemble(p.Ins)
		vm, err := bpf.NewVM(all)
		if err != nil {
			t.Errorf("%s: x/net's machine refuses: %v", c.Expr, err)
			continue
		}
		if err := attach(from, p.Ins); err != nil {
			t.Fatal(err)
		}
		ps := Packets(c.LinkType, 3)
		for range 60 {
			k := ps[r.IntN(len(ps))].Data
			if len(k) == 0 {
				continue
			}
			if _, err := unix.Write(to, k); err != nil {
				t.Fatal(err)
			}
			_, err := unix.Read(from, buf)
			kernel := err == nil
			if err != nil && !errors.Is(err, unix.EAGAIN) {
				t.Fatal(err)
			}
			got := p.Match(k, len(k))
			size, err := vm.Run(k)
			if err != nil {
				t.Errorf("%s: x/net's machine: %v", c.Expr, err)
			}
			if got != kernel || got != (size > 0) {
				t.Errorf("%s on % x: the kernel says %v, x/net %v, we %v", c.Expr, k, kernel, size > 0, got)
			}
			runs++
		}
	}
	t.Logf("%d runs agree", runs)
}
