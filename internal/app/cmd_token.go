package app

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alta/store"
)

func (a *app) tokenCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "token",
		Short: "Make, list and revoke the tokens of people and programs that operate alta",
		Example: `  alta token add mara --role operator
  alta token list
  alta token revoke mara`,
	}
	c.AddCommand(a.tokenAddCommand(), a.tokenListCommand(), a.tokenRevokeCommand())
	return c
}

func (a *app) tokenAddCommand() *cobra.Command {
	var role string
	c := &cobra.Command{
		Use:   "add NAME",
		Short: "Make a token, which is shown this once",
		Long: `add makes a token and prints it, this once: the ledger keeps nothing but its
SHA-256. A viewer may look at everything, an operator may act, too. NAME stands in
the audit log beside what is done with the token; give each person and each program
one of its own.`,
		Example: `  alta token add mara --role operator
  alta token add grafana --role viewer > grafana.token`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			text := store.NewToken()
			t := store.Token{Name: args[0], Role: store.Role(role), Digest: store.DigestSecret(text)}
			if role == "" {
				return usage("--role is required: viewer, who may look, or operator, who may act, too")
			}
			if err := t.Check(); err != nil {
				return &exitError{exitUsage, err}
			}
			return a.withStore(c.Context(), func(s ledger) error {
				if err := s.AddToken(c.Context(), t, a.act(""), a.now()); err != nil {
					return err
				}
				fmt.Fprintf(a.screen, "This is the token of %s, %s. It is shown this once; whoever has it is let in.\n", t.Name, t.Role)
				_, err := fmt.Fprintln(a.out, text.Reveal())
				return err
			})
		},
	}
	c.Flags().StringVar(&role, "role", "", "`ROLE`: "+strings.Join(roleNames(), " or "))
	offer(c, "role", roleNames()...)
	return c
}

func (a *app) tokenListCommand() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List the tokens: whose, what they may do, when they were last used",
		Long: `list prints every token that ever was, in the order in which they were made. What
a token is, nobody knows but its holder.`,
		Example: `  alta token list
  alta token list --json | jq -r 'select(.revoked_at == null) | .name'`,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withLedger(c.Context(), func(s ledger) error {
				all, err := s.Tokens(c.Context())
				if err != nil {
					return err
				}
				if asJSON {
					return a.printTokensJSON(all)
				}
				return a.printTokens(all)
			})
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return c
}

func (a *app) tokenRevokeCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "revoke NAME",
		Short: "End a token, and every login that was made with it, at once",
		Long: `revoke ends a token for good, and signs out whoever came with it. Its name is free
for another one then.`,
		Example: `  alta token revoke mara`,
		Args:    cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			return a.withLedger(c.Context(), func(s ledger) error {
				err := s.RevokeToken(c.Context(), args[0], a.act(""), a.now())
				if errors.Is(err, store.ErrNotFound) {
					return fmt.Errorf("there is no valid token of the name %s; 'alta token list' shows them", args[0])
				}
				if err != nil {
					return err
				}
				_, err = fmt.Fprintf(a.out, "%s revoked\n", args[0])
				return err
			})
		},
	}
}

// tokenJSON is a token as commands print it.
type tokenJSON struct {
	Name      string     `json:"name"`
	Role      store.Role `json:"role"`
	MadeAt    *time.Time `json:"made_at"`
	MadeBy    string     `json:"made_by"`
	UsedAt    *time.Time `json:"used_at"` // to the minute; null for one that never was
	RevokedAt *time.Time `json:"revoked_at"`
}

func (a *app) printTokensJSON(all []store.TokenRecord) error {
	enc := newLineEncoder(a.out)
	for _, t := range all {
		if err := enc.Encode(tokenJSON{t.Name, t.Role, utc(t.MadeAt), t.MadeBy, utc(t.UsedAt), utc(t.RevokedAt)}); err != nil {
			return err
		}
	}
	return nil
}

func (a *app) printTokens(all []store.TokenRecord) error {
	if len(all) == 0 {
		_, err := fmt.Fprintln(a.out, "There is no token yet; 'alta token add' makes one.")
		return err
	}
	t := newTable(a.out)
	t.AppendHeader(table.Row{"name", "role", "made (UTC)", "by", "last used (UTC)", "revoked (UTC)"})
	for _, r := range all {
		t.AppendRow(table.Row{r.Name, r.Role, minute(r.MadeAt), r.MadeBy, minute(r.UsedAt), minute(r.RevokedAt)})
	}
	t.Render()
	return nil
}

func roleNames() []string { return words(store.Roles()) }
