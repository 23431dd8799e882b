package web

import (
	"encoding/csv"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"github.com/tarrafa/tarrafa/internal/packet"
	"github.com/tarrafa/tarrafa/internal/segment"
	"github.com/tarrafa/tarrafa/internal/web/notes"
)

// numbersIn returns the numbers of the packets in an exported file, and the comments.
func numbersIn(t *testing.T, format, text string) (numbers []uint64, comments []string) {
	t.Helper()
	switch format {
	case "csv":
		rows, err := csv.NewReader(strings.NewReader(text)).ReadAll()
		if err != nil || len(rows) == 0 {
			t.Fatal(err, rows)
		}
		for _, row := range rows[1:] {
			var n uint64
			if err := json.Unmarshal([]byte(row[0]), &n); err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, n)
			if c := row[len(row)-1]; c != "" {
				comments = append(comments, c)
			}
		}
	case "json":
		for line := range strings.Lines(text) {
			var row exportRow
			if err := json.Unmarshal([]byte(line), &row); err != nil {
				t.Fatal(err)
			}
			numbers = append(numbers, row.Number)
			if row.Comment != "" {
				comments = append(comments, row.Comment)
			}
		}
	case "parquet":
		f, err := parquet.OpenFile(strings.NewReader(text), int64(len(text)))
		if err != nil {
			t.Fatal(err)
		}
		rows, err := parquet.Read[struct {
			Number int64 `parquet:"number"`
		}](strings.NewReader(text), f.Size())
		if err != nil {
			t.Fatal(err)
		}
		for _, row := range rows {
			numbers = append(numbers, uint64(row.Number))
		}
	default:
		r, err := segment.NewReader(strings.NewReader(text), segment.ReaderOptions{})
		if err != nil {
			t.Fatal(err)
		}
		for {
			c, err := r.Next()
			if err != nil {
				break
			}
			var rec segment.Record
			for it := c.Records(); it.Next(&rec); {
				numbers = append(numbers, uint64(rec.Data[36])<<8+uint64(rec.Data[37]))
				comments = append(comments, c.RecordOptions(&rec).Comments...)
			}
		}
	}
	return numbers, comments
}

func upTo(first, last uint64) (list []uint64) {
	for n := first; n <= last; n++ {
		list = append(list, n)
	}
	return list
}

func TestExport(t *testing.T) {
	r := start(t, nil)
	r.add(t, 5000)
	for n, text := range map[uint64]string{10: "=SUM(A1)", 20: "two\nlines"} {
		if _, err := r.captures.book.SetPacket(n, notes.Change{Marked: new(n == 10), Comment: &text}); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := r.captures.book.SetPacket(30, notes.Change{Marked: new(true)}); err != nil {
		t.Fatal(err)
	}
	wanted := map[string][]string{
		"pcapng": {"=SUM(A1)", "two\nlines", "marked"}, "csv": {"'=SUM(A1)", "two\nlines"}, "json": {"=SUM(A1)", "two\nlines"}, "pcap": nil, "parquet": nil,
	}
	for format, comments := range wanted {
		for _, id := range []string{"one", "live"} {
			for selection, want := range map[string][]uint64{
				"":                                      upTo(1, 5000),
				"&filter=udp.dstport%20>=%204900":       upTo(4900, 5000),
				"&packets=7,3-5,3,4999":                 {3, 4, 5, 7, 4999},
				"&packets=1-40&filter=ip.src==10.0.0.7": {7},
				"&marked=1":                             {10, 30},
				"&marked=1&packets=1-20":                {10},
				"&filter=udp.dstport==65535":            nil,
				"&packets=6000":                         nil,
			} {
				resp, text := r.do(t, "GET", "/api/v1/captures/"+id+"/export?format="+format+selection, "Authorization", "Bearer the bearer token")
				if resp.StatusCode != 200 || !strings.HasPrefix(resp.Header.Get("Content-Disposition"), `attachment; filename="tarrafa.`) {
					t.Fatalf("%s%s: %s %.100s", format, selection, resp.Status, text)
				}
				got, said := numbersIn(t, format, text)
				if !slices.Equal(got, want) {
					t.Errorf("%s %s%s: %d packets, want %d", id, format, selection, len(got), len(want))
				}
				if selection == "" && !slices.Equal(said, comments) {
					t.Errorf("%s: comments %q, want %q", format, said, comments)
				}
			}
		}
	}
	for q, want := range map[string]int{
		"": 400, "format=exe": 400, "format=pcap&packets=x": 400, "format=pcap&packets=5-1": 400, "format=csv&packets=0": 400,
		"format=csv&packets=1-10001": 400, "format=csv&packets=1-99999999999999": 400, "format=parquet&filter=nonsense": 400,
	} {
		if st := r.ask(t, "GET", "/api/v1/captures/one/export?"+q, "", nil); st != want {
			t.Errorf("%s: %d", q, st)
		}
	}
	if st := r.ask(t, "GET", "/api/v1/captures/two/export?format=csv", "", nil); st != 404 {
		t.Errorf("unknown capture: %d", st)
	}
}

// A pcap file has one link type: what does not fit ends the export visibly.
func TestExportOfTwoLinkTypes(t *testing.T) {
	r := start(t, nil)
	b := batch(1, 10)
	b.Chunk.Interfaces = []segment.Interface{{Link: packet.LinkEthernet}, {Link: packet.LinkRaw}}
	b.Rows[9].Interface = 1
	if err := r.memory.Apply(t.Context(), b); err != nil {
		t.Fatal(err)
	}
	var p problem
	if st := r.ask(t, "GET", "/api/v1/captures/one/export?format=pcap", "", &p); st == 200 || !strings.Contains(p.Error, "link type") {
		t.Errorf("%d %+v", st, p)
	}
	if st := r.ask(t, "GET", "/api/v1/captures/one/export?format=pcap&packets=10", "", nil); st != 200 {
		t.Errorf("%d", st)
	}
}

func FuzzNumberList(f *testing.F) {
	f.Add("1,5-9")
	f.Add("18446744073709551615-1,,0")
	f.Fuzz(func(t *testing.T, text string) {
		list, err := numberList(text)
		if err != nil {
			return
		}
		if len(list) == 0 || len(list) > maxSelected || !slices.IsSorted(list) || list[0] == 0 {
			t.Fatalf("%q: %d numbers", text, len(list))
		}
	})
}
