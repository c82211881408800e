package main

import (
	"bytes"
	"context"
	"errors"
	"strconv"
	"sync"
	"time"
)

// measureStart is the time from the start of the process 'alta run' to its first
// byte at the SMTP server, and to its first MAIL FROM.
func (b *bench) measureStart(ledger string) func(context.Context) (sample, error) {
	return func(ctx context.Context) (sample, error) {
		return b.inWorld(ctx, 0, smtpConnections, smtpConnections, func(w *world) (s sample, err error) {
			folder, drop, err := b.fresh(ctx, ledger)
			if err != nil {
				return nil, err
			}
			defer func() { err = errors.Join(err, drop()) }()
			door, err := startDoor(w.smtp.address(), b)
			if err != nil {
				return nil, err
			}
			s, err = b.knock(ctx, folder, w.api.address(), door)
			return s, errors.Join(err, door.relay.close())
		})
	}
}

func (b *bench) knock(ctx context.Context, folder, api string, d *door) (sample, error) {
	config, err := configure(folder, settings{api: api, smtp: d.relay.address(), hours: anyTime})
	if err != nil {
		return nil, err
	}
	c := b.altaCommand(ctx, config, "run", "--json", "--limit", strconv.Itoa(smtpConnections))
	u, err := c.run()
	if err != nil {
		return nil, err
	}
	if _, err := sentAll(c, smtpConnections); err != nil {
		return nil, err
	}
	first, mail := d.times()
	if first.IsZero() || mail.IsZero() {
		return nil, errors.New("no MAIL FROM came by")
	}
	return sample{
		ehlo: first.Sub(c.started).Seconds() * 1e3, took: mail.Sub(c.started).Seconds() * 1e3, wall: u.wall.Seconds(),
	}, nil
}

// door notes when the first client spoke, and when the first mail began.
type door struct {
	relay *relay

	mu          sync.Mutex
	first, mail time.Time
}

func startDoor(target string, b *bench) (*door, error) {
	d := &door{}
	var err error
	d.relay, err = startRelay(target, 0, b.now, d.hear)
	return d, err
}

func (d *door) hear(at time.Time, bytesRead []byte) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.first.IsZero() {
		d.first = at
	}
	if d.mail.IsZero() && bytes.Contains(bytesRead, []byte("MAIL FROM:")) {
		d.mail = at
	}
}

func (d *door) times() (first, mail time.Time) {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.first, d.mail
}
