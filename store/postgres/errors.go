package postgres

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"

	"alta/pipeline"
)

// See appendix A of the PostgreSQL manual, "PostgreSQL Error Codes".
const (
	codeIntegrity    = "23"    // class: a rule of the database
	codeSerialize    = "40001" // the transaction must be made again
	codeDeadlock     = "40P01"
	codeNotNull      = "23502"
	codeResources    = "53" // class: disk full, out of memory, too many connections
	codeShutdown     = "57" // class: an administrator, or a crash, ended it
	codeSystem       = "58" // class: an I/O error
	codeConnection   = "08" // class
	codeReadOnly     = "25006"
	codeLockTimeout  = "55P03"
	codeCorrupted    = "XX001"
	codeCorruptIndex = "XX002"
	codePassword     = "28P01"
	codeNoSuchRole   = "28000"
	codeNoDatabase   = "3D000"
	codePrivilege    = "42501"
)

func sqlState(err error) (code, constraint string) {
	if e, ok := errors.AsType[*pgconn.PgError](err); ok {
		return e.Code, e.ConstraintName
	}
	return "", ""
}

// isConstraint tells whether err is a row's own trouble: it breaks a rule of the
// database.
func isConstraint(err error) bool {
	code, _ := sqlState(err)
	return strings.HasPrefix(code, codeIntegrity)
}

// broke tells whether err is the refusal of the named rule.
func broke(err error, rule string) bool {
	_, constraint := sqlState(err)
	return isConstraint(err) && constraint == rule
}

// mayWorkAgain tells whether the same transaction can succeed when it is made
// again at once: others got in its way.
func mayWorkAgain(err error) bool {
	code, _ := sqlState(err)
	return code == codeSerialize || code == codeDeadlock
}

// unwritable returns the outage that err is when it keeps everybody from writing;
// nil for any other error. A server that can't be reached, or that ended the
// connection, is one: whether the last commit was made, nobody knows then.
func unwritable(err error) *pipeline.Fault {
	if err == nil || errors.Is(err, context.Canceled) {
		return nil
	}
	code, _ := sqlState(err)
	switch {
	case code == codeCorrupted, code == codeCorruptIndex:
		return &pipeline.Fault{
			Kind: pipeline.Outage, Code: "ledger_damaged",
			Reason: "the database is damaged, so no mail is sent; stop alta and restore a backup", Err: err,
		}
	case code == "":
		_, network := errors.AsType[net.Error](err)
		_, connecting := errors.AsType[*pgconn.ConnectError](err)
		if !network && !connecting && !pgconn.Timeout(err) && !pgconn.SafeToRetry(err) && !isClosed(err) {
			return nil
		}
	case code == codeReadOnly, code == codeLockTimeout,
		strings.HasPrefix(code, codeResources), strings.HasPrefix(code, codeShutdown),
		strings.HasPrefix(code, codeSystem), strings.HasPrefix(code, codeConnection):
	default:
		return nil
	}
	return &pipeline.Fault{
		Kind: pipeline.Outage, Code: pipeline.LedgerCode,
		Reason: "the database can't be written, so no mail is sent; check the server and the way to it, nothing is lost", Err: err,
	}
}

// isClosed tells of a connection that ended under a statement, for which pgx has
// no error of its own.
func isClosed(err error) bool {
	text := err.Error()
	for _, known := range []string{"conn closed", "unexpected EOF", "closed pool", "broken pipe", "connection reset", "use of closed network connection"} {
		if strings.Contains(text, known) {
			return true
		}
	}
	return false
}

// explainOpen says in plain words why the ledger could not be opened.
func explainOpen(err error) error {
	code, _ := sqlState(err)
	switch {
	case err == nil:
		return nil
	case code == codePassword, code == codeNoSuchRole:
		return fmt.Errorf("the server refuses the login; check the user in database.url and the password in ALTA_DATABASE_PASSWORD or database.password_file: %w", err)
	case code == codeNoDatabase:
		return fmt.Errorf("make the database first, with 'createdb' for example: %w", err)
	case code == codePrivilege:
		return fmt.Errorf("the role lacks a right; 'alta migrate' is for a role that may change the schema, and docs/scale.md has the grants for others: %w", err)
	}
	if f := unwritable(err); f != nil {
		return fmt.Errorf("nothing is lost, try again once the server answers: %w", err)
	}
	return err
}
