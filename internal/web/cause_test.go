package web

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestCauseKey(t *testing.T) {
	for code, want := range map[string]string{
		"capa.not_found": "capa.not_found", "smtp.dial": "smtp.dial", "render": "render", "": "", "smtp.": "smtp.",
		"smtp.5.1.1": "smtp.mailbox", "smtp.5.2.1": "smtp.mailbox", "smtp.550": "smtp.mailbox", "smtp.5.1.8": "smtp.sender",
		"smtp.5.2.2": "smtp.full", "smtp.4.2.2": "smtp.full", "smtp.552": "smtp.size", "smtp.5.3.4": "smtp.size",
		"smtp.5.4.4": "smtp.route", "smtp.5.7.1": "smtp.policy", "smtp.5.7.26": "smtp.sender", "smtp.5.7.9": "smtp.sender",
		"smtp.5.7.10": "smtp.sender", "smtp.5.7.15": "smtp.policy", "smtp.530": "smtp.sender", "smtp.554": "smtp.policy",
		"smtp.421": "smtp.later", "smtp.4.7.1": "smtp.later", "smtp.5.0.0": "smtp.policy", "smtp.9": "smtp.policy",
	} {
		if got := causeKey(code); got != want {
			t.Errorf("%s: %s, want %s", code, got, want)
		}
	}
}

// What nobody wrote words for is explained by what was stored.
func TestUnknownCauseShowsTheReason(t *testing.T) {
	for _, l := range Languages() {
		c := wordsOf(l).Causes
		if got := c.of("new.code", "the moon is full"); got.What != "the moon is full" || got.Title == "" || got.Next == "" {
			t.Errorf("%s: %+v", l, got)
		}
		if got := c.of("new.code", ""); got.What == "" {
			t.Errorf("%s: nothing to read: %+v", l, got)
		}
	}
}

// Every code that stands in the code of alta has words.
func TestEveryCodeHasWords(t *testing.T) {
	codes := regexp.MustCompile(`Code: *"([a-z_.0-9]+)"|just\(pipeline\.\w+, "([a-z_]+)"|return "(smtp\.[a-z_]+)"|fault\.Code = "([a-z_.]+)"|cancel\("([a-z_]+)"|Code[A-Z]\w* *= "([a-z_.]+)"`)
	found := 0
	for _, pattern := range []string{"../capa/*.go", "../mailer/*.go", "../../store/*.go", "../../store/postgres/*.go", "../../pipeline/*.go"} {
		files, err := filepath.Glob(pattern)
		if err != nil {
			t.Fatal(err)
		}
		for _, file := range files {
			if strings.HasSuffix(file, "_test.go") {
				continue
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			for _, m := range codes.FindAllStringSubmatch(string(text), -1) {
				code := m[1] + m[3] + m[4] + m[5] + m[6]
				if m[2] != "" {
					code = "capa." + m[2]
				}
				if strings.HasSuffix(code, "_") || strings.HasSuffix(code, ".") {
					continue // the rest follows
				}
				found++
				if _, ok := englishCauses()[causeKey(code)]; !ok {
					t.Errorf("%s: nobody wrote words for %s", file, code)
				}
			}
		}
	}
	if found < 40 {
		t.Errorf("only %d codes were found: they are written another way now", found)
	}
}
