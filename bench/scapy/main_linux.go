// Scapy is part of run.sh, which compares with a program in Python: it sends UDP frames at a
// low rate, for which the generator of high rates cannot wait long enough. It prints a line
// like that generator's.
//
//	scapy -i INTERFACE -mix 64|imix -pps RATE -t SECONDS
package main

import (
	"encoding/binary"
	"flag"
	"fmt"
	"math/rand/v2"
	"net"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

func main() {
	name := flag.String("i", "va", "interface to send from")
	mix := flag.String("mix", "imix", "64, or imix: 60, 594 and 1514 bytes in 7, 4 and 1 of 12 frames")
	rate := flag.Float64("pps", 1000, "frames a second")
	seconds := flag.Float64("t", 4, "seconds")
	flag.Parse()
	if err := send(*name, *mix, *rate, *seconds); err != nil {
		fmt.Fprintln(os.Stderr, "bench/scapy:", err)
		os.Exit(1)
	}
}

func send(name, mix string, rate, seconds float64) error {
	face, err := net.InterfaceByName(name)
	if err != nil {
		return err
	}
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_RAW, 0)
	if err != nil {
		return err
	}
	defer unix.Close(fd)
	to := &unix.SockaddrLinklayer{Ifindex: face.Index}
	rng := rand.New(rand.NewPCG(1, 2))
	start := time.Now()
	sent, bytes := 0, 0
	for total := int(rate * seconds); sent < total; {
		due := min(total, int(time.Since(start).Seconds()*rate)+1)
		for ; sent < due; sent++ {
			f := frame(size(mix, rng), rng.Uint32())
			if err := unix.Sendto(fd, f, 0, to); err != nil {
				return fmt.Errorf("send frame %d: %w", sent, err)
			}
			bytes += len(f)
		}
		time.Sleep(500 * time.Microsecond)
	}
	took := time.Since(start).Seconds()
	fmt.Printf("SENT %d bytes %d secs %.3f pps %.0f gbps %.2f\n", sent, bytes, took, float64(sent)/took, float64(bytes)*8/took/1e9)
	return nil
}

func size(mix string, rng *rand.Rand) int {
	if mix != "imix" {
		return 60
	}
	switch k := rng.IntN(12); {
	case k < 7:
		return 60
	case k < 11:
		return 594
	}
	return 1514
}

// frame returns a UDP datagram over IPv4 and Ethernet, from one of 4 096 ports.
func frame(size int, random uint32) []byte {
	b := make([]byte, size)
	copy(b, []byte{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, 8, 0, 0x45, 0, 0, 0, 0, 0, 0, 0, 64, 17, 0, 0, 10, 77, 0, 1, 10, 77, 0, 2, 0, 0, 0x14, 0xe9})
	binary.BigEndian.PutUint16(b[16:], uint16(size-14))
	binary.BigEndian.PutUint16(b[34:], uint16(random)&0xff0f)
	binary.BigEndian.PutUint16(b[38:], uint16(size-34))
	for i := 42; i < size; i++ {
		b[i] = byte(i * 7)
	}
	return b
}
