package main_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

var (
	namedTest   = regexp.MustCompile("`((?:Test|Fuzz)[A-Za-z0-9_]*)`")
	definedTest = regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)[A-Za-z0-9_]*)\(`)
	linked      = regexp.MustCompile(`\]\(([^)\s]+)\)`)
)

// proven are the documents whose claims rest on tests, so each must name some.
var proven = []string{"docs/limits.md", "docs/promises.md", "docs/security.md"}

// A test that a document names is there, so that no claim outlives its proof.
func TestDocumentsNameTestsThatExist(t *testing.T) {
	defined := definedTests(t)
	for _, path := range documents(t) {
		named := namedTest.FindAllStringSubmatch(read(t, path), -1)
		if len(named) == 0 && slices.Contains(proven, path) {
			t.Errorf("%s names no test", path)
		}
		for _, match := range named {
			if !defined[match[1]] {
				t.Errorf("%s names %s, and no such test is there", path, match[1])
			}
		}
	}
}

// A file that a document links to is there.
func TestDocumentsLinkToFilesThatExist(t *testing.T) {
	for _, path := range documents(t) {
		for _, match := range linked.FindAllStringSubmatch(read(t, path), -1) {
			target, _, _ := strings.Cut(match[1], "#")
			if target == "" || strings.Contains(target, ":") {
				continue
			}
			if _, err := os.Stat(filepath.Join(filepath.Dir(path), target)); err != nil {
				t.Errorf("%s links to %s: %v", path, target, err)
			}
		}
	}
}

// documents are the paths of everything that is written for people.
func documents(t *testing.T) []string {
	t.Helper()
	inside, err := filepath.Glob("docs/*.md")
	if err != nil {
		t.Fatal(err)
	}
	outside, err := filepath.Glob("*.md")
	if err != nil {
		t.Fatal(err)
	}
	all := append(outside, inside...)
	for _, path := range proven {
		if !slices.Contains(all, path) {
			t.Errorf("%s is missing", path)
		}
	}
	return all
}

// definedTests are the names of all test functions and fuzz targets.
func definedTests(t *testing.T) map[string]bool {
	t.Helper()
	defined := map[string]bool{}
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		for _, match := range definedTest.FindAllStringSubmatch(read(t, path), -1) {
			defined[match[1]] = true
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return defined
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}
