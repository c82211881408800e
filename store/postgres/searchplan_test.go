package postgres

import (
	"regexp"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
	"alta/store"
)

// Whatever is looked for, users are looked at by an index, in its order, and what few
// were found are sorted at most.
func TestEverySearchIsARangeOfAnIndex(t *testing.T) {
	s := newStore(t)
	fillLedger(t, s)
	s.exec(t, `UPDATE users SET opened_at = 1 WHERE key % 100 = 0`)
	s.exec(t, `VACUUM (ANALYZE) users`)
	indexes := map[store.Order]string{
		store.ByID: "users_begin_id", store.ByExternalID: "users_begin_external_id", store.ByEmail: "users_begin_email", store.ByName: "users_begin_name",
	}
	for _, r := range []store.Range{
		{From: store.Place{Order: store.ByKey}}, {Part: store.Same, From: store.Place{Order: store.ByKey, Key: 7}},
		{From: store.Place{Order: store.ByID}}, {Part: store.Later, From: store.Place{Order: store.ByID, Value: "user-1", Key: 7}},
		{From: store.Place{Order: store.ByExternalID}}, {Part: store.Same, From: store.Place{Order: store.ByExternalID, Value: "x", Key: 7}},
		{From: store.Place{Order: store.ByEmail}}, {Part: store.Same, From: store.Place{Order: store.ByEmail, Value: "user-1", Key: 7}}, {Part: store.Later, From: store.Place{Order: store.ByEmail, Value: "user-1", Key: 7}},
		{From: store.Place{Order: store.ByName}}, {Part: store.Same, From: store.Place{Order: store.ByName, Value: "name", Key: 7}}, {Part: store.Later, From: store.Place{Order: store.ByName, Value: "name", Key: 7}},
	} {
		for _, q := range []store.Search{
			{}, {Country: pipeline.MX}, {Status: pipeline.Pending}, {Country: pipeline.DO, Status: pipeline.Pending, Type: pipeline.Business},
			{Stage: store.StageOpened}, {Stage: store.StageWaiting, Locale: "es-MX"},
		} {
			q.Text = "user-1"
			matching, stopped := q.In(searched(), r, recordColumns, 51, 500)
			for _, query := range []store.Query{matching, stopped} {
				plan := namedPlan(t, s, query)
				if bad := regexp.MustCompile(`Seq Scan on users|Bitmap`).FindString(plan); bad != "" {
					t.Fatalf("%s in %+v of %+v:\n%s", bad, r, q, plan)
				}
				if want := indexes[r.From.Order]; !strings.Contains(plan, want) {
					t.Fatalf("%+v of %+v does not go by %s:\n%s", r, q, want, plan)
				}
				// Below the limit nothing is sorted but the few users with the same value.
				if inner := plan[strings.Index(plan, "Limit")+1:]; r.Part != store.Same && strings.Count(inner, "Sort\n")+strings.Count(inner, "Sort  ") > 1 {
					t.Fatalf("%+v of %+v is sorted:\n%s", r, q, plan)
				}
			}
			if q.Stage == store.StageOpened && r.From.Order == store.ByKey {
				if plan := namedPlan(t, s, stopped); !strings.Contains(plan, "users_opened") {
					t.Errorf("those who have opened are not found by their index:\n%s", plan)
				}
			}
		}
	}
	for _, query := range []string{`WHERE lower(u.email) = lower($1) AND u.email <> ''`, `WHERE u.external_id = $1 AND u.external_id <> ''`} {
		if plan := planOf(t, s, "force_generic_plan", `SELECT u.id FROM users u `+query, "x"); strings.Contains(plan, "Seq Scan") {
			t.Errorf("a whole word is not found by an index:\n%s", plan)
		}
	}
}

// namedPlan is the plan for a query of the search, as it is made.
func namedPlan(t *testing.T, s *Store, q store.Query) (plan string) {
	t.Helper()
	err := s.lookIndexed(t.Context(), func(tx pgx.Tx) error {
		lines, err := column[string](t.Context(), tx, `EXPLAIN (COSTS OFF) `+q.Text, pgx.NamedArgs(q.Args))
		plan = strings.Join(lines, "\n")
		return err
	})
	if err != nil {
		t.Fatalf("%s: %v", q.Text, err)
	}
	return plan
}

// What waits for a person is found by its indexes, even when nothing was known of the
// tables as the plan was made.
func TestWhatWaitsForAPersonIsFoundByItsIndexes(t *testing.T) {
	s := newStore(t)
	for query, index := range map[string]string{attentionGroups: "attention_since", attentionPage: "attention_group"} {
		err := s.lookIndexed(t.Context(), func(tx pgx.Tx) error {
			var args []any
			if query == attentionPage {
				args = []any{"failed", "x", "MX", 0, 10}
			}
			lines, err := column[string](t.Context(), tx, `EXPLAIN (COSTS OFF) `+query, args...)
			plan := strings.Join(lines, "\n")
			if bad := regexp.MustCompile(`Seq Scan on (users|attention a|deliveries)`).FindString(plan); bad != "" || !strings.Contains(plan, index) {
				t.Errorf("the plan does not go by %s:\n%s", index, plan)
			}
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
}
