package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/store"
)

// addAudit adds a line to the audit log, as the last thing that its transaction does:
// from there to the commit nobody else can, for triggers give the line its number and
// chain it (migrations/00003_operator.sql).
func addAudit(ctx context.Context, tx pgx.Tx, by store.Act, action, user, detail string, now time.Time) error {
	_, err := tx.Exec(ctx, `INSERT INTO audit (at, actor, action, user_id, detail) VALUES ($1, $2, $3, $4, $5)`,
		now.UnixMilli(), text(by.Actor), action, user, text(by.Detail(detail)))
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// addAuditLines is addAudit of many lines, in their order, of which it takes the
// action, the user and the detail.
func addAuditLines(ctx context.Context, tx pgx.Tx, by store.Act, lines []store.AuditEntry, now time.Time) error {
	if len(lines) == 0 {
		return nil
	}
	var actions, users, details []string
	for _, l := range lines {
		actions, users, details = append(actions, l.Action), append(users, l.UserID), append(details, text(by.Detail(l.Detail)))
	}
	_, err := tx.Exec(ctx, `INSERT INTO audit (at, actor, action, user_id, detail)
		SELECT $1, $2, n.action, n.user_id, n.detail
		FROM unnest($3::text[], $4::text[], $5::text[]) WITH ORDINALITY AS n (action, user_id, detail, place) ORDER BY n.place`,
		now.UnixMilli(), text(by.Actor), actions, users, details)
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

// NoteAct writes to the audit log what was done by hand and changes nothing in the
// ledger, for a user or, with "", for none.
func (s *Store) NoteAct(ctx context.Context, action, user, detail string, by store.Act, now time.Time) error {
	return s.write(ctx, func(ctx context.Context, tx pgx.Tx) error { return addAudit(ctx, tx, by, action, user, detail, now) })
}

const auditColumns = `a.id, a.at, a.actor, a.action, a.user_id, a.detail`

// Audit returns what was done by hand to a user, oldest first.
func (s *Store) Audit(ctx context.Context, user string) ([]store.AuditEntry, error) {
	rows, err := s.pool.Query(ctx, `SELECT `+auditColumns+` FROM audit a WHERE user_id = $1 ORDER BY id`, user)
	return collect(rows, err, func(rows pgx.Rows) (store.AuditEntry, error) {
		r, err := readAuditRow(rows)
		return r.AuditEntry, err
	})
}

// AuditPage returns the lines that match, the newest first.
func (s *Store) AuditPage(ctx context.Context, f store.AuditFilter) ([]store.AuditRow, error) {
	where, args := f.Where(func(n int) string { return fmt.Sprintf("$%d", n) })
	rows, err := s.pool.Query(ctx, `SELECT `+auditColumns+` FROM audit a `+where, args...)
	page, err := collect(rows, err, func(rows pgx.Rows) (store.AuditRow, error) { return readAuditRow(rows) })
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return page, nil
}

// VerifyAudit holds every line of the audit log against the chain, and looks in it
// for a hash that was noted earlier, zero for none. Where the chain breaks it returns
// a [*store.AuditBreak] and what fits before. It reads line by line, however long the
// log is.
func (s *Store) VerifyAudit(ctx context.Context, noted store.AuditHash) (proof store.AuditProof, err error) {
	err = s.look(ctx, func(tx pgx.Tx) error {
		var missing *int64
		err := tx.QueryRow(ctx, `SELECT min(audit_id) FROM audit_chain c WHERE NOT EXISTS (SELECT 1 FROM audit WHERE id = c.audit_id)`).Scan(&missing)
		if err != nil {
			return err
		}
		p := store.ProveAudit(noted, 0)
		if missing != nil {
			p = store.ProveAudit(noted, *missing)
		}
		err = prove(ctx, tx, p)
		proof = p.Proof()
		return err
	})
	if err != nil {
		return proof, fmt.Errorf("verify the audit log: %w", err)
	}
	return proof, nil
}

func prove(ctx context.Context, tx pgx.Tx, p *store.AuditProver) error {
	rows, err := tx.Query(ctx, `SELECT `+auditColumns+`, c.hash FROM audit a LEFT JOIN audit_chain c ON c.audit_id = a.id ORDER BY a.id`)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		var hash []byte
		line, err := readAuditRow(rows, &hash)
		if err != nil {
			return err
		}
		if err := p.Line(line, hash); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	return p.End()
}

// readAuditRow reads auditColumns, and what the query selects besides.
func readAuditRow(rows pgx.Rows, more ...any) (r store.AuditRow, err error) {
	var when *int64
	err = rows.Scan(append([]any{&r.ID, &when, &r.Actor, &r.Action, &r.UserID, &r.Detail}, more...)...)
	r.At = at(when)
	return r, err
}
