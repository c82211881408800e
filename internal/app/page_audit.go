package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strconv"
	"time"

	"alta/internal/roster"
	"alta/internal/web"
	"alta/store"
)

// archivist reads the audit log for the operator's page. It implements
// [web.AuditReader].
type archivist struct{ *engine }

// AuditLines implements [web.AuditReader].
func (a archivist) AuditLines(ctx context.Context, q web.AuditQuery) ([]web.AuditLine, error) {
	found, err := a.store.AuditPage(ctx, store.AuditFilter(q))
	lines := make([]web.AuditLine, len(found))
	for i, r := range found {
		lines[i] = web.AuditLine{ID: r.ID, At: r.At, Actor: r.Actor, Action: r.Action, UserID: r.UserID, Detail: r.Detail}
	}
	return lines, err
}

// WriteAudit implements [web.AuditReader], page by page.
func (a archivist) WriteAudit(ctx context.Context, q web.AuditQuery, to io.Writer) error {
	w := newAuditCSV(to)
	f := store.AuditFilter(q)
	f.Limit = auditPage
	for {
		lines, err := a.store.AuditPage(ctx, f)
		if err != nil {
			return err
		}
		for _, line := range lines {
			if err := writeAuditLine(w, line); err != nil {
				return fmt.Errorf("write the audit log: %w", err)
			}
			f.Before = line.ID
		}
		if err := w.Flush(); err != nil {
			return fmt.Errorf("write the audit log: %w", err)
		}
		if len(lines) < auditPage {
			return nil
		}
	}
}

// ProveAudit implements [web.AuditReader].
func (a archivist) ProveAudit(ctx context.Context) (web.AuditProof, error) {
	proof, err := a.store.VerifyAudit(ctx, store.AuditHash{})
	p := web.AuditProof{Rows: proof.Rows, Loose: proof.Loose, Hash: proof.Hash.String()}
	if broken, ok := errors.AsType[*store.AuditBreak](err); ok {
		p.Broken, p.Why = broken.ID, broken.Error()
		return p, nil
	}
	return p, err
}

// auditPage is how many lines are read at once where all of them are.
const auditPage = 1000

// newAuditCSV begins a CSV of the audit log.
func newAuditCSV(to io.Writer) *roster.CSVCells {
	return roster.NewCSVCells(to, "id", "at", "actor", "action", "user_id", "detail")
}

func writeAuditLine(w *roster.CSVCells, r store.AuditRow) error {
	return w.Write(strconv.FormatInt(r.ID, 10), r.At.UTC().Format(time.RFC3339Nano), r.Actor, r.Action, r.UserID, r.Detail)
}
