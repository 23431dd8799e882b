package dissect

import (
	"encoding/json"
	"strings"
	"unicode"
	"unicode/utf8"
)

// clean makes foreign text harmless and short.
func clean(s string) string {
	if len(s) > maxText {
		s = s[:maxText]
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r) {
			return utf8.RuneError
		}
		return r
	}, strings.ToValidUTF8(s, "\ufffd"))
}

// reply is a line of sharkd's (JSON-RPC 2.0, as Wireshark 3.5 and later speak it).
type reply struct {
	ID     int             `json:"id"`
	Result json.RawMessage `json:"result"`
	Error  *struct {
		Message string `json:"message"`
	} `json:"error"`
}

// leaf is a node of sharkd's tree.
type leaf struct {
	Label     string   `json:"l"`
	Place     []uint32 `json:"h"` // offset and length
	Source    uint32   `json:"ds"`
	Filter    string   `json:"f"`
	Severity  string   `json:"s"`
	Generated bool     `json:"g"`
	Hidden    bool     `json:"v"`
	Nodes     []leaf   `json:"n"`
}

// readTree turns the answer to "frame" into a tree.
func readTree(text []byte) (tree []Node, more bool, err error) {
	var f struct {
		Tree []leaf `json:"tree"`
	}
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, false, &Error{"it answered nonsense"}
	}
	left := MaxNodes
	tree = branch(f.Tree, &left, 0, &more)
	return tree, more, nil
}

func branch(list []leaf, left *int, depth int, more *bool) []Node {
	if depth == maxDepth && len(list) > 0 {
		*more = true
		return nil
	}
	out := make([]Node, 0, min(len(list), *left))
	for i := range list {
		if *left == 0 {
			*more = true
			break
		}
		*left--
		l := &list[i]
		n := Node{
			Name: clean(l.Label), Field: clean(l.Filter), Source: l.Source, Severity: clean(l.Severity),
			Generated: l.Generated, Hidden: l.Hidden,
		}
		if len(l.Place) == 2 {
			n.Offset, n.Length = l.Place[0], l.Place[1]
		}
		n.Nodes = branch(l.Nodes, left, depth+1, more)
		out = append(out, n)
	}
	return out
}

// readColumns takes protocol and info from the answer to "frames", whose columns are
// Wireshark's default ones: number, time, source, destination, protocol, length, info.
func readColumns(text []byte) (protocol, info string) {
	var rows []struct {
		Columns []string `json:"c"`
	}
	if json.Unmarshal(text, &rows) != nil || len(rows) != 1 || len(rows[0].Columns) < 7 {
		return "", ""
	}
	return clean(rows[0].Columns[4]), clean(rows[0].Columns[6])
}
