package main

import (
	"context"
	"errors"
	"slices"
	"time"
)

// measureShared is alta from end to end as measureAlta has it, with the ledger on
// PostgreSQL: a fleet of one machine, which 'alta run' joins and leaves.
func (b *bench) measureShared(ctx context.Context) (sample, error) {
	return b.inWorld(ctx, 0, b.mails, b.mails, func(w *world) (s sample, err error) {
		url, folder, drop, err := b.freshShared(ctx, sharedDue)
		if err != nil {
			return nil, err
		}
		defer func() { err = errors.Join(err, drop()) }()
		config, err := configure(folder, settings{api: w.api.address(), smtp: w.link, hours: anyTime, database: url})
		if err != nil {
			return nil, err
		}
		before, err := b.shared.postmaster.spent()
		if err != nil {
			return nil, err
		}
		c := b.altaCommand(ctx, config, "run", "--json")
		u, err := c.run()
		if err != nil {
			return nil, err
		}
		if _, err := sentAll(c, b.mails); err != nil {
			return nil, err
		}
		after, err := b.shared.postmaster.spent()
		if err != nil {
			return nil, err
		}
		took, err := runTook(ctx, url)
		if err != nil {
			return nil, err
		}
		s = mailing(u, b.mails, took)
		s.spend(u.cpu, after-before, b.mails, u.wall)
		return s, nil
	})
}

// spend adds what alta and PostgreSQL took of the cores for so many mails.
func (s sample) spend(alta, postgres time.Duration, mails int, wall time.Duration) {
	s[cpu] = alta.Seconds() * 1e6 / float64(mails)
	s[sharedCPU] = postgres.Seconds() * 1e6 / float64(mails)
	s[altaBusy] = alta.Seconds() / wall.Seconds()
	s[sharedBusy] = postgres.Seconds() / wall.Seconds()
}

// measurePullShared is how long the pulls of a run take among very many users.
func (b *bench) measurePullShared(ctx context.Context) (sample, error) {
	url, err := b.sharedLedger(ctx, sharedGiant)
	if err != nil {
		return nil, err
	}
	c, err := b.role(ctx, "pull-shared", task{Ledger: url})
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
	return sample{took: series(a.Pulls).median() * 1e3, slowest: slices.Max(a.Pulls) * 1e3}, nil
}
