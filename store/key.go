package store

import (
	"context"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"database/sql"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"time"

	"golang.org/x/crypto/chacha20poly1305"

	"alta/pipeline"
)

// KeySize is the size of a data key in bytes.
const KeySize = 32

// ErrWrongKey says that the ledger's links were sealed with another key.
var ErrWrongKey = errors.New("the data key is not the one that sealed the links of this ledger")

// Key seals the links in the ledger, so that neither its file nor a backup
// shows one: XChaCha20-Poly1305 under a 256-bit key. It prints as a name only.
type Key struct {
	aead  cipher.AEAD
	names []byte // the key of the fingerprints
}

// NewKey returns a random key as text for [ParseKey].
func NewKey() pipeline.Secret {
	key := make([]byte, KeySize)
	_, _ = rand.Read(key) // never fails, as its documentation says
	return pipeline.NewSecret(base64.StdEncoding.EncodeToString(key))
}

// ParseKey reads 32 bytes written in base64 (RFC 4648, section 4), as 'openssl
// rand -base64 32' does, or in hexadecimal. The error never holds the text.
func ParseKey(text pipeline.Secret) (*Key, error) {
	raw, err := base64.StdEncoding.DecodeString(text.Reveal())
	if err != nil || len(raw) != KeySize {
		raw, err = hex.DecodeString(text.Reveal())
	}
	if err != nil || len(raw) != KeySize {
		return nil, fmt.Errorf("a data key is %d bytes in base64 or hexadecimal, as 'openssl rand -base64 %d' prints them", KeySize, KeySize)
	}
	derived := func(purpose string) ([]byte, error) { return hkdf.Key(sha256.New, raw, nil, "alta "+purpose, KeySize) }
	sealing, err := derived("seal links")
	if err != nil {
		return nil, fmt.Errorf("derive the sealing key: %w", err)
	}
	names, err := derived("name links")
	if err != nil {
		return nil, fmt.Errorf("derive the fingerprint key: %w", err)
	}
	aead, err := chacha20poly1305.NewX(sealing)
	if err != nil {
		return nil, fmt.Errorf("make the cipher: %w", err)
	}
	return &Key{aead: aead, names: names}, nil
}

// String names the key and hides it.
func (k *Key) String() string { return "[data key]" }

// Format hides the key from every verb of package fmt.
func (k *Key) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, k.String()) }

// LogValue hides the key from log/slog.
func (k *Key) LogValue() slog.Value { return slog.StringValue(k.String()) }

// UseKey gives the ledger the key that seals its links. The first key that a
// ledger is given is its own from then on; any other is refused with
// [ErrWrongKey]. Call it before [Store.Queue] and [Store.Recover].
func (s *Store) UseKey(ctx context.Context, k *Key) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		if _, err := tx.Exec(`INSERT INTO data_key (id, digest) VALUES (1, ?) ON CONFLICT DO NOTHING`, k.Digest()); err != nil {
			return err
		}
		return fits(tx, k)
	})
	if err != nil {
		return fmt.Errorf("use the data key: %w", err)
	}
	s.key.Store(k)
	return nil
}

// HasKey tells whether the ledger has been given its data key.
func (s *Store) HasKey(ctx context.Context) (has bool, err error) {
	err = s.reads.QueryRowContext(ctx, `SELECT EXISTS (SELECT 1 FROM data_key)`).Scan(&has)
	if err != nil {
		return false, fmt.Errorf("look for the data key's mark: %w", err)
	}
	return has, nil
}

// CheckKey returns [ErrWrongKey] when the ledger has another key than k, and
// changes nothing.
func (s *Store) CheckKey(ctx context.Context, k *Key) error {
	if err := fits(boundTo(ctx, s.reads), k); err != nil {
		return fmt.Errorf("check the data key: %w", err)
	}
	return nil
}

// fits returns ErrWrongKey when the ledger has another key than k.
func fits(q querier, k *Key) error {
	known, err := column[[]byte](q, `SELECT digest FROM data_key`)
	if err == nil && len(known) > 0 && subtle.ConstantTimeCompare(known[0], k.Digest()) != 1 {
		return ErrWrongKey
	}
	return err
}

// SealedLinks counts the links that only the data key opens, in mails and of
// sessions.
func (s *Store) SealedLinks(ctx context.Context) (n int, err error) {
	err = s.reads.QueryRowContext(ctx, `SELECT (SELECT count(*) FROM links WHERE sealed IS NOT NULL) + (SELECT count(*) FROM sessions WHERE sealed IS NOT NULL)`).Scan(&n)
	if err != nil {
		return 0, fmt.Errorf("count the sealed links: %w", err)
	}
	return n, nil
}

// Rekey makes k the ledger's key and forgets the links that the old one sealed:
// nobody needs that one any more. Links that users have keep working; a mail
// that is still due gets a fresh one. Only the holder of the [Lock] may call it.
func (s *Store) Rekey(ctx context.Context, k *Key, by Act, now time.Time) error {
	err := s.write(ctx, func(tx *sql.Tx) error {
		for _, statement := range []string{
			`UPDATE links SET sealed = NULL, fingerprint = NULL WHERE sealed IS NOT NULL OR fingerprint IS NOT NULL`,
			`UPDATE sessions SET sealed = NULL, fingerprint = NULL WHERE sealed IS NOT NULL OR fingerprint IS NOT NULL`,
			`DELETE FROM data_key`,
		} {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
		if _, err := tx.Exec(`INSERT INTO data_key (id, digest) VALUES (1, ?)`, k.Digest()); err != nil {
			return err
		}
		return addAudit(tx, by, "rekey", "", "", now)
	})
	if err != nil {
		return fmt.Errorf("change the data key: %w", err)
	}
	s.key.Store(k)
	return s.truncateLog(ctx)
}

// Seal encrypts a link for one user: moved to another user's row it does not
// open.
func (k *Key) Seal(url pipeline.Secret, user string) []byte {
	nonce := make([]byte, chacha20poly1305.NonceSizeX, chacha20poly1305.NonceSizeX+len(url.Reveal())+chacha20poly1305.Overhead)
	_, _ = rand.Read(nonce)
	return k.aead.Seal(nonce, nonce, []byte(url.Reveal()), []byte(user))
}

// Open decrypts what Seal made for the user. What does not open is no link: the
// zero Secret, in whose place a fresh one is minted.
func (k *Key) Open(sealed []byte, user string) pipeline.Secret {
	if k == nil || len(sealed) < chacha20poly1305.NonceSizeX {
		return pipeline.Secret{}
	}
	nonce, text := sealed[:chacha20poly1305.NonceSizeX], sealed[chacha20poly1305.NonceSizeX:]
	url, err := k.aead.Open(nil, nonce, text, []byte(user))
	if err != nil {
		return pipeline.Secret{}
	}
	return pipeline.NewSecret(string(url))
}

// Fingerprint names a link without telling it, so that the same one is known
// again.
func (k *Key) Fingerprint(url pipeline.Secret) []byte { return k.mac("link " + url.Reveal())[:16] }

// Digest tells keys apart without telling one.
func (k *Key) Digest() []byte { return k.mac("this key") }

func (k *Key) mac(of string) []byte {
	m := hmac.New(sha256.New, k.names)
	m.Write([]byte(of))
	return m.Sum(nil)
}
