package store

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"alta/pipeline"
)

// However many users a batch has, and whoever stands in it again, the ledger is the
// one that enrolling them one by one makes.
func TestABatchOfNewcomersIsThatOfOneByOne(t *testing.T) {
	everybody := func(n int) (users []pipeline.User) {
		for i := range n {
			users = append(users, newcomer(i))
		}
		return users
	}
	changed := func(u pipeline.User) pipeline.User {
		u.Name, u.Email, u.Country = "Otra", "otra@example.com", pipeline.DO
		return u
	}
	verified := func(u pipeline.User) pipeline.User {
		u.Status = pipeline.Verified
		return u
	}
	for _, c := range []struct {
		it    string
		there []pipeline.User // before the batch
		batch []pipeline.User
	}{
		{"One user.", nil, everybody(1)},
		{"As many as one statement takes.", nil, everybody(addedAtOnce)},
		{"One more than that.", nil, everybody(addedAtOnce + 1)},
		{"More than are looked up at once.", nil, everybody(lookedUpAtOnce + addedAtOnce + 3)},
		{"Half of them are there.", everybody(addedAtOnce), everybody(2*addedAtOnce + 1)},
		{"Users in every state, some of whom are owed no mail.", nil, func() (users []pipeline.User) {
			for i, u := range everybody(3 * addedAtOnce) {
				u.Status = []pipeline.Status{pipeline.Pending, pipeline.Verified, pipeline.OptedOut, ""}[i%4]
				u.Type = []pipeline.UserType{pipeline.Business, ""}[i%2]
				users = append(users, u)
			}
			return users
		}()},
		{"Each stands there twice, changed the second time.", nil, func() (users []pipeline.User) {
			for _, u := range everybody(addedAtOnce) {
				users = append(users, u, changed(u))
			}
			return users
		}()},
		{"The change comes long after.", nil, append(everybody(lookedUpAtOnce+1), changed(newcomer(0)), verified(newcomer(1)))},
		{"One stands there four times and ends as verified.", nil,
			[]pipeline.User{newcomer(0), changed(newcomer(0)), verified(newcomer(0)), newcomer(0), newcomer(1)}},
	} {
		t.Run(c.it, func(t *testing.T) {
			together, single := openAt(t, newPath(t)), openAt(t, newPath(t))
			enrolled := func(s *Store, size int) (sum Enrolled) {
				for _, users := range [][]pipeline.User{c.there, c.batch} {
					for some := range slices.Chunk(users, size) {
						counts, err := s.Enrol(t.Context(), some, Imported, invitesPending, noon)
						if err != nil {
							t.Fatal(err)
						}
						sum.Add(counts)
					}
				}
				return sum
			}
			all := len(c.there) + len(c.batch)
			if diff := cmp.Diff(enrolled(single, 1), enrolled(together, all)); diff != "" {
				t.Errorf("counts one by one (-) and together (+):\n%s", diff)
			}
			if diff := cmp.Diff(enrolledRows(t, single), enrolledRows(t, together)); diff != "" {
				t.Errorf("rows one by one (-) and together (+):\n%s", diff)
			}
		})
	}
}

func newcomer(i int) pipeline.User {
	u := pipeline.User{ID: fmt.Sprintf("user-%d", i), Email: fmt.Sprintf("u%d@example.com", i), Name: "Ana", Country: pipeline.MX}
	if i%3 == 0 {
		u.Country, u.ExternalID = pipeline.DO, fmt.Sprintf("cliente %d", i)
	}
	return u
}

// invitesPending owes an invite to whoever had none, at a time of their own.
func invitesPending(u pipeline.User, h pipeline.History) (pipeline.Next, bool) {
	return pipeline.Next{Step: pipeline.Invite, DueAt: noon.AddDate(0, 0, len(u.ID))}, u.Status == pipeline.Pending && h.Mails == 0
}

// enrolledRows is all that an enrolment writes: what has a number of its own in the
// order of writing goes by the user's id instead.
func enrolledRows(t *testing.T, s *Store) (lines []string) {
	t.Helper()
	for _, query := range []string{
		`SELECT json_array(key, id, external_id, email, name, country, locale, time_zone, type, status, sourced, withdrawn,
			address_bad, mails, created_at, updated_at, wanted) FROM users ORDER BY key`,
		`SELECT json_array(user_key, country, type, step, round, state, due_at, operator, attempts, created_at, updated_at, ended_at)
			FROM deliveries ORDER BY user_key, round`,
		`SELECT json_array('funnel', status, country, mailed, users) FROM funnel WHERE users > 0 ORDER BY 1`,
		`SELECT json_array('queue', minute, state, country, type, deliveries) FROM queue WHERE deliveries > 0 ORDER BY 1`,
	} {
		some, err := column[string](s.reads, query)
		if err != nil {
			t.Fatal(err)
		}
		lines = append(lines, some...)
	}
	return lines
}
