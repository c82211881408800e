package app

import (
	"context"
	"crypto/subtle"
	"errors"
	"fmt"
	"time"

	"alta/internal/web"
	"alta/pipeline"
	"alta/store"
)

// keeper is what the operator's page asks of the ledger about who may come in.
type keeper interface {
	TokenByDigest(ctx context.Context, digest store.SecretDigest, now time.Time) (store.Login, error)
	StartLogin(ctx context.Context, l store.NewLogin, now time.Time) error
	Login(ctx context.Context, cookie store.SecretDigest, r store.LoginRules, now time.Time) (store.Login, error)
	EndLogin(ctx context.Context, cookie store.SecretDigest) error
}

// doors lets in who has a token of the ledger, and who has the one of the
// configuration, which is an operator's. It implements [web.Doors].
type doors struct {
	ledger    keeper
	bootstrap *store.SecretDigest // of the token of the configuration; nil when it has none
}

func newDoors(ledger keeper, token pipeline.Secret) doors {
	if token.IsZero() {
		return doors{ledger, nil}
	}
	digest := store.DigestSecret(token)
	return doors{ledger, &digest}
}

// Token implements [web.Doors].
func (d doors) Token(ctx context.Context, token web.Digest, now time.Time) (web.Who, error) {
	if d.isBootstrap(token) {
		return web.Who{Name: store.BootstrapName, Role: web.Operator}, nil
	}
	l, err := d.ledger.TokenByDigest(ctx, store.SecretDigest(token), now)
	return known(l, err)
}

// StartLogin implements [web.Doors].
func (d doors) StartLogin(ctx context.Context, cookie, token web.Digest, ends, now time.Time) error {
	_, err := known(store.Login{}, d.ledger.StartLogin(ctx, store.NewLogin{
		Cookie: store.SecretDigest(cookie), Token: store.SecretDigest(token), Bootstrap: d.isBootstrap(token), EndsAt: ends,
	}, now))
	return err
}

// Login implements [web.Doors].
func (d doors) Login(ctx context.Context, cookie web.Digest, idle time.Duration, now time.Time) (web.Who, error) {
	l, err := d.ledger.Login(ctx, store.SecretDigest(cookie), store.LoginRules{Bootstrap: d.bootstrap, Idle: idle}, now)
	return known(l, err)
}

// Glance implements [web.Doors].
func (d doors) Glance(ctx context.Context, cookie web.Digest, idle time.Duration, now time.Time) (web.Who, error) {
	l, err := d.ledger.Login(ctx, store.SecretDigest(cookie), store.LoginRules{Bootstrap: d.bootstrap, Idle: idle, Glance: true}, now)
	return known(l, err)
}

// EndLogin implements [web.Doors].
func (d doors) EndLogin(ctx context.Context, cookie web.Digest) error {
	return d.ledger.EndLogin(ctx, store.SecretDigest(cookie))
}

func (d doors) isBootstrap(token web.Digest) bool {
	return d.bootstrap != nil && subtle.ConstantTimeCompare(token[:], d.bootstrap[:]) == 1
}

// known says what the ledger found in the words of the page.
func known(l store.Login, err error) (web.Who, error) {
	if errors.Is(err, store.ErrNotFound) {
		return web.Who{}, fmt.Errorf("%w: %w", web.ErrUnknown, err)
	}
	if err != nil {
		return web.Who{}, err
	}
	return web.Who{Name: l.Name, Role: web.Role(l.Role)}, nil
}
