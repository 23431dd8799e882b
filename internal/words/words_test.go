package words

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"testing"
)

var placeholders = regexp.MustCompile(`%[-+ #0-9.*]*(?:\[\d+\])?[a-zA-Z]|%%|\{\w+\}`)

// TestSameTextsInEveryLanguage: the same sections, the same keys, and in each text the
// same placeholders; verbs of the commands and the terminal in the same order too.
func TestSameTextsInEveryLanguage(t *testing.T) {
	var all [Languages]map[string]map[string]string
	for l := range Languages {
		b, err := embedded.ReadFile(files[l])
		if err != nil {
			t.Fatal(err)
		}
		dec := json.NewDecoder(bytes.NewReader(b))
		dec.DisallowUnknownFields()
		if err := dec.Decode(&all[l]); err != nil {
			t.Fatalf("%s: %v", files[l], err)
		}
	}
	for _, section := range []string{"commands", "terminal", "page", "findings"} {
		if len(all[English][section]) == 0 {
			t.Errorf("section %q is missing", section)
		}
		for l := English + 1; l < Languages; l++ {
			here, there := all[English][section], all[l][section]
			for key, text := range here {
				got := placeholders.FindAllString(there[key], -1)
				want := placeholders.FindAllString(text, -1)
				if section == "page" || section == "findings" {
					slices.Sort(got)
					slices.Sort(want)
				}
				if there[key] == "" || !slices.Equal(got, want) {
					t.Errorf("%s, %s: %q has placeholders %q, %q has %q", files[l], section, text, want, there[key], got)
				}
			}
			for key := range there {
				if _, ok := here[key]; !ok {
					t.Errorf("%s, %s: %q is in no other language", files[l], section, key)
				}
			}
		}
	}
}

func TestFrom(t *testing.T) {
	for _, tc := range []struct {
		name string
		env  map[string]string
		want Language
	}{
		{"nothing", nil, English},
		{"LANG", map[string]string{"LANG": "pt_BR.UTF-8"}, PortugueseBrazil},
		{"LC_ALL before LANG", map[string]string{"LC_ALL": "en_US.UTF-8", "LANG": "pt_BR.UTF-8"}, English},
		{"LC_MESSAGES before LANG", map[string]string{"LC_MESSAGES": "pt_PT", "LANG": "C"}, PortugueseBrazil},
		{"another language", map[string]string{"LANG": "de_DE.UTF-8"}, English},
	} {
		t.Run(tc.name, func(t *testing.T) {
			if got := From(func(name string) string { return tc.env[name] }); got != tc.want {
				t.Errorf("language %d", got)
			}
		})
	}
}

func TestFinding(t *testing.T) {
	say := func() string {
		return Finding("finding.refused", map[string]string{"dst": "{count}", "count": "3"}, "in English")
	}
	if got := say(); got != "Connections that {count} refused: 3." {
		t.Error(got)
	}
	Use(PortugueseBrazil)
	defer Use(English)
	if got := say(); got != "Conexões que {count} recusou: 3." {
		t.Error(got)
	}
	if got := Finding("finding.unheard_of", nil, "in English"); got != "in English" {
		t.Error(got)
	}
}

func TestTexts(t *testing.T) {
	const text = "%s takes no argument, but got %q"
	if got := Errorf(text, "tarrafa", "x").Error(); got != `tarrafa takes no argument, but got "x"` {
		t.Error(got)
	}
	Use(PortugueseBrazil)
	defer Use(English)
	if got := Sprintf(text, "tarrafa", "x"); got != `tarrafa não recebe argumento, mas recebeu "x"` {
		t.Error(got)
	}
	if got := T("a text that no catalogue has"); got != "a text that no catalogue has" {
		t.Error(got)
	}
}
