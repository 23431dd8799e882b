package terminal

import (
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"

	"github.com/charmbracelet/x/ansi"

	"github.com/tarrafa/tarrafa/internal/words"
)

// ChooserItem is an interface that can be captured from.
type ChooserItem struct {
	Name      string
	Addresses []string
	Up        bool
	Packets   uint64 // received and sent since the interface exists
	Default   bool   // the default route goes through it: Enter takes it
}

// ErrNoChoice says that the user chose no interface.
var ErrNoChoice = errors.New("no choice")

const (
	maxTries  = 3
	maxAnswer = 256 // bytes of one answer that are looked at
)

// Choose asks which interface to capture from and returns its name. The answer is a
// number of the list, a name, or nothing for the default; q or the end of the input give
// [ErrNoChoice], and so do three bad answers. It reads not a byte beyond the answer's line.
//
// It does not change the terminal's state: Ctrl+C is a signal, the caller's to handle.
func Choose(in io.Reader, out io.Writer, lang words.Language, items []ChooserItem) (string, error) {
	if len(items) == 0 {
		return "", fmt.Errorf("%w: %s", ErrNoChoice, textIn(lang, txNoItems))
	}
	chosen := -1
	for i := range items {
		if items[i].Default {
			chosen = i
			break
		}
	}
	if _, err := io.WriteString(out, chooserTable(lang, items, chosen)); err != nil {
		return "", err
	}
	prompt := textIn(lang, txPromptBare)
	if chosen >= 0 {
		prompt = fmt.Sprintf(textIn(lang, txPrompt), strconv.Itoa(chosen+1), clean(items[chosen].Name))
	}
	for range maxTries {
		if _, err := io.WriteString(out, prompt); err != nil {
			return "", err
		}
		answer, err := readAnswer(in)
		if err != nil && answer == "" {
			_, _ = io.WriteString(out, "\n")
			if errors.Is(err, io.EOF) {
				return "", fmt.Errorf("%w: %s", ErrNoChoice, textIn(lang, txNoAnswer))
			}
			return "", err
		}
		if name, ok := match(answer, items, chosen); ok {
			return name, nil
		}
		if answer == "q" || answer == "Q" {
			return "", fmt.Errorf("%w: %s", ErrNoChoice, textIn(lang, txNoAnswer))
		}
		if answer != "" {
			if _, err := fmt.Fprintf(out, textIn(lang, txBadChoice)+"\n", clean(answer)); err != nil {
				return "", err
			}
		}
	}
	return "", fmt.Errorf("%w: %s", ErrNoChoice, textIn(lang, txTooManyTries))
}

func match(answer string, items []ChooserItem, chosen int) (string, bool) {
	if answer == "" && chosen >= 0 {
		return items[chosen].Name, true
	}
	for i := range items { // a name may be a number
		if items[i].Name == answer {
			return answer, true
		}
	}
	if n, err := strconv.Atoi(strings.TrimSuffix(answer, ".")); err == nil && n >= 1 && n <= len(items) {
		return items[n-1].Name, true
	}
	return "", false
}

// readAnswer reads a line byte by byte, so that what follows it stays for who reads next.
func readAnswer(in io.Reader) (string, error) {
	var answer []byte
	var one [1]byte
	for {
		n, err := in.Read(one[:])
		if n == 1 {
			if one[0] == '\n' {
				return strings.TrimSpace(string(answer)), nil
			}
			if len(answer) < maxAnswer {
				answer = append(answer, one[0])
			}
		}
		if err != nil {
			return strings.TrimSpace(string(answer)), err
		}
	}
}

func chooserTable(lang words.Language, items []ChooserItem, chosen int) string {
	words := Words(lang)
	rows := make([][4]string, 0, len(items)+1)
	rows = append(rows, [4]string{textIn(lang, txName), textIn(lang, txState), textIn(lang, txPackets), textIn(lang, txAddresses)})
	for i := range items {
		it := &items[i]
		state := textIn(lang, txDown)
		if it.Up {
			state = textIn(lang, txUp)
		}
		addresses := "–"
		if len(it.Addresses) > 0 {
			addresses = clean(strings.Join(it.Addresses, ", "))
		}
		rows = append(rows, [4]string{fit(clean(it.Name), 20), state, words.Integer(it.Packets), addresses})
	}
	var width [4]int
	for _, r := range rows {
		for i, cell := range r {
			width[i] = max(width[i], ansi.StringWidth(cell))
		}
	}
	var b strings.Builder
	b.WriteString(textIn(lang, txWhich) + "\n\n")
	for i, r := range rows {
		number, mark := strconv.Itoa(i), " "
		if i == 0 {
			number = "#"
		}
		if i == chosen+1 && chosen >= 0 {
			mark = "*"
		}
		l := newLine(80)
		l.put(plain, " "+mark+right(number, 3)).space(2).put(plain, left(r[0], width[0])).space(2)
		l.put(plain, left(r[1], width[1])).space(2).put(plain, right(r[2], width[2])).space(2).put(plain, r[3])
		b.WriteString(strings.TrimRight(l.String(), " ") + "\n")
	}
	b.WriteString("\n")
	return b.String()
}
