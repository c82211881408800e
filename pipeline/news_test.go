package pipeline_test

import (
	"context"
	"errors"
	"testing"

	"alta/pipeline"
)

// partner says where any user stands, and remembers what the ledger was told of it.
type partner struct {
	says pipeline.Status
	err  error
	told []pipeline.Status
}

func (p *partner) Inquire(context.Context, pipeline.User) (pipeline.Status, error) {
	return p.says, p.err
}

func (p *partner) Tell(_ context.Context, _ pipeline.User, s pipeline.Status) error {
	p.told = append(p.told, s)
	return nil
}

func TestInquire(t *testing.T) {
	down := &pipeline.Fault{Kind: pipeline.Retry, Code: "capa.server_error"}
	for _, c := range []struct {
		name    string
		asks    bool
		was     pipeline.Status
		says    pipeline.Status
		err     error
		code    string // of the fault, "" for none
		telling bool
	}{
		{"Nobody is asked.", false, pipeline.Pending, pipeline.Verified, nil, "", false},
		{"The partner knows no more.", true, pipeline.Pending, "", nil, "", false},
		{"The user stands there already.", true, pipeline.InReview, pipeline.InReview, nil, "", false},
		{"A user who is verified hears no more.", true, pipeline.Pending, pipeline.Verified, nil, "user_verified", true},
		{"So does one who opted out and was mailed by an operator.", true, pipeline.OptedOut, pipeline.Verified, nil, "user_verified", true},
		{"Nobody who opted out goes back into review.", true, pipeline.OptedOut, pipeline.InReview, nil, "", false},
		{"The partner does not answer.", true, pipeline.Pending, "", down, "capa.server_error", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			p := &partner{says: c.says, err: c.err}
			ask := pipeline.Inquire(p, p, func(*pipeline.Delivery) bool { return c.asks })
			err := ask(t.Context(), &pipeline.Delivery{User: pipeline.User{ID: "u", Status: c.was}})
			f, _ := errors.AsType[*pipeline.Fault](err)
			if (f == nil) != (c.code == "") || f != nil && f.Code != c.code {
				t.Errorf("the fault is %v, want %q", err, c.code)
			}
			if (len(p.told) == 1 && p.told[0] == c.says) != c.telling {
				t.Errorf("the ledger was told %v", p.told)
			}
		})
	}
}
