package main

import (
	"context"
	"errors"
	"path/filepath"
)

// measurePull is how long the claim of a thousand due deliveries takes.
func (b *bench) measurePull(ledger string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		folder, err := b.ledger(ctx, ledger)
		if err != nil {
			return nil, err
		}
		c, err := b.role(ctx, "pull", task{Ledger: filepath.Join(folder, ledgerFile), Mails: b.pulled})
		if err != nil {
			return nil, err
		}
		if _, err := c.run(); err != nil {
			return nil, err
		}
		var a answer
		if err := c.decode(&a); err != nil {
			return nil, err
		}
		return sample{took: series(a.Pulls).median() * 1e3}, nil
	}
}

// measureStatus is 'alta status', from the start of the process to its end.
func (b *bench) measureStatus(ledger string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		folder, err := b.ledger(ctx, ledger)
		if err != nil {
			return nil, err
		}
		config, err := configure(folder, nowhere(anyTime))
		if err != nil {
			return nil, err
		}
		u, err := b.altaCommand(ctx, config, "status", "--json").run()
		return sample{took: u.wall.Seconds() * 1e3}, err
	}
}

// measureImport is 'alta users import' of a million rows into a new ledger.
func (b *bench) measureImport(ctx context.Context) (s sample, err error) {
	list, err := b.list(seedLater, b.large)
	if err != nil {
		return nil, err
	}
	folder, drop, err := b.empty()
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, drop()) }()
	config, err := configure(folder, nowhere(laterHours(b.now())))
	if err != nil {
		return nil, err
	}
	u, err := b.importUsers(ctx, config, list, b.large)
	return sample{wall: u.wall.Seconds(), rows: float64(b.large) / u.wall.Seconds(), peak: float64(u.peak) / (1 << 20)}, err
}
