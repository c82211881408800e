package store

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"database/sql"
	"encoding/base64"
	"errors"
	"fmt"
	"regexp"
	"time"

	"alta/pipeline"
)

// Role is what the holder of a token may do.
type Role string

// The roles.
const (
	Viewer   Role = "viewer"   // may look at everything
	Operator Role = "operator" // may act, too
)

// Roles are all roles.
func Roles() []Role { return []Role{Viewer, Operator} }

// SecretDigest is the SHA-256 of a token or of a cookie, which is all that the ledger
// keeps of one. Both are 256 random bits, so that nothing slower is needed.
type SecretDigest [sha256.Size]byte

// DigestSecret returns the digest of a token or a cookie as it is sent.
func DigestSecret(s pipeline.Secret) SecretDigest { return sha256.Sum256([]byte(s.Reveal())) }

// TokenPrefix begins every token, so that one is known for what it is wherever it
// turns up.
const TokenPrefix = "alta_"

// NewToken returns a random token: the prefix, and 256 bits in base64url (RFC 4648,
// section 5).
func NewToken() pipeline.Secret {
	var random [32]byte
	_, _ = rand.Read(random[:]) // never fails, as its documentation says
	return pipeline.NewSecret(TokenPrefix + base64.RawURLEncoding.EncodeToString(random[:]))
}

// BootstrapName is the name of whoever comes with the token of the configuration.
const BootstrapName = "operator"

// Token is a token that is to be.
type Token struct {
	Name   string
	Role   Role
	Digest SecretDigest
}

// TokenRecord is a token as an operator sees it. What it is, nobody knows but its
// holder.
type TokenRecord struct {
	Name      string
	Role      Role
	MadeAt    time.Time
	MadeBy    string
	UsedAt    time.Time // to the minute; zero for one that never was
	RevokedAt time.Time // zero while it is valid
}

// ErrTokenTaken says that there is a valid token of that name.
var ErrTokenTaken = errors.New("there is a token of that name; revoke it first, or take another name")

// nameOfToken is what a name may be: it stands in the audit log as who acted.
const nameOfToken = `^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$`

// Check returns an error unless the token can be added.
func (t Token) Check() error {
	switch {
	case t.Name == BootstrapName:
		return fmt.Errorf("%q is the name of whoever comes with the token of the configuration; take another one", BootstrapName)
	case !regexp.MustCompile(nameOfToken).MatchString(t.Name):
		return fmt.Errorf("%q is no name for a token: up to 64 letters, digits, dots, hyphens and underscores, the first a letter or a digit", t.Name)
	case t.Role != Viewer && t.Role != Operator:
		return fmt.Errorf("the role %q is not known: want viewer or operator", t.Role)
	}
	return nil
}

// touchEvery is how exactly the ledger knows when a token, or a login, was last used:
// a page that looks every second need not be a write a second.
const touchEvery = time.Minute

// Stale tells whether what was last used then has to be noted as used now.
func Stale(used, now time.Time) bool { return used.IsZero() || now.Sub(used) >= touchEvery }

// AddToken adds a token and audits it. The error wraps [ErrTokenTaken] when a valid
// one has the name.
func (s *Store) AddToken(ctx context.Context, t Token, by Act, now time.Time) error {
	if err := t.Check(); err != nil {
		return fmt.Errorf("add a token: %w", err)
	}
	err := s.write(ctx, func(tx *sql.Tx) error {
		living, err := column[int64](tx, `SELECT id FROM tokens WHERE name = ? AND revoked_at IS NULL`, t.Name)
		if err != nil {
			return err
		}
		if len(living) > 0 {
			return ErrTokenTaken
		}
		if _, err := tx.Exec(`INSERT INTO tokens (name, role, digest, made_at, made_by) VALUES (?, ?, ?, ?, ?)`,
			t.Name, t.Role, t.Digest[:], ms(now), plain(by.Actor)); err != nil {
			return err
		}
		return addAudit(tx, by, "token_add", "", t.Name+", "+string(t.Role), now)
	})
	if err != nil {
		return fmt.Errorf("add the token %s: %w", t.Name, err)
	}
	return nil
}

// RevokeToken ends a token and the logins that were made with it, forgets the requests
// that came with it, since the next token may have its name, and audits it. The error
// wraps [ErrNotFound] when no valid one has the name.
func (s *Store) RevokeToken(ctx context.Context, name string, by Act, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		living, err := column[int64](tx, `SELECT id FROM tokens WHERE name = ? AND revoked_at IS NULL`, name)
		if err != nil {
			return err
		}
		if len(living) == 0 {
			return ErrNotFound
		}
		if _, err := tx.Exec(`UPDATE tokens SET revoked_at = ? WHERE id = ?`, ms(now), living[0]); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM logins WHERE token_id = ?`, living[0]); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM requests WHERE token = ?`, name); err != nil {
			return err
		}
		return addAudit(tx, by, "token_revoke", "", name, now)
	})
	if err != nil {
		return fmt.Errorf("revoke the token %s: %w", name, err)
	}
	return nil
}

// Tokens returns every token that ever was, in the order in which they were made.
func (s *Store) Tokens(ctx context.Context) ([]TokenRecord, error) {
	all, err := rows(boundTo(ctx, s.reads), func(scan func(...any) error) (t TokenRecord, err error) {
		var made, used, revoked sql.NullInt64
		err = scan(&t.Name, &t.Role, &made, &t.MadeBy, &used, &revoked)
		t.MadeAt, t.UsedAt, t.RevokedAt = at(made), at(used), at(revoked)
		return t, err
	}, `SELECT name, role, made_at, made_by, used_at, revoked_at FROM tokens ORDER BY id`)
	if err != nil {
		return nil, fmt.Errorf("list the tokens: %w", err)
	}
	return all, nil
}

// TokenByDigest returns whose token that is, and notes that it was used. The error
// wraps [ErrNotFound] when nobody's is, or it was revoked. Where the ledger can't be
// written the holder is let in all the same: that is when one has to look.
func (s *Store) TokenByDigest(ctx context.Context, digest SecretDigest, now time.Time) (Login, error) {
	var l Login
	var id int64
	var used sql.NullInt64
	err := s.reads.QueryRowContext(ctx, `SELECT id, name, role, used_at FROM tokens WHERE digest = ? AND revoked_at IS NULL`, digest[:]).
		Scan(&id, &l.Name, &l.Role, &used)
	if errors.Is(err, sql.ErrNoRows) {
		err = ErrNotFound
	}
	if err == nil && Stale(at(used), now) {
		err = PassOutage(s.write(ctx, func(tx *sql.Tx) error {
			_, err := tx.Exec(`UPDATE tokens SET used_at = ? WHERE id = ?`, ms(now), id)
			return err
		}))
	}
	if err != nil {
		return Login{}, fmt.Errorf("look up a token: %w", err)
	}
	return l, nil
}

// PassOutage drops an error that keeps everybody from writing, which the ledger tells
// of by itself (see [Store.Trouble]).
func PassOutage(err error) error {
	if f, ok := errors.AsType[*pipeline.Fault](err); ok && f.Kind == pipeline.Outage {
		return nil
	}
	return err
}
