package postgres

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"

	"github.com/jackc/pgx/v5/pgconn"

	"alta/pipeline"
)

func TestErrorsAreToldApart(t *testing.T) {
	said := func(code string) error { return fmt.Errorf("settle: %w", &pgconn.PgError{Code: code}) }
	for _, test := range []struct {
		sentence          string
		err               error
		constraint, again bool
		code              string // of the outage that it is, "" for none
	}{
		{sentence: "No error is none of them."},
		{sentence: "A row that breaks a unique rule is its own trouble.", err: said("23505"), constraint: true},
		{sentence: "So is one that a trigger refuses.", err: said("23000"), constraint: true},
		{sentence: "A transaction that others got in the way of is made again.", err: said("40001"), again: true},
		{sentence: "So is one that was in a deadlock.", err: said("40P01"), again: true},
		{sentence: "A mistake in SQL is none of them.", err: said("42601")},
		{sentence: "A text that can't be kept is none of them.", err: said("22021")},
		{sentence: "A full disk stops everybody.", err: said("53100"), code: pipeline.LedgerCode},
		{sentence: "So do too many connections.", err: said("53300"), code: pipeline.LedgerCode},
		{sentence: "So does a server that is shut down.", err: said("57P01"), code: pipeline.LedgerCode},
		{sentence: "So does one that starts.", err: said("57P03"), code: pipeline.LedgerCode},
		{sentence: "So does a disk that can't be read.", err: said("58030"), code: pipeline.LedgerCode},
		{sentence: "So does a connection that failed.", err: said("08006"), code: pipeline.LedgerCode},
		{sentence: "So does a server that takes no writes.", err: said("25006"), code: pipeline.LedgerCode},
		{sentence: "So does a lock that nobody gives back.", err: said("55P03"), code: pipeline.LedgerCode},
		{sentence: "Damage does, and has its own name.", err: said("XX001"), code: "ledger_damaged"},
		{sentence: "So has that of an index.", err: said("XX002"), code: "ledger_damaged"},
		{sentence: "A server that refuses the connection stops everybody.", err: &net.OpError{Op: "dial", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}, code: pipeline.LedgerCode},
		{sentence: "So does one that can't be connected to.", err: fmt.Errorf("reach: %w", &pgconn.ConnectError{}), code: pipeline.LedgerCode},
		{sentence: "So does one that does not answer in time.", err: fmt.Errorf("begin: %w", context.DeadlineExceeded), code: pipeline.LedgerCode},
		{sentence: "So does a connection that ended in the middle.", err: fmt.Errorf("receive message: %w", io.ErrUnexpectedEOF), code: pipeline.LedgerCode},
		{sentence: "So does one that had ended before.", err: errors.New("conn closed"), code: pipeline.LedgerCode},
		{sentence: "Somebody who was told to stop met no outage.", err: fmt.Errorf("begin: %w", context.Canceled)},
		{sentence: "What is not of the database is none of them.", err: errors.New("the user is erased")},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			if got := isConstraint(test.err); got != test.constraint {
				t.Errorf("a constraint: %t", got)
			}
			if got := mayWorkAgain(test.err); got != test.again {
				t.Errorf("may work again: %t", got)
			}
			f := unwritable(test.err)
			if got := code(f); got != test.code {
				t.Errorf("code %q, want %q", got, test.code)
			}
			if f != nil && (f.Kind != pipeline.Outage || !errors.Is(f, test.err)) {
				t.Errorf("%v is no outage because of %v", f, test.err)
			}
		})
	}
}

func code(f *pipeline.Fault) string {
	if f == nil {
		return ""
	}
	return f.Code
}

func TestARuleIsKnownByItsName(t *testing.T) {
	err := fmt.Errorf("begin: %w", &pgconn.PgError{Code: "23000", ConstraintName: "mails_keep_the_gap"})
	if !broke(err, "mails_keep_the_gap") || broke(err, "links_have_one_user") {
		t.Error("the rule is taken for another")
	}
	if broke(&pgconn.PgError{Code: "57014", ConstraintName: "mails_keep_the_gap"}, "mails_keep_the_gap") {
		t.Error("what is no refusal is taken for one")
	}
}

func TestWhyALedgerDidNotOpenIsSaidInPlainWords(t *testing.T) {
	for code, want := range map[string]string{
		"28P01": "ALTA_DATABASE_PASSWORD",
		"28000": "ALTA_DATABASE_PASSWORD",
		"3D000": "make the database first",
		"42501": "docs/scale.md",
		"57P03": "try again once the server answers",
	} {
		cause := &pgconn.PgError{Code: code}
		if err := explainOpen(cause); !strings.Contains(err.Error(), want) || !errors.Is(err, cause) {
			t.Errorf("%s: %v does not say %q", code, err, want)
		}
	}
	if err := explainOpen(nil); err != nil {
		t.Errorf("no error is explained as %v", err)
	}
	if err := errors.New("other"); explainOpen(err) != err {
		t.Error("an error that needs no words got some")
	}
}
