package app

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/spf13/cobra"

	"alta/pipeline"
	"alta/store"
)

func (a *app) rekeyCommand() *cobra.Command {
	var yes bool
	c := &cobra.Command{
		Use:   "rekey",
		Short: "Change the key that seals the links, when it was lost or leaked",
		Long: `rekey gives the ledger a new data key: ALTA_DATA_KEY if it is set, what
database.key_file holds if that is a credential of systemd, and otherwise a fresh
one in a new key file, which takes the place of the old one.

It forgets the links that the old key sealed. Those in people's inboxes keep
working, and a mail that is tried again gets a fresh one. A mail in doubt can no
longer be repeated word for word; the plan owes a new one in its place.

Stop the daemon first, and whatever stands by. The change is audited. When it is
cut off half-way, run it again.`,
		Example: `  alta rekey                what it would do
  alta rekey --yes`,
		RunE: func(c *cobra.Command, _ []string) error {
			return a.withLedger(c.Context(), func(s ledger) error { return a.rekey(c.Context(), s, yes) })
		},
	}
	c.Flags().BoolVar(&yes, "yes", false, "yes, forget the links")
	return c
}

// nextKey is the key that the ledger shall have.
type nextKey struct {
	key  *store.Key
	text pipeline.Secret // to be written to file
	file string          // "" for a key that is not alta's to keep
}

func (a *app) rekey(ctx context.Context, s ledger, yes bool) (err error) {
	next, err := a.nextKey(ctx, s)
	if err != nil {
		return &exitError{exitUsage, err}
	}
	if !yes {
		links, err := s.SealedLinks(ctx)
		if err != nil {
			return err
		}
		return usage("this would give the ledger a new data key, from %s, and forget the links that it keeps (%d now): "+
			"those in people's inboxes keep working, and mails that are still due get fresh ones; add --yes if that is what you want", a.keySource(), links)
	}
	release, err := s.hold(ctx, true)
	if errors.Is(err, store.ErrLocked) {
		return fmt.Errorf("%w; stop it first, and whatever stands by: it seals links with the key that it has", err)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, release()) }()

	ctx = context.WithoutCancel(ctx) // it is short, and half a change helps nobody
	if err := s.Shred(ctx, a.now()); err != nil {
		return err
	}
	if err := settleOrphans(ctx, s, a.config, a.log, a.now); err != nil {
		return err
	}
	links, err := s.SealedLinks(ctx)
	if err != nil {
		return err
	}
	if err := a.changeKey(ctx, s, next); err != nil {
		return err
	}
	_, err = fmt.Fprintf(a.out, "The ledger has a new data key, from %s; keep a copy of it, apart from the ledger.\n"+
		"%d links were forgotten. Those in people's inboxes keep working; mails that are tried again get fresh ones, and what was in doubt is\n"+
		"settled by a new mail. Backups made before need the old key, or 'alta rekey' after they are restored.\n", a.keySource(), links)
	return err
}

// nextKey chooses the new key, and refuses what would change nothing or destroy
// what is no key.
func (a *app) nextKey(ctx context.Context, s ledger) (nextKey, error) {
	key, _, err := a.findKey()
	if a.config.Database.Key.IsZero() && !a.config.secretFailed(keySetting) && !a.keyIsCredential() {
		return a.nextKeyFile(err)
	}
	if err != nil {
		return nextKey{}, err
	}
	has, err := s.HasKey(ctx)
	if err != nil {
		return nextKey{}, err
	}
	err = s.CheckKey(ctx, key)
	switch {
	case errors.Is(err, store.ErrWrongKey) || !has:
		return nextKey{key: key}, nil
	case err != nil:
		return nextKey{}, err
	}
	return nextKey{}, fmt.Errorf("%s holds the key that the ledger has already; put a new one there ('openssl rand -base64 32'), then run this again", a.keySource())
}

// nextKeyFile makes a key for the key file; found is what reading the old one
// ended with.
func (a *app) nextKeyFile(found error) (n nextKey, err error) {
	n.file = a.config.Database.KeyFile
	if target, err := filepath.EvalSymlinks(n.file); err == nil {
		n.file = target // the link stays, as whoever made it wants
	}
	info, statErr := os.Stat(n.file)
	empty := statErr == nil && info.Mode().IsRegular() && info.Size() == 0
	if found != nil && !errors.Is(found, fs.ErrNotExist) && !empty {
		return n, fmt.Errorf("%w. What holds no data key is not overwritten: move it away, then run 'alta rekey' again", found)
	}
	n.text = store.NewKey()
	n.key, err = store.ParseKey(n.text)
	return n, err
}

// changeKey gives the ledger its new key. The new file stands beside the old one
// until the ledger has the key. A process that ends between the two leaves a
// ledger that its key file does not fit, until the command is run again.
func (a *app) changeKey(ctx context.Context, s ledger, next nextKey) error {
	place := func() error { return nil }
	if next.file != "" {
		var err error
		if place, err = stageKeyFile(next.file, next.text); err != nil {
			return &exitError{exitUsage, fmt.Errorf("write the new key beside %s: %w; nothing was changed; ALTA_DATA_KEY can hold the key instead", next.file, withoutPath(err))}
		}
	}
	err := s.Rekey(ctx, next.key, a.act(""), a.now())
	if err != nil && s.CheckKey(ctx, next.key) != nil {
		return err // nothing was changed
	}
	if placeErr := place(); placeErr != nil {
		err = errors.Join(err, fmt.Errorf("the ledger has a new key that could not be put into %s: %w; mend that and run 'alta rekey --yes' again", next.file, placeErr))
	}
	return err
}
