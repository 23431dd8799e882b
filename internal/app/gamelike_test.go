package app

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// gameMessage writes what a program with a protocol of its own sends: a length in front, in the
// ways there are of writing it, an operation, and then small numbers, coordinates, names, masks
// and runs of zeros.
func gameMessage(rng *rand.Rand, b []byte) []byte {
	var body []byte
	for range rng.IntN(12) {
		switch rng.IntN(8) {
		case 0:
			body = append(body, byte(rng.IntN(16)))
		case 1:
			body = binary.LittleEndian.AppendUint16(body, uint16(rng.IntN(512)))
		case 2:
			body = binary.BigEndian.AppendUint16(body, uint16(rng.IntN(512)))
		case 3:
			body = binary.LittleEndian.AppendUint32(body, uint32(rng.IntN(70000)))
		case 4:
			body = binary.BigEndian.AppendUint32(body, uint32(rng.IntN(70000)))
		case 5:
			body = binary.LittleEndian.AppendUint32(body, math.Float32bits(rng.Float32()*1000))
		case 6:
			name := []byte("Player" + string(rune('A'+rng.IntN(26))))
			if rng.IntN(2) == 0 {
				body = append(append(body, byte(len(name))), name...)
			} else {
				body = append(append(body, name...), 0)
			}
		case 7:
			fill := []byte{0, 0xff, 1}[rng.IntN(3)]
			for range rng.IntN(20) {
				body = append(body, fill)
			}
		}
	}
	n := len(body)
	switch rng.IntN(10) {
	case 0:
		b = append(b, byte(n))
	case 1:
		b = append(b, byte(n+1))
	case 2:
		b = binary.LittleEndian.AppendUint16(b, uint16(n))
	case 3:
		b = binary.LittleEndian.AppendUint16(b, uint16(n+2))
	case 4:
		b = binary.BigEndian.AppendUint16(b, uint16(n))
	case 5:
		b = binary.BigEndian.AppendUint16(b, uint16(n+2))
	case 6:
		b = binary.LittleEndian.AppendUint32(b, uint32(n))
	case 7:
		b = binary.BigEndian.AppendUint32(b, uint32(n))
	case 8:
		b = binary.LittleEndian.AppendUint32(b, uint32(n+4))
	}
	return append(b, body...)
}

// TestGamesAreUnknown: programs with protocols of their own get no name, whatever the port, but
// for those of DNS and NTP, which are taken at their word: there one in a hundred may have one.
func TestGamesAreUnknown(t *testing.T) {
	const rounds = 150000
	rng := rand.New(rand.NewPCG(20, 26))
	r := NewRecognizer(Options{})
	wrong, onPort := map[Protocol]int{}, map[Protocol]int{}
	ports := []uint16{80, 443, 1883, 3306, 5432, 6379, 7777, 27015, 25565, 3478, 4500, 51820, 30000, 31234, 389, 161, 69, 520, 546, 67, portDNS, portMDNS, portLLMNR, portNTP}
	var buf []byte
	for i := range rounds {
		var st FlowState
		port := ports[rng.IntN(len(ports))]
		s := Segment{Transport: 6, SrcPort: 40000, DstPort: port, FromClient: true, Time: sampleTime * 1e9}
		if i&1 == 0 {
			s.Transport = 17
		}
		for range 1 + rng.IntN(4) {
			buf = gameMessage(rng, buf[:0])
			for s.Transport == 6 && rng.IntN(3) == 0 && len(buf) < 1000 {
				buf = gameMessage(rng, buf)
			}
			s.Payload = buf
			r.Segment(&st, &s)
			s.Seq += uint32(len(buf))
			if rng.IntN(2) == 0 {
				s.FromClient, s.SrcPort, s.DstPort = !s.FromClient, s.DstPort, s.SrcPort
			}
		}
		if p := st.Protocol(); p != Unknown {
			switch port {
			case portDNS, portMDNS, portLLMNR, portNTP:
				onPort[p]++
			default:
				wrong[p]++
				t.Logf("%v on port %d: % x", p, port, buf)
			}
		}
		r.Release(&st)
	}
	if len(wrong) != 0 {
		t.Errorf("of %d flows some were taken for %v", rounds, wrong)
	}
	total := 0
	for _, n := range onPort {
		total += n
	}
	t.Logf("on the ports of DNS and NTP: %v of about %d", onPort, rounds*4/len(ports))
	if total > rounds*4/len(ports)/100 {
		t.Errorf("on the ports of DNS and NTP %v were taken for what the port promises", onPort)
	}
}
