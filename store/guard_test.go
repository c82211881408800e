package store

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

// What the guard asks costs the same however many users there are and however
// many runs there were.
func TestTheGuardsQueriesFollowTheirIndexes(t *testing.T) {
	s, said := openRecorded(t)
	if _, err := s.Outlook(t.Context(), noon); err != nil {
		t.Fatal(err)
	}
	want := map[string]*regexp.Regexp{
		"SELECT CASE lane":      regexp.MustCompile(`^CO-ROUTINE \(subquery-\d+\)\nSEARCH queue_counts USING PRIMARY KEY \(key<\?\)\nUSE TEMP B-TREE FOR GROUP BY\nSCAN \(subquery-\d+\)$`),
		"SELECT sent FROM runs": regexp.MustCompile(`^SCAN runs USING INDEX runs_mailed$`),
	}
	for _, query := range said.queries {
		for begins, plan := range want {
			if !strings.HasPrefix(query, begins) {
				continue
			}
			if got := strings.Join(planOf(t, s, query), "\n"); !plan.MatchString(got) {
				t.Errorf("plan of %s is %q, want %s", query, got, plan)
			}
			delete(want, begins)
		}
	}
	for begins := range want {
		t.Errorf("nothing was asked with %q", begins)
	}
}

// A ledger keeps one approval at most, whoever gives it.
func TestOneApprovalAtMost(t *testing.T) {
	s := openAt(t, newPath(t))
	for i := range 3 {
		if err := s.Approve(t.Context(), pipeline.Approve(10, noon.Add(time.Duration(i)*time.Minute)), Act{"olga", "test"}); err != nil {
			t.Fatal(err)
		}
	}
	if n := count(t, s, `SELECT count(*) FROM approval`); n != 1 {
		t.Errorf("%d approvals, want 1", n)
	}
	if n := count(t, s, `SELECT count(*) FROM audit WHERE action = 'approve'`); n != 3 {
		t.Errorf("%d lines in the audit log, want 3", n)
	}
}
