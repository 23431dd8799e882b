//go:build unix

package main

import (
	"strings"
	"testing"
)

func TestPasswordsAreOverwritten(t *testing.T) {
	for _, tc := range []struct{ name, arg, want string }{
		{"URL", "postgres://u:secret@h:5432/d", "postgres://u:xxxxxx@h:5432/d"},
		{"URL behind the option", "--db=postgresql://u:se%40cret@h/d?sslmode=require", "--db=postgresql://u:xxxxxxxxx@h/d?sslmode=require"},
		{"in the query", "postgres://h/d?user=u&password=secret&sslmode=require", "postgres://h/d?user=u&password=xxxxxx&sslmode=require"},
		{"keywords", "host=h password=secret user=u", "host=h password=xxxxxx user=u"},
		{"quoted", `password = 'se \' cret' user=u`, `password = xxxxxxxxxxxx user=u`},
		{"key's password", "sslpassword=k host=h", "sslpassword=x host=h"},
		{"none", "postgres://u@h:5432/d", "postgres://u@h:5432/d"},
		{"a filter", "tcp port 443 and host 10.0.0.1", "tcp port 443 and host 10.0.0.1"},
		{"nothing", "", ""},
	} {
		t.Run(tc.name, func(t *testing.T) {
			original := strings.Clone(tc.arg)
			taken := takeArguments([]string{original})
			if original != tc.want {
				t.Errorf("others see %q, want %q", original, tc.want)
			}
			if taken[0] != tc.arg {
				t.Errorf("the program sees %q, want %q", taken[0], tc.arg)
			}
		})
	}
}
