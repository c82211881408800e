package app

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"alta/pipeline"
)

// queue is a partner API at which nobody gets a turn, or that fails at once.
type queue struct{ err error }

func (q queue) wait(ctx context.Context) error {
	if q.err != nil {
		return q.err
	}
	<-ctx.Done()
	return ctx.Err()
}

func (q queue) Issue(ctx context.Context, _ pipeline.User) (pipeline.Secret, error) {
	return pipeline.Secret{}, q.wait(ctx)
}

func (q queue) Inquire(ctx context.Context, _ pipeline.User) (pipeline.Status, error) {
	return "", q.wait(ctx)
}

// Who clicked waits so long for a turn, and is then told to try again: nothing was
// sent, so that nothing is in doubt. Any other trouble comes as it is.
func TestAClickWaitsForItsTurnSoLong(t *testing.T) {
	fault := &pipeline.Fault{Kind: pipeline.Outage, Code: "capa.key_refused"}
	broken := errors.New("broken")
	for _, c := range []struct {
		sentence string
		err      error
		waited   time.Duration
		want     error // as it is; nil is a fault of a wait
	}{
		{"no turn", nil, turnWithin, nil},
		{"a fault", fault, 0, fault},
		{"an error of alta's own", broken, 0, broken},
	} {
		t.Run(c.sentence, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				for name, call := range map[string]func() error{
					"mint": func() error {
						_, err := promptIssuer{queue{c.err}}.Issue(t.Context(), pipeline.User{})
						return err
					},
					"ask": func() error {
						_, err := promptInquirer{queue{c.err}}.Inquire(t.Context(), pipeline.User{})
						return err
					},
				} {
					began := time.Now()
					err := call()
					if waited := time.Since(began); waited != c.waited {
						t.Errorf("%s: waited %s, want %s", name, waited, c.waited)
					}
					if f := pipeline.AsFault(err); c.want == nil && (f.Code != pipeline.CodeNoTurn || f.Kind != pipeline.Retry || f.Doubtful || !f.Free) {
						t.Errorf("%s: %v", name, err)
					}
					if c.want != nil && err != c.want {
						t.Errorf("%s: %v, want it as it is", name, err)
					}
				}
			})
		})
	}
}
