package app

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"alta/store"
	"alta/store/postgres"
)

// moved is the answer of a move.
type moved struct {
	From    string       `json:"from"`
	To      string       `json:"to"`
	MovedAt time.Time    `json:"moved_at"`
	Key     string       `json:"data_key"` // where it comes from; "" for a ledger that has none
	Tables  []movedTable `json:"tables"`
}

// movedTable is a table that both ledgers hold alike.
type movedTable struct {
	Table  string `json:"table"`
	Rows   int64  `json:"rows"`
	SHA256 string `json:"sha256"` // of all its rows, in their order
}

func (a *app) moveCommand() *cobra.Command {
	var to string
	var yes, asJSON bool
	c := &cobra.Command{
		Use:   "move --to postgres://…",
		Short: "Carry the ledger over from its file to PostgreSQL",
		Long: `move carries the ledger in the file that database.url names over to an empty
database of PostgreSQL, compares what both hold, and then marks the file as moved:
nothing is sent from it any more, and nothing written to it, while it can still be
read and backed up. Nothing is mailed twice for it; a mail in doubt is repeated
word for word from PostgreSQL.

Stop the daemon first, and what stands by or imports. When it is cut off, at
whatever moment, run the same command again: it goes on where it was. Until it has
come to its end, no other alta opens the ledger on PostgreSQL.

The password comes from ALTA_DATABASE_PASSWORD or database.password_file. The links
stay sealed with the same data key, which every machine needs.`,
		Example: `  alta move --to 'postgres://alta@db.example/alta?sslmode=verify-full'
  alta move --to 'postgres://alta@db.example/alta?sslmode=verify-full' --yes`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			target, err := a.moveTarget(to)
			if err != nil {
				return err
			}
			return a.withLedger(c.Context(), func(s ledger) error { return a.move(c.Context(), s, target, yes, asJSON) })
		},
	}
	c.Flags().StringVar(&to, "to", "", "the database to move to, as a `URL` without a password")
	c.Flags().BoolVar(&yes, "yes", false, "yes, move it")
	c.Flags().BoolVar(&asJSON, "json", false, "print what was moved as JSON")
	return c
}

// moveTarget is the database that --to names, with the password in it.
func (a *app) moveTarget(to string) (DatabaseConfig, error) {
	c := a.config.Database
	switch {
	case c.shared():
		return c, usage("the ledger of database.url is on PostgreSQL already; 'alta move' carries one over from a file")
	case to == "":
		return c, usage("--to is missing: the database to move to, such as 'postgres://alta@db.example/alta?sslmode=verify-full'")
	case !isPostgres(to):
		return c, usage("--to: found %q, expected a connection string such as 'postgres://alta@db.example/alta?sslmode=verify-full'", to)
	}
	if err := checkPostgres(to); err != nil {
		return c, usage("--to: %w", err)
	}
	const setting = "database.password_file"
	for _, p := range a.config.secrets {
		if p.Setting == setting {
			return c, configError([]ConfigProblem{p})
		}
	}
	c.URL, c.Path = to, ""
	c.DSN = c.dsn()
	return c, nil
}

func (a *app) move(ctx context.Context, s ledger, to DatabaseConfig, yes, asJSON bool) (err error) {
	file, ok := s.(fileLedger)
	if !ok {
		return usage("the ledger is on PostgreSQL already")
	}
	if !yes {
		return a.describeMove(ctx, file, to)
	}
	release, err := file.hold(ctx, true)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w; stop the daemon first, and whatever stands by: nothing may be sent while the ledger moves", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()

	target, err := postgres.Open(ctx, postgres.Options{URL: to.DSN, Connections: to.Connections, Name: "alta move", Moving: true})
	if err != nil {
		return &exitError{exitOutage, err}
	}
	defer func() { err = errors.Join(err, target.Close()) }()
	m := &mover{app: a, file: file, target: target, page: rowsAtOnce, step: passed}
	if err := m.run(ctx); err != nil {
		return err
	}
	return a.printMoved(ctx, m, asJSON)
}

// describeMove says what would be done.
func (a *app) describeMove(ctx context.Context, file fileLedger, to DatabaseConfig) error {
	state, err := file.Move(ctx)
	if err == nil {
		err = state.Err()
	}
	if err != nil {
		return err
	}
	counts := map[string]int64{}
	for _, t := range store.Tables() {
		if counts[t.Name], err = file.CountRows(ctx, t); err != nil {
			return err
		}
	}
	return usage("this would carry the ledger %s over to %s: %d users, %d deliveries, %d attempts, %d links, %d runs and %d lines of the audit log; "+
		"afterwards nothing is sent from the file any more, nor written to it; add --yes if that is what you want",
		file.name(), to.URL, counts["users"], counts["deliveries"], counts["attempts"], counts["links"], counts["runs"], counts["audit"])
}

func (a *app) printMoved(ctx context.Context, m *mover, asJSON bool) error {
	state, err := m.file.Move(ctx)
	if err != nil {
		return err
	}
	has, err := m.target.HasKey(ctx)
	if err != nil {
		return err
	}
	answer := moved{From: m.file.name(), To: m.target.Address(), MovedAt: state.At.UTC()}
	if has {
		answer.Key = a.keySource()
	}
	rows := map[string]int64{}
	for _, c := range m.carried {
		rows[c.Table] = c.Rows
		answer.Tables = append(answer.Tables, movedTable{c.Table, c.Rows, hex.EncodeToString(c.Checksum)})
	}
	if asJSON {
		return a.printJSON(answer)
	}
	_, err = fmt.Fprintf(a.out, "Moved %s to %s: %d users, %d deliveries, %d attempts, %d links, %d runs and %d lines of the audit log;\n"+
		"both ledgers hold the same, row by row. Set database.url there on every machine; nothing is sent from the file any more.\n",
		answer.From, answer.To, rows["users"], rows["deliveries"], rows["attempts"], rows["links"], rows["runs"], rows["audit"])
	if err == nil && has {
		_, err = fmt.Fprintf(a.out, "The links stay sealed with the data key from %s: every machine needs that same key, as ALTA_DATA_KEY or in\n"+
			"the file that database.key_file names. Keep a copy of it, apart from the database.\n", answer.Key)
	}
	return err
}
