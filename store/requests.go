package store

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"
)

// RequestKey is by what a repeated request to the API is known: the name of the token
// it came with, and the key that its client gave it.
type RequestKey struct {
	Token string
	Key   string
}

// RequestDigest is the SHA-256 of a request.
type RequestDigest [sha256.Size]byte

// Request is what is known of a request.
type Request struct {
	Digest RequestDigest
	Status int    // of the answer; 0 while there is none
	Body   []byte // of the answer
}

// StartRequest takes the key for a request, and returns nil then. Where it is taken it
// returns what is known of that request. One that was made at forgotten or before is
// not known any more, and one that was at lost or before and has no answer died with
// its process.
func (s *Store) StartRequest(ctx context.Context, k RequestKey, d RequestDigest, forgotten, lost, now time.Time) (known *Request, err error) {
	err = s.write(ctx, func(tx *sql.Tx) error {
		known = nil
		if _, err := tx.Exec(`DELETE FROM requests WHERE made_at <= ?`, ms(forgotten)); err != nil {
			return err
		}
		if _, err := tx.Exec(`DELETE FROM requests WHERE token = ? AND key = ? AND status IS NULL AND made_at <= ?`, k.Token, k.Key, ms(lost)); err != nil {
			return err
		}
		r, err := readRequest(tx, k)
		if !errors.Is(err, sql.ErrNoRows) {
			known = r
			return err
		}
		_, err = tx.Exec(`INSERT INTO requests (token, key, digest, made_at) VALUES (?, ?, ?, ?)`, k.Token, k.Key, d[:], ms(now))
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("take the key of a request: %w", err)
	}
	return known, nil
}

func readRequest(tx *sql.Tx, k RequestKey) (*Request, error) {
	var digest []byte
	var r Request
	err := tx.QueryRow(`SELECT digest, coalesce(status, 0), body FROM requests WHERE token = ? AND key = ?`, k.Token, k.Key).
		Scan(&digest, &r.Status, &r.Body)
	copy(r.Digest[:], digest)
	return &r, err
}

// FinishRequest keeps the answer to a request, without its body where that holds a
// link.
func (s *Store) FinishRequest(ctx context.Context, k RequestKey, status int, body []byte) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		return one(tx.Exec(`UPDATE requests SET status = ?, body = ? WHERE token = ? AND key = ? AND status IS NULL`, status, body, k.Token, k.Key))
	})
	if err != nil {
		return fmt.Errorf("keep the answer to a request: %w", err)
	}
	return nil
}

// DropRequest forgets a request that was not done.
func (s *Store) DropRequest(ctx context.Context, k RequestKey) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		_, err := tx.Exec(`DELETE FROM requests WHERE token = ? AND key = ? AND status IS NULL`, k.Token, k.Key)
		return err
	})
	if err != nil {
		return fmt.Errorf("forget a request: %w", err)
	}
	return nil
}
