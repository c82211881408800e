package web

import (
	"context"
	"io"
	"time"
)

// AuditReader reads the audit log.
type AuditReader interface {
	// AuditLines returns a page of lines, the newest first.
	AuditLines(ctx context.Context, q AuditQuery) ([]AuditLine, error)
	// WriteAudit writes every line that matches as CSV, without a formula in any cell.
	WriteAudit(ctx context.Context, q AuditQuery, to io.Writer) error
	// ProveAudit holds every line against the chain.
	ProveAudit(ctx context.Context) (AuditProof, error)
}

// AuditQuery is what is looked for; zero fields match every line.
type AuditQuery struct {
	User   string    // an id, exactly
	Actor  string    // exactly
	Since  time.Time // not before then
	Before int64     // only lines with a lower number
	Limit  int
}

// AuditLine is one thing that was done by hand.
type AuditLine struct {
	ID                            int64
	At                            time.Time
	Actor, Action, UserID, Detail string
}

// AuditProof is what holding the log against its chain has shown.
type AuditProof struct {
	Rows   int64  // that fit
	Loose  int64  // of these, that are not chained yet
	Hash   string // behind the last of them
	Broken int64  // the first line that does not fit; 0 for none
	Why    string // it does not, in English
}
