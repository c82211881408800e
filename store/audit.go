package store

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"
)

// Act says who does something by hand, and why.
type Act struct {
	Actor  string // the operating system's user, or a named token
	Reason string
}

// Detail adds the reason to what is noted about the act.
func (a Act) Detail(detail string) string {
	switch {
	case a.Reason == "":
		return detail
	case detail == "":
		return a.Reason
	}
	return detail + ": " + a.Reason
}

// AuditEntry is one line of the append-only audit log. It names users by their
// Capa id only, so that it can outlive an erasure.
type AuditEntry struct {
	At     time.Time
	Actor  string
	Action string
	UserID string
	Detail string
}

// AuditRow is a line with its number. Numbers are in the order of the commits, with
// gaps.
type AuditRow struct {
	ID int64
	AuditEntry
}

// AuditFilter narrows the audit log; zero fields match every line.
type AuditFilter struct {
	User   string // the Capa id, exactly
	Actor  string // exactly
	Since  time.Time
	Before int64 // keyset: only lines with a lower id
	Limit  int   // at most this many; 0 is [AuditPageSize]
}

// AuditPageSize is how many lines a page has that asks for no number.
const AuditPageSize = 100

// Where is the condition of the filter, with a place for each argument as mark
// writes it, and its order and limit.
func (f AuditFilter) Where(mark func(n int) string) (where string, args []any) {
	var parts []string
	add := func(condition string, arg any) {
		args = append(args, arg)
		parts = append(parts, condition+mark(len(args)))
	}
	if f.User != "" {
		add(`user_id = `, f.User)
	}
	if f.Actor != "" {
		add(`actor = `, f.Actor)
	}
	if !f.Since.IsZero() {
		add(`at >= `, ceilMS(f.Since))
	}
	if f.Before != 0 {
		add(`id < `, f.Before)
	}
	if len(parts) > 0 {
		where = `WHERE ` + strings.Join(parts, ` AND `)
	}
	limit := f.Limit
	if limit <= 0 {
		limit = AuditPageSize
	}
	args = append(args, limit)
	return where + ` ORDER BY id DESC LIMIT ` + mark(len(args)), args
}

// NoteAct writes to the audit log what was done by hand and changes nothing in the
// ledger, for a user or, with "", for none.
func (s *Store) NoteAct(ctx context.Context, action, user, detail string, by Act, now time.Time) error {
	return s.write(ctx, func(tx *sql.Tx) error { return addAudit(tx, by, action, user, detail, now) })
}

func addAudit(tx *sql.Tx, by Act, action, user, detail string, now time.Time) error {
	_, err := tx.Exec(`INSERT INTO audit (at, actor, action, user_id, detail) VALUES (?, ?, ?, ?, ?)`,
		ms(now), plain(by.Actor), action, user, plain(by.Detail(detail)))
	if err == nil {
		err = chainAudit(tx)
	}
	if err != nil {
		return fmt.Errorf("write the audit log: %w", err)
	}
	return nil
}

const (
	auditColumns = `id, at, actor, action, user_id, detail`
	chainPage    = 1000
)

// chainAudit chains the lines behind the last one that is chained: the one that was
// just added, and those of an alta that knew no chain.
func chainAudit(tx *sql.Tx) error {
	var last int64
	var hash []byte
	err := tx.QueryRow(`SELECT audit_id, hash FROM audit_chain ORDER BY audit_id DESC LIMIT 1`).Scan(&last, &hash)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return err
	}
	var tip AuditHash
	copy(tip[:], hash)
	for {
		lines, err := rows(tx, readAuditRow, `SELECT `+auditColumns+` FROM audit WHERE id > ? ORDER BY id LIMIT ?`, last, chainPage)
		if err != nil {
			return err
		}
		for _, line := range lines {
			tip, last = tip.Next(line), line.ID
			if _, err := tx.Exec(`INSERT INTO audit_chain (audit_id, hash) VALUES (?, ?)`, last, tip[:]); err != nil {
				return err
			}
		}
		if len(lines) < chainPage {
			return nil
		}
	}
}

// Audit returns what was done by hand to a user, oldest first.
func (s *Store) Audit(ctx context.Context, user string) ([]AuditEntry, error) {
	return rows(boundTo(ctx, s.reads), func(scan func(...any) error) (AuditEntry, error) {
		r, err := readAuditRow(scan)
		return r.AuditEntry, err
	}, `SELECT `+auditColumns+` FROM audit WHERE user_id = ? ORDER BY id`, user)
}

// AuditPage returns the lines that match, the newest first.
func (s *Store) AuditPage(ctx context.Context, f AuditFilter) ([]AuditRow, error) {
	where, args := f.Where(func(int) string { return `?` })
	page, err := rows(boundTo(ctx, s.reads), readAuditRow, `SELECT `+auditColumns+` FROM audit `+where, args...)
	if err != nil {
		return nil, fmt.Errorf("read the audit log: %w", err)
	}
	return page, nil
}

// VerifyAudit holds every line of the audit log against the chain, and looks in it
// for a hash that was noted earlier, zero for none. Where the chain breaks it returns
// an [*AuditBreak] and what fits before. It reads line by line, however long the log
// is.
func (s *Store) VerifyAudit(ctx context.Context, noted AuditHash) (AuditProof, error) {
	// One transaction, so that the log and the chain belong together.
	tx, err := s.reads.BeginTx(ctx, &sql.TxOptions{ReadOnly: true})
	if err != nil {
		return AuditProof{}, fmt.Errorf("verify the audit log: %w", err)
	}
	defer func() { _ = tx.Rollback() }()
	var missing sql.NullInt64
	err = tx.QueryRow(`SELECT min(audit_id) FROM audit_chain c WHERE NOT EXISTS (SELECT 1 FROM audit WHERE id = c.audit_id)`).Scan(&missing)
	if err != nil {
		return AuditProof{}, fmt.Errorf("verify the audit log: %w", err)
	}
	p := ProveAudit(noted, missing.Int64)
	if err := prove(tx, p); err != nil {
		return p.Proof(), fmt.Errorf("verify the audit log: %w", err)
	}
	return p.Proof(), nil
}

func prove(tx *sql.Tx, p *AuditProver) error {
	lines, err := tx.Query(`SELECT a.id, at, actor, action, user_id, detail, c.hash FROM audit a LEFT JOIN audit_chain c ON c.audit_id = a.id ORDER BY a.id`)
	if err != nil {
		return err
	}
	defer lines.Close()
	for lines.Next() {
		var hash []byte
		line, err := readAuditRow(func(dest ...any) error { return lines.Scan(append(dest, &hash)...) })
		if err != nil {
			return err
		}
		if err := p.Line(line, hash); err != nil {
			return err
		}
	}
	if err := lines.Err(); err != nil {
		return err
	}
	return p.End()
}

func readAuditRow(scan func(...any) error) (r AuditRow, err error) {
	var when sql.NullInt64
	err = scan(&r.ID, &when, &r.Actor, &r.Action, &r.UserID, &r.Detail)
	r.At = at(when)
	return r, err
}
