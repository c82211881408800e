package main

import (
	"bytes"
	"io"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"
)

// TestMain lets the test program be the processes that the bench starts.
func TestMain(m *testing.M) {
	if len(os.Args) > 1 && os.Args[1] == roleArgument {
		main()
		return
	}
	os.Exit(m.Run())
}

// Everything that sends mails is measured once, tiny, with the real program and
// real servers; each measurement fails unless every mail arrived.
func TestMeasuresEveryoneWhoSends(t *testing.T) {
	for _, server := range []string{"smtp-sink", "the sandbox's catcher"} {
		t.Run("Into "+server+".", func(t *testing.T) {
			o, err := parseOptions([]string{"-short", "-only", "^(wire|alta)/"})
			if err != nil {
				t.Fatal(err)
			}
			b, err := newBench(t.Context(), o, time.Now, io.Discard)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() {
				if err := b.close(); err != nil {
					t.Error(err)
				}
			})
			if server != "smtp-sink" {
				b.sink = ""
				b.only = regexp.MustCompile("^(wire/go-mail|alta/fast-api)$")
			} else if b.sink == "" {
				t.Skip("smtp-sink is not there")
			}
			f := findings{options: b.options, results: b.results, server: b.serverTitle()}
			if f.costs, err = b.measure(t.Context()); err != nil {
				t.Fatal(err)
			}
			var out bytes.Buffer
			if err := f.print(&out); err != nil {
				t.Fatal(err)
			}
			for _, part := range []string{"alta, end to end", "go-mail alone", b.serverTitle(), "not judged: -short"} {
				if !strings.Contains(out.String(), part) {
					t.Errorf("it lacks %q:\n%s", part, &out)
				}
			}
		})
	}
}

func TestOptions(t *testing.T) {
	tests := []struct {
		sentence string
		args     []string
		ok       bool
	}{
		{"No flags.", nil, true},
		{"A part of it, for tuning.", []string{"-only", "^alta/", "-rounds", "1", "-keep", "x"}, true},
		{"The page has all figures, so a part of them writes none.", []string{"-write", "-only", "^alta/"}, false},
		{"The page has no tiny figures.", []string{"-write", "-short"}, false},
		{"A pattern that is none.", []string{"-only", "("}, false},
		{"No round at all.", []string{"-rounds", "0"}, false},
		{"A word that is no flag.", []string{"short"}, false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			if _, err := parseOptions(test.args); (err == nil) != test.ok {
				t.Errorf("error %v", err)
			}
		})
	}
}

func TestMailsOfTheSink(t *testing.T) {
	tests := []struct {
		sentence, stats string
		want            int
		ok              bool
	}{
		{"No session has ended.", "", 0, true},
		{"The last line counts.", "sess=1 quit=0 mesg=1\rsess=16 quit=2 mesg=20000\r", 20000, true},
		{"Numbers are padded.", "sess=    1 quit=    1 mesg=   96\r", 96, true},
		{"Something else.", "smtp-sink: fatal: no", 0, false},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			got, err := mailsIn([]byte(test.stats))
			if got != test.want || (err == nil) != test.ok {
				t.Errorf("%d, error %v", got, err)
			}
		})
	}
}

func TestTicksInTheLog(t *testing.T) {
	log := `{"time":"2026-03-02T12:00:00.5Z","level":"INFO","msg":"serving"}
{"time":"2026-03-02T12:00:01Z","level":"DEBUG","msg":"run begins","run":1}
{"time":"2026-03-02T12:00:01.0025Z","level":"INFO","msg":"run done","run":1}
not JSON
{"time":"2026-03-02T12:00:02Z","level":"DEBUG","msg":"run begins","run":2}
`
	if got := ticksIn([]byte(log)); len(got) != 1 || got[0] != 2.5 {
		t.Errorf("%v, want one tick of 2.5 ms", []float64(got))
	}
}
