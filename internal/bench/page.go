package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// The generated part of the page lies between these two lines.
const (
	pageBegin = "<!-- figures: written by 'make bench', not by hand -->"
	pageEnd   = "<!-- end of the figures -->"
)

// The files of the page, in docs/.
const (
	pageFile  = "performance.md"
	barsFile  = "performance.svg"
	stageFile = "performance-cpu.svg"
)

// write replaces the figures of the page, and its pictures.
func (f findings) write(docs string) error {
	path := filepath.Join(docs, pageFile)
	page, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("write the page: %w", err)
	}
	text, err := replaceFigures(string(page), f.markdown())
	if err != nil {
		return fmt.Errorf("write the page %s: %w", pageFile, err)
	}
	return errors.Join(
		os.WriteFile(path, []byte(text), 0o644),
		os.WriteFile(filepath.Join(docs, barsFile), []byte(f.bars()), 0o644),
		os.WriteFile(filepath.Join(docs, stageFile), []byte(f.stageBar()), 0o644),
	)
}

// replaceFigures puts new figures between the two marks of the page.
func replaceFigures(page, figures string) (string, error) {
	before, rest, found := strings.Cut(page, pageBegin)
	_, after, ended := strings.Cut(rest, pageEnd)
	if !found || !ended {
		return "", fmt.Errorf("it lacks the lines %q and %q", pageBegin, pageEnd)
	}
	return before + pageBegin + "\n\n" + strings.TrimSpace(figures) + "\n\n" + pageEnd + after, nil
}

// markdown writes the tables for the page.
func (f findings) markdown() string {
	var b strings.Builder
	for _, s := range f.sections() {
		fmt.Fprintf(&b, "### %s\n\n%s\n\n", s.title, s.table.RenderMarkdown())
	}
	return b.String()
}
