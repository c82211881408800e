package store

import (
	"database/sql/driver"
	"regexp"
	"strings"
	"testing"

	"alta/pipeline"
)

// searches are searches of every kind: with each text, filter and stage, and all of
// them at once.
func searches() (all []Search) {
	for _, text := range []string{"", "ana"} {
		for _, country := range []pipeline.Country{"", pipeline.MX} {
			for _, status := range []pipeline.Status{"", pipeline.Pending} {
				for _, stage := range append(Stages(), "") {
					for _, kind := range []pipeline.UserType{"", pipeline.Business} {
						for _, locale := range []pipeline.Locale{"", "es-MX"} {
							all = append(all, Search{Text: text, Country: country, Status: status, Stage: stage, Type: kind, Locale: locale})
						}
					}
				}
			}
		}
	}
	return all
}

// reachable are the ranges that a search looks into, from the first page and from
// within each order.
func (q Search) reachable(t *testing.T) (all []Range) {
	t.Helper()
	first, err := q.ranges()
	if err != nil {
		t.Fatal(err)
	}
	all = first
	for _, r := range first {
		q.After = Place{Order: r.From.Order, Value: "ana", Key: 1}.String()
		more, err := q.ranges()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, more...)
	}
	return all
}

// Whatever is looked for, the users who are looked at are one range of an index, in
// its order, or one for each country and status, merged.
func TestEverySearchIsARangeOfAnIndex(t *testing.T) {
	s, _ := openRecorded(t)
	byIndex := regexp.MustCompile(`^SEARCH u USING (COVERING )?INDEX (sqlite_autoindex_users_1|users_external_id|users_email|users_folded|users_listed|users_opened) \(|^SEARCH u USING INTEGER PRIMARY KEY \(rowid>\?\)$`)
	merge := regexp.MustCompile(`^(MERGE \(UNION ALL\)|LEFT|RIGHT|COMPOUND QUERY|LEFT-MOST SUBQUERY|UNION ALL)$`)
	for _, q := range searches() {
		for _, r := range q.reachable(t) {
			b := searchQuery{Search: q, dialect: searched(), args: map[string]any{}}
			query := b.few(r, `u.key`)
			for _, step := range planOf(t, s, query) {
				if !byIndex.MatchString(step) && !merge.MatchString(step) {
					t.Fatalf("%+v in %+v: %s\n%s", q, r, step, query)
				}
			}
			if strings.Contains(query, "users_opened") && q.Stage != StageOpened {
				t.Errorf("%+v goes by the index of those who have opened", q)
			}
			matching, stopped := q.In(searched(), r, recordColumns, 51, fewLookedAt)
			for _, query := range []Query{matching, stopped} {
				wantNoScan(t, query.Text, planOf(t, s, query.Text))
			}
		}
	}
}

// wantNoScan wants a plan that reads no table through.
func wantNoScan(t *testing.T, query string, plan []string) {
	t.Helper()
	scan := regexp.MustCompile(`^SCAN (u|users|a|attention|d|deliveries|l)\b`)
	for _, step := range plan {
		if scan.MatchString(step) {
			t.Errorf("%s\n\tof the statement\n%s", step, query)
		}
	}
}

// What the page shows besides is found by its tables' keys and indexes, too.
func TestWhatThePageShowsIsFoundByIndexes(t *testing.T) {
	s, said := openRecorded(t)
	enrolIDs(t, s, "a", "b")
	for _, ask := range []func() error{
		func() error { _, err := s.Overview(t.Context(), noon); return err },
		func() error { _, err := s.Attention(t.Context()); return err },
		func() error {
			_, err := s.AttentionPage(t.Context(), Cause{pipeline.Failed, "x", pipeline.MX}, 1, 10)
			return err
		},
		func() error { _, err := s.Forecast(t.Context(), noon, noon.AddDate(0, 0, 1)); return err },
		func() error { _, err := s.Timeline(t.Context(), "a"); return err },
	} {
		before := len(said.calls)
		if err := ask(); err != nil {
			t.Fatal(err)
		}
		for _, c := range said.calls[before:] {
			wantNoScan(t, c.query, planOf(t, s, c.query, c.args...))
		}
	}
	for query, want := range map[string]string{
		attentionPage:   `SEARCH a USING INDEX attention_group (state=? AND code=? AND country=? AND user_key>?)`,
		attentionGroups: `SEARCH a USING COVERING INDEX attention_since (state=? AND code=? AND country=?)`,
	} {
		if plan := strings.Join(planOf(t, s, query, []driver.NamedValue(nil)...), "\n"); !strings.Contains(plan, want) {
			t.Errorf("plan is\n%s\nwant\n%s", plan, want)
		}
	}
}
