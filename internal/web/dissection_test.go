package web

import (
	"bytes"
	"context"
	"testing"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/web/dissect"
)

// recorder is a Dissector that keeps what it was given.
type recorder struct {
	file   []byte
	number uint32
	err    error
}

func (d *recorder) Dissect(_ context.Context, file []byte, number uint32) (*dissect.Result, error) {
	d.file, d.number = file, number
	return &dissect.Result{Program: "sharkd 1", Tree: []dissect.Node{{Name: "<b>"}}}, d.err
}

func TestDissection(t *testing.T) {
	d := &recorder{}
	r := start(t, func(c *Config) { c.Dissector = d })
	b := batch(1, 1000)
	for i := range b.Rows { // all of one flow but those whose number is a multiple of ten
		s := &b.Rows[i]
		data := b.Data(s)
		number := s.Number
		data[29], data[36], data[37] = 7, 0, 99
		if number%10 == 0 {
			data[29] = 8
		}
		*s = packet.Summary{Number: number, Time: s.Time, DataOff: s.DataOff, CapLen: s.CapLen, WireLen: s.WireLen}
		packet.NewDecoder().Summarize(data, s, packet.LinkEthernet)
	}
	if err := r.memory.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	var got struct {
		dissect.Result
		Preceding int
	}
	for number, want := range map[string]int{"1": 0, "12": 10, "999": maxPreceding, "20": 1} {
		if st := r.ask(t, "GET", "/api/v1/captures/one/packets/"+number+"/dissection", "", &got); st != 200 || got.Program != "sharkd 1" || got.Preceding != want || d.number != uint32(want+1) {
			t.Errorf("%s: %d %+v, asked for %d", number, st, got, d.number)
		}
		f, err := segment.NewReader(bytes.NewReader(d.file), segment.ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		c, err := f.Next()
		if err != nil || int(c.Packets) != want+1 {
			t.Errorf("%s: the file has %d packets, %v", number, c.Packets, err)
		}
	}
	d.err = &dissect.Error{What: "it crashed"}
	var p problem
	if st := r.ask(t, "GET", "/api/v1/captures/one/packets/1/dissection", "", &p); st != 502 || p.Code != "dissector" {
		t.Errorf("%d %+v", st, p)
	}
	without := start(t, nil)
	without.add(t, 1)
	if st := without.ask(t, "GET", "/api/v1/captures/one/packets/1/dissection", "", &p); st != 501 || p.Code != "cannot_answer" {
		t.Errorf("%d %+v", st, p)
	}
}
