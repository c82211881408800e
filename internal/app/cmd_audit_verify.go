package app

import (
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"alta/store"
)

func (a *app) auditVerifyCommand() *cobra.Command {
	var expect string
	var asJSON bool
	c := &cobra.Command{
		Use:   "verify",
		Short: "Check that nobody rewrote the audit log",
		Long: `verify holds every line of the audit log against its chain of hashes (SHA-256),
and names the first one that does not fit. It prints how many there are, and the
last hash.

Note that hash outside of this machine. Whoever can write to the database can
work out another chain, but not one that the noted hash stands in: --expect tells
whether what it covered is all there, and unchanged.`,
		Example: `  alta audit verify
  alta audit verify --expect 24c229b9c55c76e88718947ac4f2b5f676692ce8de07c88c80656ddec66ae043
  alta audit verify --json | jq -r .hash`,
		RunE: func(c *cobra.Command, _ []string) error {
			var noted store.AuditHash
			if expect != "" {
				var err error
				if noted, err = store.ParseAuditHash(expect); err != nil {
					return usage("--expect %w", err)
				}
			}
			return a.withLedger(c.Context(), func(s ledger) error {
				proof, err := s.VerifyAudit(c.Context(), noted)
				broken, isBroken := errors.AsType[*store.AuditBreak](err)
				if err != nil && !isBroken {
					return err
				}
				if asJSON {
					if err := a.printJSON(proofOut(proof, broken, expect != "")); err != nil {
						return err
					}
				}
				if isBroken || expect != "" && !proof.Holds {
					return failedProof(proof, broken)
				}
				if asJSON {
					return nil
				}
				return a.printProof(proof)
			})
		},
	}
	c.Flags().StringVar(&expect, "expect", "", "a `HASH` that was noted earlier, which must stand in the chain")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

type proofJSON struct {
	Rows      int64  `json:"rows"`       // that fit, from the first on
	Hash      string `json:"hash"`       // behind the last of them
	Unchained int64  `json:"unchained"`  // of these, that the next act will chain
	BrokenRow *int64 `json:"broken_row"` // null while the chain holds
	Reason    string `json:"reason"`
	Expected  *bool  `json:"expected"` // whether the hash of --expect stands in the chain; null without it
}

func proofOut(p store.AuditProof, broken *store.AuditBreak, expected bool) proofJSON {
	out := proofJSON{Rows: p.Rows, Hash: p.Hash.String(), Unchained: p.Loose}
	if broken != nil {
		out.BrokenRow, out.Reason = &broken.ID, broken.Why
	}
	if expected {
		out.Expected = &p.Holds
	}
	return out
}

func (a *app) printProof(p store.AuditProof) error {
	_, err := fmt.Fprintf(a.out, "%d rows, all of them in the chain. The last hash is\n%s\n", p.Rows, p.Hash)
	if err == nil && p.Loose > 0 {
		fmt.Fprintf(a.screen, "%d rows at the end are not chained yet: an older alta added them, or somebody by other means. The next act chains them.\n", p.Loose)
	}
	return err
}

// failedProof says what is wrong, and what to do.
func failedProof(p store.AuditProof, broken *store.AuditBreak) error {
	if broken != nil {
		return fmt.Errorf("%w. Lines before it that fit: %d. Somebody has written to the database by other means than alta's: keep the database as it is, and hold it against a backup", broken, p.Rows)
	}
	return fmt.Errorf("the chain holds, and the hash that you expect does not stand in it: lines were cut off or rewritten since it was noted, or it is of another ledger. Lines there are: %d; the last hash: %s. Hold the database against a backup", p.Rows, p.Hash)
}
