package storetest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"alta/pipeline"
	"alta/store"
)

func auditBehaviours() []behaviour {
	return []behaviour{
		{"an empty audit log has the chain that begins", func(f *fixture) {
			equal(f, "proof", f.verifyAudit(), store.AuditProof{Holds: true})
		}},
		{"every line is chained to all before it", func(f *fixture) {
			f.acts(3)
			var tip store.AuditHash
			lines := f.auditPage(store.AuditFilter{})
			equal(f, "lines", len(lines), 3)
			for _, line := range slices.Backward(lines) {
				tip = tip.Next(line)
			}
			equal(f, "proof", f.verifyAudit(), store.AuditProof{Rows: 3, Hash: tip, Holds: true})
		}},
		{"a text of any kind is chained as it is kept", func(f *fixture) {
			f.enrol(person("ana", pipeline.MX))
			for _, by := range []store.Act{{Actor: "olga \x00 íñ", Reason: "\xff\xfe"}, {Actor: "奥尔加 🙂", Reason: "a\nb"}, {}} {
				f.must(f.Mark(f.t.Context(), "ana", pipeline.Verified, f.next, by, f.now))
			}
			equal(f, "rows", f.verifyAudit().Rows, int64(3))
			equal(f, "actor", f.auditPage(store.AuditFilter{})[2].Actor, "olga \uFFFD íñ")
		}},
		{"a hash that was noted stands in the chain ever after, and one that was not does not", func(f *fixture) {
			f.acts(2)
			noted := f.verifyAudit().Hash
			f.mark("user 0", pipeline.Verified)
			for hash, want := range map[store.AuditHash]bool{noted: true, f.verifyAudit().Hash: true, {}: true, {1}: false} {
				proof, err := f.VerifyAudit(f.t.Context(), hash)
				f.must(err)
				equal(f, "holds "+hash.String(), proof.Holds, want)
			}
		}},
		{"lines that are added at the same time are chained one behind the other", func(f *fixture) {
			var adding sync.WaitGroup
			failed := make([]error, 8)
			for i := range failed {
				adding.Go(func() {
					for n := range 5 {
						by := store.Act{Actor: fmt.Sprintf("operator %d", i), Reason: fmt.Sprint(n)}
						failed[i] = errors.Join(failed[i], f.Approve(f.t.Context(), pipeline.Approval{GivenAt: f.now, EndsAt: f.now.Add(time.Hour)}, by))
					}
				})
			}
			adding.Wait()
			f.must(errors.Join(failed...))
			equal(f, "proof", f.verifyAudit().Rows, int64(40))
		}},
		{"a test mail is audited, and belongs to no user", func(f *fixture) {
			f.must(f.NoteTestMail(f.t.Context(), "invite es-MX", operator, f.now))
			line := f.auditPage(store.AuditFilter{})[0]
			equal(f, "action", line.Action, store.ActTestMail)
			equal(f, "actor", line.Actor, operator.Actor)
			equal(f, "mail", strings.Contains(line.Detail, "invite es-MX"), true)
			equal(f, "rows", f.verifyAudit().Rows, int64(1))
		}},
		{"an act that is refused leaves no line and no entry", func(f *fixture) {
			f.acts(1)
			before := f.verifyAudit()
			if err := f.Mark(f.t.Context(), "nobody", pipeline.Verified, f.next, operator, f.now); !errors.Is(err, store.ErrNotFound) {
				f.t.Fatalf("error is %v", err)
			}
			equal(f, "proof", f.verifyAudit(), before)
		}},
		{"the audit log is read page by page, the newest line first", func(f *fixture) {
			f.acts(5)
			all := f.auditPage(store.AuditFilter{})
			equal(f, "all", len(all), 5)
			equal(f, "newest", all[0].Detail, "pending -> opted_out: act 4")
			var paged []store.AuditRow
			for before := int64(0); len(paged) < 5; before = paged[len(paged)-1].ID {
				page := f.auditPage(store.AuditFilter{Before: before, Limit: 2})
				equal(f, "page", len(page) > 0 && len(page) <= 2, true)
				paged = append(paged, page...)
			}
			equal(f, "paged", paged, all)
			equal(f, "behind the last", len(f.auditPage(store.AuditFilter{Before: all[4].ID})), 0)
		}},
		{"the audit log is searched by user, by who acted and by when", func(f *fixture) {
			began := f.now
			f.acts(3)
			f.enrol(person("bob", pipeline.DO))
			f.must(f.Mark(f.t.Context(), "bob", pipeline.Verified, f.next, store.Act{Actor: "mara"}, f.now))
			for _, t := range []struct {
				what string
				by   store.AuditFilter
				want int
			}{
				{"user", store.AuditFilter{User: "bob"}, 1},
				{"actor", store.AuditFilter{Actor: operator.Actor}, 3},
				{"since the beginning", store.AuditFilter{Since: began}, 4},
				{"since the second", store.AuditFilter{Since: began.Add(time.Minute)}, 3},
				{"since a moment behind the second", store.AuditFilter{Since: began.Add(time.Minute + time.Nanosecond)}, 2},
				{"all of it", store.AuditFilter{User: "user 0", Actor: operator.Actor, Since: began, Before: 1 << 62, Limit: 9}, 1},
				{"nothing that fits", store.AuditFilter{User: "bob", Actor: operator.Actor}, 0},
			} {
				equal(f, t.what, len(f.auditPage(t.by)), t.want)
			}
		}},
	}
}

// acts opts n users out, each a minute after the one before.
func (f *fixture) acts(n int) {
	f.t.Helper()
	for i := range n {
		u := person(fmt.Sprintf("user %d", i), pipeline.MX)
		f.enrol(u)
		by := store.Act{Actor: operator.Actor, Reason: fmt.Sprintf("act %d", i)}
		f.must(f.Mark(f.t.Context(), u.ID, pipeline.OptedOut, f.next, by, f.now))
		f.now = f.now.Add(time.Minute)
	}
}

func (f *fixture) auditPage(by store.AuditFilter) []store.AuditRow {
	f.t.Helper()
	page, err := f.AuditPage(f.t.Context(), by)
	f.must(err)
	return page
}

func (f *fixture) verifyAudit() store.AuditProof {
	f.t.Helper()
	proof, err := f.VerifyAudit(f.t.Context(), store.AuditHash{})
	f.must(err)
	equal(f, "lines that are not chained", proof.Loose, int64(0))
	return proof
}
