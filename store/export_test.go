package store

import (
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// What is not carried over is counted anew, is the schema's own, or is worked out
// from the rest. A new column or table must be one of them, or be carried over.
func TestEveryColumnIsCarriedOver(t *testing.T) {
	s := openAt(t, newPath(t))
	stays := []string{
		"funnel_counts.key", "funnel_counts.users", "queue_counts.key", "queue_counts.deliveries", "queue_counts.retries",
		"users.folded", "link_expiry.minute", "link_expiry.links",
		"mail_counts.key", "mail_counts.mails", "trouble_counts.key", "trouble_counts.attempts", "reached_counts.key", "reached_counts.users",
		"attention.user_key", "attention.delivery_id", "attention.state", "attention.code", "attention.country", "attention.since",
		"attention_counts.state", "attention_counts.code", "attention_counts.country", "attention_counts.users",
		"moved.one", "moved.ledger", "moved.turn", "moved.intact", "moved.target", "moved.at",
		"data_key.id", "approval.one", // the same in each ledger
		"logins.digest", "logins.token_id", "logins.bootstrap", "logins.made_at", "logins.ends_at", "logins.seen_at", // people sign in again
		"requests.token", "requests.key", "requests.digest", "requests.status", "requests.body", "requests.made_at", // for a day
		"events_on.one", // serve says so anew
	}
	for _, table := range Tables() {
		for _, name := range table.Names() {
			stays = append(stays, table.Name+"."+name)
		}
	}
	// Generated columns are not in table_info.
	there, err := column[string](boundTo(t.Context(), s.reads), `SELECT m.name || '.' || c.name FROM sqlite_schema m, pragma_table_info(m.name) c
		WHERE m.type = 'table' AND m.name NOT LIKE 'goose%' AND m.name NOT LIKE 'sqlite%'`)
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(stays)
	slices.Sort(there)
	if diff := cmp.Diff(stays, there); diff != "" {
		t.Errorf("the columns that are there (-known +there):\n%s", diff)
	}
}

func TestPagesMakeTheWholeTable(t *testing.T) {
	s := openAt(t, newPath(t))
	enrolIDs(t, s, "a", "b", "c", "d", "e")
	for _, statement := range []string{
		`UPDATE users SET name = CAST(x'ff4100' AS TEXT), sourced = 1 WHERE id = 'c'`,
		`INSERT INTO pauses VALUES ('MX', 'INDIVIDUAL', 'x', '', 1, 2, 3), ('', '', 'y', '', 0, 2, 3), ('DO', 'BUSINESS', 'z', '', 1, 2, 3)`,
	} {
		if _, err := s.writes.Exec(statement); err != nil {
			t.Fatal(err)
		}
	}
	for _, table := range Tables() {
		var whole, paged []Row
		p, err := s.Export(t.Context(), table, 0, 100)
		if err != nil {
			t.Fatal(err)
		}
		whole = p.Rows
		for after := int64(0); ; after = p.After {
			if p, err = s.Export(t.Context(), table, after, 2); err != nil {
				t.Fatal(err)
			}
			if paged = append(paged, p.Rows...); len(p.Rows) == 0 {
				break
			}
		}
		same := slices.EqualFunc(whole, paged, func(a, b Row) bool { return string(a.canonical(nil)) == string(b.canonical(nil)) })
		if n, err := s.CountRows(t.Context(), table); err != nil || !same || int64(len(paged)) != n {
			t.Errorf("%s has %d rows (%v), whole are %v and in pages %v", table.Name, n, err, whole, paged)
		}
		switch table.Name {
		case "users":
			if name, sourced := paged[2][12], paged[2][18]; name != "\uFFFDA\uFFFD" || sourced != true {
				t.Errorf("the name is %q and sourced is %v", name, sourced)
			}
		case "pauses":
			if paged[0][2] != "y" || paged[1][2] != "z" || paged[2][2] != "x" {
				t.Errorf("the pauses are %v", paged)
			}
		}
	}
}

func TestASumTellsRowsApart(t *testing.T) {
	sum := func(rows ...Row) Sum {
		s, err := (Table{}).Sum(func(int64, int) (Page, error) { return Page{Rows: rows}, nil })
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	known := map[Sum]bool{}
	for i, rows := range [][]Row{
		{}, {{nil}}, {{""}}, {{int64(1)}}, {{"1"}}, {{true}}, {{"true"}}, {{[]byte("1")}}, {{[]byte{}}},
		{{"a", "b"}}, {{"ab", ""}}, {{"a"}, {"b"}}, {{"a,", "b"}}, {{"b"}, {"a"}},
	} {
		if s := sum(rows...); known[s] {
			t.Errorf("the sum of rows %d is known already", i)
		} else {
			known[s] = true
		}
	}
}
