package main

import (
	"encoding/xml"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// someFindings are invented figures of every kind.
func someFindings() findings {
	f := findings{
		options: options{rounds: 2, load: fullLoad(20_000)}, results: results{},
		costs: costs{
			stages:    stages{stageMint: {50, 52}, stageRender: {60, 60}, stageGarbage: {9, 9}},
			functions: []function{{"runtime.cgocall", 0.25, 0.5}},
		}, server: sinkTitle, body: 10_377,
		machine: machine{cores: 2, processor: "A & B <C>", kernel: "Linux 1", fileSystem: "ext4", goVersion: "go1"},
		at:      time.Date(2026, time.March, 2, 23, 0, 0, 0, time.FixedZone("", -7200)),
	}
	for i, s := range append(senders(), linkSenders()...) {
		for round := range 2 {
			f.results.add(s.measurement, sample{rate: float64(1000*(i+1) + round), cpu: 185, peak: 37})
		}
	}
	f.results.add(nameTick, sample{tickTime: 2.5})
	f.results.add(nameFleetThree, sample{rate: 480, cpu: 400, sharedCPU: 600})
	f.shared = "15"
	return f
}

func TestPageHasItsFiguresReplaced(t *testing.T) {
	docs := t.TempDir()
	page := "# Title\n\nBefore.\n\n" + pageBegin + "\n\nold\n\n" + pageEnd + "\n\nAfter.\n"
	if err := os.WriteFile(filepath.Join(docs, pageFile), []byte(page), 0o600); err != nil {
		t.Fatal(err)
	}
	f := someFindings()
	for range 2 { // the second time it replaces what it wrote itself
		if err := f.write(docs); err != nil {
			t.Fatal(err)
		}
	}
	text, err := os.ReadFile(filepath.Join(docs, pageFile))
	if err != nil {
		t.Fatal(err)
	}
	got := string(text)
	for _, part := range []string{
		"# Title\n\nBefore.\n\n" + pageBegin + "\n\n### Ratios, processor time, memory", pageEnd + "\n\nAfter.\n",
		"| alta, end to end | 3,000 (3,000 to 3,001) |", "| a tick with nothing due | 2.50 ms |",
		"|  | CPU a mail, mint | 51.0 (50.0 to 52.0) us, 42 % |  |  |", "| runtime.cgocall | 25.0 % | 50.0 % |", "| date | 2026-03-03 |",
		"| 3 machines, as many connections each | 480 | 400 | 600 |", "| PostgreSQL | 15 |", "| A & B", "10,377 bytes",
	} {
		if !strings.Contains(got, part) && !strings.Contains(got, strings.ReplaceAll(part, "&", "&amp;")) {
			t.Errorf("the page lacks %q:\n%s", part, got)
		}
	}
	if strings.Contains(got, "old") || strings.Count(got, pageBegin) != 1 {
		t.Errorf("what was there before is left:\n%s", got)
	}
	for _, name := range []string{barsFile, stageFile} {
		if _, err := os.Stat(filepath.Join(docs, name)); err != nil {
			t.Error(err)
		}
	}
}

func TestPageWithoutMarksIsLeftAlone(t *testing.T) {
	for _, page := range []string{"", "# Title\n", pageBegin, pageEnd + "\n" + pageBegin} {
		if got, err := replaceFigures(page, "new"); err == nil {
			t.Errorf("%q became %q", page, got)
		}
	}
}

// The page that is released has room for the figures.
func TestReleasedPageHasItsMarks(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", pageFile))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := replaceFigures(string(page), "new"); err != nil {
		t.Error(err)
	}
}

func TestPicturesAreWellFormed(t *testing.T) {
	f := someFindings()
	for name, text := range map[string]string{"bars": f.bars(), "stages": f.stageBar(), "nothing": findings{results: results{}}.bars(), "no stages": findings{}.stageBar()} {
		for d := xml.NewDecoder(strings.NewReader(text)); ; {
			_, err := d.Token()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Fatalf("%s: %v\n%s", name, err, text)
			}
		}
		if !strings.Contains(text, "prefers-color-scheme: dark") || strings.Contains(text, "NaN") || strings.Contains(text, "Inf") {
			t.Errorf("%s:\n%s", name, text)
		}
	}
	if got := strings.Count(f.bars(), `class="alta"`); got != 5 {
		t.Errorf("%d bars are alta's, want 5", got)
	}
}

func TestScalesEndWell(t *testing.T) {
	for v, want := range map[float64]float64{0: 1, 1: 1, 1.2: 1.5, 7: 8, 99: 100, 101: 150, 10_400: 15_000} {
		if got := roundUp(v); got != want {
			t.Errorf("a scale up to %g ends at %g, want %g", v, got, want)
		}
	}
}
