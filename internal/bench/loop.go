package main

import (
	"context"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"time"

	_ "github.com/mattn/go-sqlite3" // the driver
	"github.com/wneessen/go-mail"

	"alta/pipeline"
	"alta/templates"
)

// sandboxKey is the key that the simulated partner API accepts. It opens nothing
// else.
const sandboxKey = "sandbox-partner-api-key"

// loop is the program that one would write in an afternoon: for each user one
// call, one page, one connection, one mail, and a transaction before and after
// it. It is a good one of its kind: the HTTP connection is kept, the statements
// are prepared, the templates are parsed once and the database is in WAL mode.
type loop struct {
	api    string
	http   *http.Client
	mails  *templates.Set
	smtp   *mail.Client
	begin  *sql.Stmt
	finish *sql.Stmt
	now    pipeline.Clock
}

func playLoop(ctx context.Context, t task, now pipeline.Clock) (err error) {
	users, err := readPeople(t.People)
	if err != nil {
		return err
	}
	// As durable as alta's ledger: each commit is on the disk.
	db, err := sql.Open("sqlite3", "file:"+t.Ledger+"?_journal_mode=WAL&_synchronous=FULL&_txlock=immediate&_busy_timeout=10000")
	if err != nil {
		return err
	}
	db.SetMaxOpenConns(1)
	defer func() { err = errors.Join(err, db.Close()) }()
	if err := fillLoop(ctx, db, users); err != nil {
		return fmt.Errorf("fill the table: %w", err)
	}
	l := loop{api: t.API, http: &http.Client{Timeout: time.Minute}, now: now}
	if l.mails, err = loadTemplates(); err != nil {
		return err
	}
	if l.smtp, err = goMailClient(t.SMTP, false); err != nil {
		return err
	}
	if l.begin, err = db.PrepareContext(ctx, `UPDATE users SET state = 'sending', link = ?, begun_at = ? WHERE id = ?`); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.begin.Close()) }()
	if l.finish, err = db.PrepareContext(ctx, `UPDATE users SET state = 'sent', reply = ?, sent_at = ? WHERE id = ?`); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, l.finish.Close()) }()
	began := now()
	for _, u := range users[:t.Mails] {
		if err := l.serve(ctx, u); err != nil {
			return fmt.Errorf("user %s: %w", u.id, err)
		}
	}
	return answer{Seconds: now().Sub(began).Seconds()}.print()
}

func fillLoop(ctx context.Context, db *sql.DB, users []person) error {
	tx, err := db.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	defer func() { _ = tx.Rollback() }() // nothing, after a commit
	if _, err := tx.ExecContext(ctx, `CREATE TABLE users (id TEXT PRIMARY KEY, email TEXT, name TEXT, country TEXT,
		state TEXT NOT NULL DEFAULT 'pending', link TEXT, begun_at INTEGER, reply TEXT, sent_at INTEGER)`); err != nil {
		return err
	}
	for _, u := range users {
		if _, err := tx.ExecContext(ctx, `INSERT INTO users (id, email, name, country) VALUES (?, ?, ?, ?)`,
			u.id, u.email, u.name, u.country); err != nil {
			return err
		}
	}
	return tx.Commit()
}

// serve brings one user the mail.
func (l loop) serve(ctx context.Context, u person) error {
	link, err := l.mint(ctx, u)
	if err != nil {
		return fmt.Errorf("mint: %w", err)
	}
	content, err := l.mails.Render(invite(u, link))
	if err != nil {
		return err
	}
	if _, err := l.begin.ExecContext(ctx, link, l.now().UnixMilli(), u.id); err != nil {
		return fmt.Errorf("write down that the mail begins: %w", err)
	}
	if err := l.smtp.DialAndSendWithContext(ctx, letter(u.email, u.name, content)); err != nil {
		return err
	}
	if _, err := l.finish.ExecContext(ctx, "250", l.now().UnixMilli(), u.id); err != nil {
		return fmt.Errorf("write down that the mail was sent: %w", err)
	}
	return nil
}

func (l loop) mint(ctx context.Context, u person) (link string, err error) {
	body := `{"country":"` + string(u.country) + `"}`
	req, err := http.NewRequestWithContext(ctx, http.MethodPost,
		l.api+"/api/partner/v2/users/"+url.PathEscape(u.id)+"/kyc/verification-link", strings.NewReader(body))
	if err != nil {
		return "", err
	}
	req.Header.Set("partner-api-key", sandboxKey)
	req.Header.Set("Content-Type", "application/json")
	resp, err := l.http.Do(req)
	if err != nil {
		return "", err
	}
	defer func() { err = errors.Join(err, resp.Body.Close()) }()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return "", err
	}
	var minted struct {
		Data struct {
			KYCLink string `json:"kycLink"`
		} `json:"data"`
	}
	if err := json.Unmarshal(text, &minted); err != nil {
		return "", err
	}
	if resp.StatusCode != http.StatusCreated || minted.Data.KYCLink == "" {
		return "", fmt.Errorf("the API answered %d", resp.StatusCode)
	}
	return minted.Data.KYCLink, nil
}
