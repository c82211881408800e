package web

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// Every action that the code of alta writes to the audit log has words.
func TestEveryActionHasWords(t *testing.T) {
	actions := regexp.MustCompile(`(?:addAudit|NoteAct)\(.*?, "([a-z_]+)", |Act[A-Z]\w* *= "([a-z_]+)"|Action: *"([a-z_]+)"`)
	calls := regexp.MustCompile(`(?:\baddAudit|\.NoteAct)\([^\n]*`)
	byName := regexp.MustCompile(`\bAct[A-Z]\w*|line\.Action|, action, `)
	found := map[string]string{} // where
	for _, pattern := range []string{"../../store/*.go", "../../store/postgres/*.go", "../app/*.go"} {
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
			for _, m := range actions.FindAllStringSubmatch(string(text), -1) {
				found[m[1]+m[2]+m[3]] = file
			}
			for _, call := range calls.FindAllString(string(text), -1) {
				if !actions.MatchString(call) && !byName.MatchString(call) {
					t.Errorf("%s: an action is written another way now: %s", file, call)
				}
			}
		}
	}
	english, spanish := englishActions(), spanishActions()
	for action, file := range found {
		if english[action] == "" || spanish[action] == "" {
			t.Errorf("%s: nobody wrote words for the action %q", file, action)
		}
	}
	for action := range english {
		if found[action] == "" {
			t.Errorf("there are words for the action %q, which nobody does", action)
		}
	}
	if len(found) < 18 {
		t.Errorf("only %d actions were found: they are written another way now", len(found))
	}
}
