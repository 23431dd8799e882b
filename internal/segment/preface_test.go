package segment

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"
	"testing"
)

// foreignBlock makes a block in either byte order.
func foreignBlock(order binary.AppendByteOrder, kind uint32, body []byte) []byte {
	n := uint32(12 + (len(body)+3)&^3)
	b := order.AppendUint32(order.AppendUint32(nil, kind), n)
	b = appendPadded(b, body)
	return order.AppendUint32(b, n)
}

// foreignOption makes an option, or a record of names, in either byte order.
func foreignOption(order binary.AppendByteOrder, code uint16, value string) []byte {
	b := order.AppendUint16(order.AppendUint16(nil, code), uint16(len(value)))
	return appendPadded(b, []byte(value))
}

// sayingSection makes a section that says something, with one interface and one packet.
func sayingSection(order binary.AppendByteOrder, blocks ...[]byte) []byte {
	head := order.AppendUint32(nil, byteOrderMagic)
	head = order.AppendUint16(order.AppendUint16(head, 1), 0)
	head = order.AppendUint64(head, ^uint64(0))
	head = append(head, foreignOption(order, optionComment, "made "+order.String())...)
	head = append(head, foreignOption(order, optionSectionOS, "a system")...)
	head = append(head, 0, 0, 0, 0)
	b := foreignBlock(order, blockSection, head)
	face := order.AppendUint32(order.AppendUint16(order.AppendUint16(nil, 1), 0), 0)
	face = append(face, foreignOption(order, optionComment, "of the interface")...)
	face = append(face, foreignOption(order, optionComment, "another")...)
	b = append(b, foreignBlock(order, blockInterface, append(face, 0, 0, 0, 0))...)
	for _, block := range blocks {
		b = append(b, block...)
	}
	packet := make([]byte, 12, 24)
	packet = append(order.AppendUint32(order.AppendUint32(packet, 4), 4), 1, 2, 3, 4)
	return append(b, foreignBlock(order, blockEnhancedPacket, packet)...)
}

func namesIn(order binary.AppendByteOrder, records ...[]byte) []byte {
	body := append(bytes.Join(records, nil), 0, 0, 0, 0)
	body = append(body, foreignOption(order, 2, "ns.example")...)
	return foreignBlock(order, blockNames, append(body, 0, 0, 0, 0))
}

func secretsIn(order binary.AppendByteOrder, length uint32, data string) []byte {
	body := order.AppendUint32(order.AppendUint32(nil, 0x544c534b), length)
	return foreignBlock(order, blockSecrets, appendPadded(body, []byte(data)))
}

// prefaceOf reads a whole file.
func prefaceOf(t *testing.T, b []byte) (*Preface, []Interface) {
	t.Helper()
	r, err := NewReader(bytes.NewReader(b), ReaderOptions{Preface: true})
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for {
		c, err := r.Next()
		if err == io.EOF {
			return r.Preface(), r.Interfaces()
		}
		if err != nil {
			t.Fatal(err)
		}
		r.Release(c)
	}
}

// TestPreface: what a file says besides its packets is the same in both byte orders, and when
// it was written again; what makes no sense is left out, and counted.
func TestPreface(t *testing.T) {
	orders := []binary.AppendByteOrder{binary.LittleEndian, binary.BigEndian}
	for _, order := range orders {
		v4 := foreignOption(order, nameIPv4, "\x0a\x00\x00\x01one.example\x00two.example\x00")
		whole := [][]byte{
			namesIn(order, v4, foreignOption(order, nameIPv6, strings.Repeat("\xfe", 16)+"six.example\x00")),
			secretsIn(order, 11, "CLIENT x y\n"),
		}
		good, faces := prefaceOf(t, sayingSection(order, whole...))
		if len(good.Names) != 1 || len(good.Secrets) != 1 || good.Dropped != 0 || good.Section.OS != "a system" ||
			!slices.Equal(good.Section.Comments, []string{"made " + order.String()}) || !slices.Equal(faces[0].Comments, []string{"of the interface", "another"}) {
			t.Fatalf("%v: %+v, %+v", order, good, faces)
		}
		if want := namesIn(binary.LittleEndian, foreignOption(binary.LittleEndian, nameIPv4, "\x0a\x00\x00\x01one.example\x00two.example\x00"),
			foreignOption(binary.LittleEndian, nameIPv6, strings.Repeat("\xfe", 16)+"six.example\x00")); !bytes.Equal(good.Names[0], want) {
			t.Errorf("%v: names\n%x\n%x", order, good.Names[0], want)
		}
		if want := secretsIn(binary.LittleEndian, 11, "CLIENT x y\n"); !bytes.Equal(good.Secrets[0], want) {
			t.Errorf("%v: secrets\n%x\n%x", order, good.Secrets[0], want)
		}

		var out bytes.Buffer
		w := NewFileWriter(&out, FileOptions{Section: good.Section, Preface: good, Interfaces: faces})
		if err := w.Flush(); err != nil {
			t.Fatal(err)
		}
		again, facesAgain := prefaceOf(t, out.Bytes())
		if !reflect.DeepEqual(again.Names, good.Names) || !reflect.DeepEqual(again.Secrets, good.Secrets) || !reflect.DeepEqual(again.Section, good.Section) || !slices.Equal(facesAgain[0].Comments, faces[0].Comments) {
			t.Errorf("%v: written again: %+v", order, again)
		}

		for name, tc := range map[string]struct {
			block          []byte
			names, dropped int
		}{
			"the same again":           {whole[0], 1, 0},
			"no names":                 {namesIn(order), 1, 1},
			"a record without a name":  {namesIn(order, foreignOption(order, nameIPv4, "\x0a\x00\x00\x01")), 1, 1},
			"records without an end":   {foreignBlock(order, blockNames, foreignOption(order, nameIPv4, "\x0a\x00\x00\x02x\x00")), 2, 0},
			"a record that is too big": {foreignBlock(order, blockNames, order.AppendUint16(order.AppendUint16(nil, nameIPv4), 60000)), 1, 1},
			"an unknown record":        {namesIn(order, foreignOption(order, 77, "\x0a\x00\x00\x01x\x00")), 1, 1},
			"an empty block":           {foreignBlock(order, blockNames, nil), 1, 1},
			"no secrets":               {foreignBlock(order, blockSecrets, nil), 1, 1},
			"secrets that end early":   {secretsIn(order, 1<<31, "short"), 1, 1},
		} {
			p, _ := prefaceOf(t, sayingSection(order, append(slices.Clone(whole), tc.block)...))
			if len(p.Names) != tc.names || len(p.Secrets) != 1 || p.Dropped != uint64(tc.dropped) {
				t.Errorf("%v, %s: %d blocks of names, %d of secrets, %d left out", order, name, len(p.Names), len(p.Secrets), p.Dropped)
			}
		}
	}
}

// TestPrefaceIsBounded: a file full of names, secrets and comments takes no more memory than
// the caps say.
func TestPrefaceIsBounded(t *testing.T) {
	order := binary.LittleEndian
	var blocks [][]byte
	for i := range 40 {
		blocks = append(blocks, secretsIn(order, 1<<20, fmt.Sprintf("%04d", i)+strings.Repeat("x", 1<<20-4)))
	}
	for i := range 2 * maxPrefaceBlocks {
		blocks = append(blocks, namesIn(order, foreignOption(order, nameIPv4, fmt.Sprintf("%04dx\x00", i))))
	}
	p, _ := prefaceOf(t, sayingSection(order, blocks...))
	if p.Size() > maxPreface || len(p.Names)+len(p.Secrets) > maxPrefaceBlocks || p.Dropped == 0 || len(p.Secrets) != 7 {
		t.Errorf("%d bytes, %d blocks of names, %d of secrets, %d left out", p.Size(), len(p.Names), len(p.Secrets), p.Dropped)
	}
	if n := len(p.Names) + len(p.Secrets) + int(p.Dropped); n != len(blocks) {
		t.Errorf("%d of %d blocks are accounted for", n, len(blocks))
	}
	var sum Preface
	for i := range 3000 {
		sum.Add(&Preface{Section: Section{Comments: []string{fmt.Sprintf("%d %s", i, strings.Repeat("x", i%500))}}})
	}
	if len(sum.Section.Comments) > maxPrefaceComments || sum.comments > maxPrefaceText || len(sum.Section.Comments)+int(sum.Dropped) != 3000 {
		t.Errorf("%d comments of %d bytes, %d left out", len(sum.Section.Comments), sum.comments, sum.Dropped)
	}
}

// TestHeadOfManyInterfaces: a segment's interfaces are found however much they say.
func TestHeadOfManyInterfaces(t *testing.T) {
	b := AppendSectionHeader(nil, Section{})
	for i := range 1500 {
		b = AppendInterface(b, Interface{Name: fmt.Sprint("eth", i), Description: strings.Repeat("long ", 800)})
	}
	b = AppendPacket(b, 1499, 1, 4, make([]byte, 4), PacketOptions{})
	if _, faces, err := ReadHead(bytes.NewReader(b)); err != nil || len(faces) != 1500 || faces[1499].Name != "eth1499" {
		t.Errorf("%d interfaces, %v", len(faces), err)
	}
}
