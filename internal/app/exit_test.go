package app

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"alta/pipeline"
	"alta/store"
)

func TestExitStatus(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want int
	}{
		{"no error is done", nil, 0},
		{"any error is a failure", errors.New("disk full"), 1},
		{"an unknown user is a failure", fmt.Errorf("explain: %w", store.ErrNotFound), 1},
		{"wrong usage", usage("--limit %d", -1), 2},
		{"a mistake in the configuration", &ConfigError{Problems: []ConfigProblem{{Text: "bad"}}}, 2},
		{"a mistake in the configuration, wrapped", fmt.Errorf("load: %w", &ConfigError{Problems: []ConfigProblem{{Text: "bad"}}}), 2},
		{"an outage", &pipeline.Fault{Kind: pipeline.Outage, Reason: "the key is refused"}, 3},
		{"any other fault is a failure", &pipeline.Fault{Kind: pipeline.Retry, Reason: "later"}, 1},
		{"another process runs", fmt.Errorf("%w (process 4711)", store.ErrLocked), 3},
		{"an error that knows its status", &exitError{exitOutage, errors.New("the ledger can't be opened")}, 3},
		{"an error that knows its status, joined with others", errors.Join(errors.New("close"), &exitError{exitUsage, nil}), 2},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := exitStatus(test.err); got != test.want {
				t.Errorf("exitStatus = %d, want %d", got, test.want)
			}
		})
	}
}

func TestReportStatus(t *testing.T) {
	for _, test := range []struct {
		name   string
		report pipeline.Report
		want   int
	}{
		{"nothing was due", pipeline.Report{}, 0},
		{"all were sent", pipeline.Report{Selected: 3, Sent: 3}, 0},
		{"some are tried later, and some were no longer owed", pipeline.Report{Selected: 3, Sent: 1, Retry: 1, Cancelled: 1}, 0},
		{"one failed", pipeline.Report{Selected: 3, Sent: 2, Failed: 1}, 1},
		{"one is held", pipeline.Report{Selected: 3, Sent: 2, Held: 1}, 1},
		{"one is in doubt", pipeline.Report{Selected: 3, Sent: 2, Doubt: 1}, 1},
		{"an outage weighs more than a failure", pipeline.Report{Selected: 3, Failed: 1, Retry: 2, Outage: "no key"}, 3},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := exitStatus(reportStatus(test.report)); got != test.want {
				t.Errorf("status %d, want %d", got, test.want)
			}
		})
	}
}

func TestErrorsAreSaidOnce(t *testing.T) {
	for _, test := range []struct {
		name string
		err  error
		want string
	}{
		{"an error names the program", errors.New("disk full"), "alta: disk full\n"},
		{"a mistake in the configuration begins with its place", &ConfigError{Problems: []ConfigProblem{{File: "c.toml", Line: 3, Column: 1, Text: "bad"}}}, "c.toml:3:1: bad\n"},
		{"what the answer has said already is not repeated", &exitError{exitFailed, nil}, ""},
		{"no error says nothing", nil, ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			var out bytes.Buffer
			a := &app{screen: &screen{out: &out}}
			a.complain(test.err)
			if out.String() != test.want {
				t.Errorf("printed %q, want %q", out.String(), test.want)
			}
		})
	}
}

// Every command teaches by example, and its help works without anything set up.
func TestEveryCommandHasHelpWithAnExample(t *testing.T) {
	var walk func(c *cobra.Command)
	walk = func(c *cobra.Command) {
		if !c.Hidden {
			t.Run(c.CommandPath(), func(t *testing.T) {
				args := append(strings.Fields(c.CommandPath())[1:], "--help")
				var out, screenOut bytes.Buffer
				a := &app{out: &out, screen: &screen{out: &screenOut}, getenv: emptyEnvironment, configFile: "does/not/exist.toml"}
				if status := a.run(context.Background(), args); status != 0 {
					t.Errorf("exit status %d", status)
				}
				if !strings.Contains(out.String(), "Examples:\n  ") || !strings.Contains(out.String(), "alta ") {
					t.Errorf("no example in the help:\n%s", out.String())
				}
				if c.Short == "" || screenOut.Len() > 0 {
					t.Errorf("short text %q; on standard error: %q", c.Short, screenOut.String())
				}
			})
		}
		for _, sub := range c.Commands() {
			walk(sub)
		}
	}
	walk((&app{}).rootCommand())
}
