package storetest

import (
	"errors"
	"slices"
	"strings"
	"time"

	"alta/pipeline"
	"alta/store"
)

func tokenBehaviours() []behaviour {
	return []behaviour{
		{"whoever comes with a token is known by its name and role", func(f *fixture) {
			mara, robot := f.token("mara", store.Operator), f.token("robot-1", store.Viewer)
			equal(f, "mara", f.byToken(mara), store.Login{Name: "mara", Role: store.Operator})
			equal(f, "robot", f.byToken(robot), store.Login{Name: "robot-1", Role: store.Viewer})
		}},
		{"a token that nobody made is nobody's", func(f *fixture) {
			f.token("mara", store.Operator)
			f.noToken(store.NewToken())
			f.noToken(pipeline.Secret{})
		}},
		{"a token stands nowhere in clear", func(f *fixture) {
			token := f.token("mara", store.Operator)
			cookie := f.login(token, time.Hour)
			for _, secret := range []pipeline.Secret{token, cookie} {
				if strings.Contains(f.dump(), secret.Reveal()) {
					f.t.Error("a token or a cookie stands in the ledger")
				}
			}
		}},
		{"a token that was revoked is refused at once, and stays in the list", func(f *fixture) {
			token := f.token("mara", store.Operator)
			made := f.now
			f.now = f.now.Add(time.Hour)
			f.byToken(token)
			f.must(f.RevokeToken(f.t.Context(), "mara", operator, f.now))
			f.noToken(token)
			equal(f, "tokens", f.tokens(), []store.TokenRecord{{
				Name: "mara", Role: store.Operator, MadeAt: made, MadeBy: operator.Actor, UsedAt: f.now, RevokedAt: f.now,
			}})
			if err := f.RevokeToken(f.t.Context(), "mara", operator, f.now); !errors.Is(err, store.ErrNotFound) {
				f.t.Errorf("revoked again: %v", err)
			}
		}},
		{"a name belongs to one valid token, and is free once that is revoked", func(f *fixture) {
			old := f.token("mara", store.Operator)
			again := store.Token{Name: "mara", Role: store.Viewer, Digest: store.DigestSecret(store.NewToken())}
			if err := f.AddToken(f.t.Context(), again, operator, f.now); !errors.Is(err, store.ErrTokenTaken) {
				f.t.Fatalf("taken name: %v", err)
			}
			f.must(f.RevokeToken(f.t.Context(), "mara", operator, f.now))
			equal(f, "mara", f.byToken(f.token("mara", store.Viewer)).Role, store.Viewer)
			f.noToken(old)
		}},
		{"a name or a role that will not do is refused", func(f *fixture) {
			for _, bad := range []store.Token{
				{Name: "", Role: store.Viewer}, {Name: "operator", Role: store.Viewer}, {Name: "a b", Role: store.Viewer},
				{Name: "-a", Role: store.Viewer}, {Name: "a\n", Role: store.Viewer}, {Name: strings.Repeat("a", 65), Role: store.Viewer},
				{Name: "mara", Role: "root"}, {Name: "mara"},
			} {
				if err := f.AddToken(f.t.Context(), bad, operator, f.now); err == nil {
					f.t.Errorf("%+v was added", bad)
				}
			}
			equal(f, "tokens", len(f.tokens()), 0)
			equal(f, "lines", f.verifyAudit().Rows, int64(0))
		}},
		{"when a token was last used is known to the minute", func(f *fixture) {
			token := f.token("mara", store.Operator)
			equal(f, "never", f.tokens()[0].UsedAt, time.Time{})
			began := f.now
			for _, t := range []struct{ after, want time.Duration }{{0, 0}, {59 * time.Second, 0}, {time.Minute, time.Minute}, {90 * time.Second, time.Minute}} {
				f.now = began.Add(t.after)
				f.byToken(token)
				equal(f, "used after "+t.after.String(), f.tokens()[0].UsedAt, began.Add(t.want))
			}
		}},
		{"that a token was made and revoked is audited", func(f *fixture) {
			f.token("mara", store.Operator)
			f.must(f.RevokeToken(f.t.Context(), "mara", operator, f.now))
			var said []string
			for _, line := range slices.Backward(f.auditPage(store.AuditFilter{Actor: operator.Actor})) {
				said = append(said, line.Action+" "+line.Detail)
			}
			equal(f, "audit", said, []string{"token_add mara, operator: " + operator.Reason, "token_revoke mara: " + operator.Reason})
		}},
	}
}

func loginBehaviours() []behaviour {
	return []behaviour{
		{"a login is known by its cookie until it ends", func(f *fixture) {
			cookie := f.login(f.token("mara", store.Viewer), time.Hour)
			f.now = f.now.Add(time.Hour - time.Millisecond)
			equal(f, "before", f.byCookie(cookie), store.Login{Name: "mara", Role: store.Viewer})
			f.now = f.now.Add(time.Millisecond)
			f.noLogin(cookie)
			f.noLogin(store.NewToken())
		}},
		{"a login that nobody uses ends", func(f *fixture) {
			cookie := f.login(f.token("mara", store.Viewer), 12*time.Hour)
			for range 3 {
				f.now = f.now.Add(idle - time.Millisecond)
				f.byCookie(cookie)
			}
			f.now = f.now.Add(idle)
			f.noLogin(cookie)
		}},
		{"a glance at a login does not keep it alive, and sees its end", func(f *fixture) {
			cookie := f.login(f.token("mara", store.Viewer), 12*time.Hour)
			glance := store.LoginRules{Idle: idle, Glance: true}
			f.now = f.now.Add(idle - time.Millisecond)
			l, err := f.Login(f.t.Context(), store.DigestSecret(cookie), glance, f.now)
			f.must(err)
			equal(f, "who", l, store.Login{Name: "mara", Role: store.Viewer})
			f.now = f.now.Add(time.Millisecond)
			if _, err := f.Login(f.t.Context(), store.DigestSecret(cookie), glance, f.now); !errors.Is(err, store.ErrNotFound) {
				f.t.Errorf("error is %v", err)
			}
			f.noLogin(cookie)
		}},
		{"a login ends when whoever has it says so", func(f *fixture) {
			token := f.token("mara", store.Viewer)
			cookie, other := f.login(token, time.Hour), f.login(token, time.Hour)
			f.must(f.EndLogin(f.t.Context(), store.DigestSecret(cookie)))
			f.must(f.EndLogin(f.t.Context(), store.DigestSecret(cookie)))
			f.noLogin(cookie)
			f.byCookie(other)
		}},
		{"a login ends with its token", func(f *fixture) {
			token, other := f.token("mara", store.Viewer), f.token("luis", store.Viewer)
			cookie, stays := f.login(token, time.Hour), f.login(other, time.Hour)
			f.must(f.RevokeToken(f.t.Context(), "mara", operator, f.now))
			f.noLogin(cookie)
			f.byCookie(stays)
		}},
		{"no login begins with a token that is nobody's", func(f *fixture) {
			token := f.token("mara", store.Viewer)
			f.must(f.RevokeToken(f.t.Context(), "mara", operator, f.now))
			for _, t := range []pipeline.Secret{token, store.NewToken()} {
				l := store.NewLogin{Cookie: store.DigestSecret(store.NewToken()), Token: store.DigestSecret(t), EndsAt: f.now.Add(time.Hour)}
				if err := f.StartLogin(f.t.Context(), l, f.now); !errors.Is(err, store.ErrNotFound) {
					f.t.Errorf("error is %v", err)
				}
			}
		}},
		{"a login with the token of the configuration ends when another one stands there", func(f *fixture) {
			token, cookie := store.NewToken(), store.NewToken()
			digest, another := store.DigestSecret(token), store.DigestSecret(store.NewToken())
			l := store.NewLogin{Cookie: store.DigestSecret(cookie), Token: digest, Bootstrap: true, EndsAt: f.now.Add(time.Hour)}
			f.must(f.StartLogin(f.t.Context(), l, f.now))
			who, err := f.Login(f.t.Context(), l.Cookie, store.LoginRules{Bootstrap: &digest, Idle: idle}, f.now)
			f.must(err)
			equal(f, "who", who, store.Login{Name: store.BootstrapName, Role: store.Operator})
			for _, now := range []*store.SecretDigest{&another, nil} {
				_, err := f.Login(f.t.Context(), l.Cookie, store.LoginRules{Bootstrap: now, Idle: idle}, f.now)
				if !errors.Is(err, store.ErrNotFound) {
					f.t.Errorf("error is %v", err)
				}
			}
		}},
		{"logins that have ended are forgotten when another one begins", func(f *fixture) {
			token := f.token("mara", store.Viewer)
			none := len(f.dump())
			f.login(token, time.Hour)
			one := len(f.dump())
			f.now = f.now.Add(time.Hour)
			f.login(token, time.Hour)
			if later := len(f.dump()); later > one+(one-none)/2 {
				f.t.Errorf("the ledger has %d bytes without a login, %d with one, and %d with another in its place", none, one, later)
			}
		}},
	}
}

const idle = 2 * time.Hour

// token makes a token and returns it.
func (f *fixture) token(name string, role store.Role) pipeline.Secret {
	f.t.Helper()
	token := store.NewToken()
	f.must(f.AddToken(f.t.Context(), store.Token{Name: name, Role: role, Digest: store.DigestSecret(token)}, operator, f.now))
	return token
}

func (f *fixture) tokens() []store.TokenRecord {
	f.t.Helper()
	all, err := f.Tokens(f.t.Context())
	f.must(err)
	return all
}

func (f *fixture) byToken(token pipeline.Secret) store.Login {
	f.t.Helper()
	l, err := f.TokenByDigest(f.t.Context(), store.DigestSecret(token), f.now)
	f.must(err)
	return l
}

func (f *fixture) noToken(token pipeline.Secret) {
	f.t.Helper()
	if l, err := f.TokenByDigest(f.t.Context(), store.DigestSecret(token), f.now); !errors.Is(err, store.ErrNotFound) || l != (store.Login{}) {
		f.t.Errorf("the token is %+v's (%v), want nobody's", l, err)
	}
}

// login begins a login that lasts, and returns its cookie.
func (f *fixture) login(token pipeline.Secret, lasts time.Duration) (cookie pipeline.Secret) {
	f.t.Helper()
	cookie = store.NewToken()
	l := store.NewLogin{Cookie: store.DigestSecret(cookie), Token: store.DigestSecret(token), EndsAt: f.now.Add(lasts)}
	f.must(f.StartLogin(f.t.Context(), l, f.now))
	return cookie
}

func (f *fixture) byCookie(cookie pipeline.Secret) store.Login {
	f.t.Helper()
	l, err := f.Login(f.t.Context(), store.DigestSecret(cookie), store.LoginRules{Idle: idle}, f.now)
	f.must(err)
	return l
}

func (f *fixture) noLogin(cookie pipeline.Secret) {
	f.t.Helper()
	if l, err := f.Login(f.t.Context(), store.DigestSecret(cookie), store.LoginRules{Idle: idle}, f.now); !errors.Is(err, store.ErrNotFound) {
		f.t.Errorf("%+v is signed in (%v), want nobody", l, err)
	}
}
