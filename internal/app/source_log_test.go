package app

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"

	"alta/internal/roster"
)

// A source of bad rows alone does not fill the log.
func TestSourceProblemsAreBoundedInTheLog(t *testing.T) {
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for n := range 10 * mostProblems {
		logProblem(log, roster.Problem{Line: n + 1, Column: "email", Reason: "has no @"}, n+1)
	}
	if n := strings.Count(out.String(), "\n"); n != mostProblems || !strings.Contains(out.String(), "are not listed") {
		t.Errorf("%d lines, want %d, the last of which says that there are more", n, mostProblems)
	}
}
