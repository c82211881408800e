package store

import (
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"alta/pipeline"
)

// The hash of a line was worked out by other means once, so that no later release computes
// another one: hashes that operators noted must stay good.
func TestTheHashOfALineStaysAsItIs(t *testing.T) {
	line := AuditRow{7, AuditEntry{At: time.UnixMilli(1_772_463_600_123), Actor: "olga", Action: "mark", UserID: "u-ana", Detail: "pending -> verified: llamó"}}
	const want = "24c229b9c55c76e88718947ac4f2b5f676692ce8de07c88c80656ddec66ae043" // by Python's hashlib and struct
	if got := (AuditHash{}).Next(line).String(); got != want {
		t.Errorf("the hash is %s, want %s", got, want)
	}
}

// No two lines have one hash: not where a letter goes from a text to the next one
// either.
func TestDifferentLinesHaveDifferentHashes(t *testing.T) {
	text := rapid.StringMatching(`[a-c]{0,3}`)
	line := rapid.Custom(func(t *rapid.T) AuditRow {
		return AuditRow{rapid.Int64Range(1, 3).Draw(t, "id"), AuditEntry{
			time.UnixMilli(rapid.Int64Range(0, 2).Draw(t, "at")), text.Draw(t, "actor"), text.Draw(t, "action"), text.Draw(t, "user"), text.Draw(t, "detail"),
		}}
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := line.Draw(t, "one"), line.Draw(t, "other")
		before := AuditHash{byte(rapid.IntRange(0, 1).Draw(t, "before"))}
		if same := a == b && before == (AuditHash{}); same != (AuditHash{}.Next(a) == before.Next(b)) {
			t.Errorf("%+v and %+v behind %x", a, b, before[0])
		}
	})
}

func TestParseAuditHash(t *testing.T) {
	h := AuditHash{}.Next(AuditRow{ID: 1})
	if got, err := ParseAuditHash(h.String()); err != nil || got != h {
		t.Errorf("%s comes back as %s (%v)", h, got, err)
	}
	for _, bad := range []string{"", "abc", h.String()[2:], h.String() + "00", strings.Repeat("zz", 32)} {
		if _, err := ParseAuditHash(bad); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
}

// tamper does what somebody does who can write to the file, rules of the database or
// not.
func tamper(t *testing.T, s *Store, statements ...string) {
	t.Helper()
	statements = append([]string{
		`DROP TRIGGER audit_is_append_only_update`, `DROP TRIGGER audit_is_append_only_delete`,
		`DROP TRIGGER audit_chain_is_append_only_update`, `DROP TRIGGER audit_chain_is_append_only_delete`,
	}, statements...)
	for _, statement := range statements {
		if _, err := s.writes.Exec(statement); err != nil {
			t.Fatalf("%s: %v", statement, err)
		}
	}
}

// audited makes a ledger whose audit log has n lines.
func audited(t *testing.T, n int) *Store {
	t.Helper()
	s := openAt(t, newPath(t))
	for i := range n {
		act(t, s, i)
	}
	return s
}

func act(t *testing.T, s *Store, i int) {
	t.Helper()
	a := pipeline.Approval{Mails: i, GivenAt: noon, EndsAt: noon.Add(time.Hour)}
	if err := s.Approve(t.Context(), a, Act{"olga", fmt.Sprint(i)}); err != nil {
		t.Fatal(err)
	}
}

func TestWhoeverTampersWithTheAuditLogIsFoundOut(t *testing.T) {
	for _, test := range []struct {
		it    string
		does  []string
		broke int64 // 0: the chain itself tells nothing
		fit   int64
		holds bool // the hash that was noted before
	}{
		{"leaves all as it was", nil, 0, 5, true},
		{"changes who acted", []string{`UPDATE audit SET actor = 'mara' WHERE id = 3`}, 3, 2, false},
		{"changes why", []string{`UPDATE audit SET detail = '' WHERE id = 1`}, 1, 0, false},
		{"changes when", []string{`UPDATE audit SET at = at + 1 WHERE id = 5`}, 5, 4, false},
		{"takes a line out", []string{`DELETE FROM audit WHERE id = 2`}, 2, 1, false},
		{"takes a line and its entry out", []string{`DELETE FROM audit WHERE id = 2`, `DELETE FROM audit_chain WHERE audit_id = 2`}, 3, 1, false},
		{"gives a line another number", []string{`UPDATE audit SET id = 9 WHERE id = 5`}, 5, 4, false},
		{"exchanges two lines", []string{`UPDATE audit SET id = 9 WHERE id = 3`, `UPDATE audit SET id = 3 WHERE id = 4`, `UPDATE audit SET id = 4 WHERE id = 9`}, 3, 2, false},
		{"changes an entry", []string{`UPDATE audit_chain SET hash = zeroblob(32) WHERE audit_id = 4`}, 4, 3, false},
		{"takes an entry out", []string{`DELETE FROM audit_chain WHERE audit_id = 4`}, 4, 3, false},
		{"slips a line in", []string{`UPDATE audit SET id = 9 WHERE id = 5`, `UPDATE audit_chain SET audit_id = 9 WHERE audit_id = 5`, `INSERT INTO audit VALUES (6, 0, 'mara', 'mark', 'u', '')`}, 6, 4, false},
		{"cuts lines off", []string{`DELETE FROM audit WHERE id > 3`}, 4, 3, false},
		{"cuts lines and their entries off, which only a noted hash tells", []string{`DELETE FROM audit WHERE id > 3`, `DELETE FROM audit_chain WHERE audit_id > 3`}, 0, 3, false},
	} {
		t.Run(test.it, func(t *testing.T) {
			s := audited(t, 5)
			noted, err := s.VerifyAudit(t.Context(), AuditHash{})
			if err != nil {
				t.Fatal(err)
			}
			tamper(t, s, test.does...)
			proof, err := s.VerifyAudit(t.Context(), noted.Hash)
			found, broken := errors.AsType[*AuditBreak](err)
			switch {
			case test.broke == 0 && err != nil:
				t.Errorf("error is %v", err)
			case test.broke != 0 && (!broken || found.ID != test.broke):
				t.Errorf("error is %v, want a break at line %d", err, test.broke)
			}
			if proof.Rows != test.fit || proof.Holds != test.holds {
				t.Errorf("proof is %+v, want %d lines that fit, and %v", proof, test.fit, test.holds)
			}
			if !broken {
				return
			}
			// What comes later mends nothing.
			act(t, s, 6)
			if _, err := s.VerifyAudit(t.Context(), AuditHash{}); err == nil {
				t.Error("a later line hides the break")
			}
		})
	}
}

// Lines from before there was a chain are in it after the upgrade.
func TestAnUpgradeChainsTheLinesThatAreThere(t *testing.T) {
	path := newPath(t)
	fileOf(nil)(t, path)
	old := openOld(t, path, 6)
	const lines = chainPage*2 + 1
	if _, err := old.Exec(`WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
		INSERT INTO audit (at, actor, action, user_id, detail) SELECT i, 'olga', 'mark', 'u-' || i, CAST(x'ff' AS TEXT) FROM n`, lines); err != nil {
		t.Fatal(err)
	}
	if err := old.Close(); err != nil {
		t.Fatal(err)
	}
	s := openAt(t, path)
	proof, err := s.VerifyAudit(t.Context(), AuditHash{})
	if err != nil || proof.Rows != lines || proof.Loose != 0 {
		t.Errorf("proof is %+v (%v)", proof, err)
	}
	act(t, s, 1)
	if proof, err := s.VerifyAudit(t.Context(), proof.Hash); err != nil || proof.Rows != lines+1 || !proof.Holds {
		t.Errorf("proof is %+v (%v) after an act", proof, err)
	}
}

// An older alta that had the file open when it was upgraded adds lines without an
// entry. They are told, and the next act, or a move, chains them.
func TestLinesOfAnOlderAltaAreChainedByTheNextWriter(t *testing.T) {
	older := `INSERT INTO audit (at, actor, action, user_id, detail) VALUES (1, 'olga', 'mark', 'u', '')`
	for name, next := range map[string]func(s *Store) error{
		"an act": func(s *Store) error { act(t, s, 1); return nil },
		"a move": func(s *Store) error { _, err := s.BeginMove(t.Context()); return err },
	} {
		t.Run(name, func(t *testing.T) {
			s := audited(t, 2)
			for range 2 {
				if err := s.write(t.Context(), func(tx *sql.Tx) error { _, err := tx.Exec(older); return err }); err != nil {
					t.Fatal(err)
				}
			}
			before, err := s.VerifyAudit(t.Context(), AuditHash{})
			if err != nil || before.Rows != 4 || before.Loose != 2 {
				t.Errorf("proof is %+v (%v) before", before, err)
			}
			if err := next(s); err != nil {
				t.Fatal(err)
			}
			after, err := s.VerifyAudit(t.Context(), before.Hash)
			if err != nil || after.Loose != 0 || !after.Holds {
				t.Errorf("proof is %+v (%v) after", after, err)
			}
		})
	}
}
