package query

import (
	"maps"
	"slices"
	"strings"
)

// maxCandidates caps the list that Complete returns.
const maxCandidates = 200

func complete(text string, pos int) []Candidate {
	pos = min(max(pos, 0), len(text))
	tokens, err := lex(text[:pos])
	if err != nil {
		return nil // in a string, or beyond what is wrong
	}
	tokens = tokens[:len(tokens)-1]
	// The word that the cursor stands at the end of is being written.
	from, prefix := pos, ""
	if n := len(tokens); n > 0 && tokens[n-1].kind == tokenWord && tokens[n-1].end == pos {
		from, prefix = tokens[n-1].pos, tokens[n-1].text
		tokens = tokens[:n-1]
	}
	var list []Candidate
	add := func(kind CandidateKind, typ string, texts ...string) {
		for _, t := range texts {
			if strings.HasPrefix(t, prefix) && t != prefix && len(list) < maxCandidates {
				list = append(list, Candidate{Text: t, Kind: kind, Type: typ, From: from, To: pos})
			}
		}
	}
	switch operand, after := cursor(tokens); {
	case after == placeValue && operand != nil:
		add(CandidateValue, operand.Type.String(), valuesOf(operand)...)
		for _, name := range fieldNames {
			if f := LookupField(name); prefix != "" && comparable(f.Type, operand.Type) {
				add(CandidateField, f.Type.String(), name)
			}
		}
	case after == placeOperator:
		add(CandidateOperator, "", operatorsOf(operand)...)
		add(CandidateKeyword, "", "and", "or", "xor")
	case after == placeOperand:
		addFields(prefix, add)
		add(CandidateFunction, "", functionNames...)
		add(CandidateKeyword, "", "not", "any", "all")
	}
	return list
}

// addFields adds the fields that go on from a prefix. Without one, or with a whole
// protocol's name, protocols come first; the fields of a protocol are shown from its point
// on.
func addFields(prefix string, add func(CandidateKind, string, ...string)) {
	names := slices.Clone(fieldNames)
	for alias := range fieldAliases {
		names = append(names, alias)
	}
	slices.SortStableFunc(names, func(a, b string) int {
		if d := strings.Count(a, ".") - strings.Count(b, "."); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	for _, name := range names {
		if strings.Contains(name, ".") && prefix == "" {
			continue
		}
		add(CandidateField, LookupField(name).Type.String(), name)
	}
}

// What can stand at the cursor.
type cursorPlace uint8

const (
	placeOperand cursorPlace = iota
	placeOperator
	placeValue
)

// cursor finds out what can stand behind the tokens, and which field it belongs to.
func cursor(tokens []token) (*Field, cursorPlace) {
	if len(tokens) == 0 {
		return nil, placeOperand
	}
	last := &tokens[len(tokens)-1]
	sign := last.sign()
	_, compares := relations[sign]
	switch {
	case compares, sign == "~", last.kind == tokenWord && (last.text == "contains" || last.text == "in"):
		return fieldBefore(tokens[:len(tokens)-1]), placeValue
	case sign == "{" || sign == "," || sign == "..":
		for i := range slices.Backward(tokens) {
			if tokens[i].kind == tokenWord && tokens[i].text == "in" {
				return fieldBefore(tokens[:i]), placeValue
			}
		}
		return nil, placeOperand
	case sign != "" && sign != ")" && sign != "}", last.kind == tokenWord && (last.text == "any" || last.text == "all"):
		return nil, placeOperand
	}
	return fieldBefore(tokens), placeOperator
}

// fieldBefore returns the field that the tokens end with, nil when there is none.
func fieldBefore(tokens []token) *Field {
	for i := len(tokens) - 1; i >= 0; i-- {
		if t := &tokens[i]; t.kind == tokenWord {
			return fieldOf(t.text)
		} else if t.kind != tokenIndex && t.sign() != ")" {
			return nil
		}
	}
	return nil
}

// operatorsOf returns the operators that make sense behind a field.
func operatorsOf(f *Field) []string {
	switch {
	case f == nil:
		return nil
	case f.Type == TypeProtocol && bytesOf(f) != nil:
		return []string{"contains", "matches"}
	case f.Type == TypeProtocol:
		return nil
	case f.Type == TypeBool:
		return []string{"==", "!="}
	case f.Type == TypeText || f.Type == TypeBytes || f.Type == TypeEther:
		return []string{"==", "!=", "contains", "matches", "in", ">", ">=", "<", "<="}
	case f.Type == TypeUint:
		return []string{"==", "!=", "in", ">", ">=", "<", "<=", "&"}
	}
	return []string{"==", "!=", "in", ">", ">=", "<", "<="}
}

// valuesOf returns values of fields that have few.
func valuesOf(f *Field) []string {
	switch {
	case f.Name == "direction":
		return []string{`"received"`, `"sent"`, `"unknown"`, "received", "sent", "unknown"}
	case f.Type == TypeBool:
		return []string{"1", "0", "True", "False"}
	}
	return slices.Sorted(maps.Keys(valueNames[f.Name]))
}
