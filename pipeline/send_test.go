package pipeline_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

// begins is a ledger of which only Begin is needed.
type begins struct {
	err   error
	calls int
}

func (b *begins) Begin(context.Context, *pipeline.Delivery, time.Time) error {
	b.calls++
	return b.err
}

// postman sends the way a test says.
type postman func(begin func() error) (pipeline.Receipt, error)

func (p postman) Send(_ context.Context, _ *pipeline.Delivery, begin func() error) (pipeline.Receipt, error) {
	return p(begin)
}

func TestSend(t *testing.T) {
	accepted := pipeline.Receipt{Reply: "250 2.0.0 Ok: queued as 4F3"}
	refused := pipeline.Receipt{Reply: "550 5.1.1 No such user"}
	badAddress := &pipeline.Fault{Kind: pipeline.Fail, Code: "smtp.5.1.1"}
	verified := &pipeline.Fault{Kind: pipeline.Cancel, Code: "user_verified"}
	noConnection := &pipeline.Fault{Kind: pipeline.Outage, Code: "smtp.dial"}
	begun := func(r pipeline.Receipt, err error) postman {
		return func(begin func() error) (pipeline.Receipt, error) {
			if err := begin(); err != nil {
				return pipeline.Receipt{}, err
			}
			return r, err
		}
	}
	for _, c := range []struct {
		name    string
		begin   error
		smtp    postman
		begins  int
		receipt pipeline.Receipt
		kind    pipeline.Kind
		code    string // "" for no fault
	}{
		{name: "The server's reply is kept.", smtp: begun(accepted, nil), begins: 1, receipt: accepted},
		{name: "The server's refusal is kept with its fault.", smtp: begun(refused, badAddress), begins: 1, receipt: refused, kind: pipeline.Fail, code: "smtp.5.1.1"},
		{name: "Without a connection nothing is begun.", begins: 0, kind: pipeline.Outage, code: "smtp.dial",
			smtp: func(func() error) (pipeline.Receipt, error) { return pipeline.Receipt{}, noConnection }},
		{name: "A user who is no longer owed the mail cancels it.", begin: verified, smtp: begun(accepted, nil), begins: 1, kind: pipeline.Cancel, code: "user_verified"},
		{name: "A wrapped cancel is one too.", begin: fmt.Errorf("begin: %w", verified), smtp: begun(accepted, nil), begins: 1, kind: pipeline.Cancel, code: "user_verified"},
		{name: "A ledger that can't be written is an outage, since nothing could be recorded.", begin: errors.New("disk full"), smtp: begun(accepted, nil),
			begins: 1, kind: pipeline.Outage, code: "ledger"},
		{name: "A panic after the beginning leaves the mail in doubt.", begins: 1, kind: pipeline.Doubt, code: "panic",
			smtp: func(begin func() error) (pipeline.Receipt, error) {
				if err := begin(); err != nil {
					return pipeline.Receipt{}, err
				}
				panic(errors.New("https://kyc.example/secret"))
			}},
	} {
		t.Run(c.name, func(t *testing.T) {
			ledger, d := &begins{err: c.begin}, invite()
			err := pipeline.Send(ledger, c.smtp, stopped(ten))(t.Context(), d)
			if ledger.calls != c.begins {
				t.Errorf("begun %d times, want %d", ledger.calls, c.begins)
			}
			if d.Receipt != c.receipt {
				t.Errorf("receipt %q, want %q", d.Receipt.Reply, c.receipt.Reply)
			}
			if c.code == "" {
				if err != nil {
					t.Error(err)
				}
				return
			}
			f := pipeline.AsFault(err)
			if f.Kind != c.kind || f.Code != c.code {
				t.Errorf("fault %s %s, want %s %s", f.Kind, f.Code, c.kind, c.code)
			}
			if strings.Contains(err.Error(), "kyc.example") {
				t.Errorf("the error quotes what the panic said: %v", err)
			}
		})
	}
}

// A mail that has begun stays so, though it may not begin again for another
// connection: what becomes of it must not be given up.
func TestAMailThatBeganStaysBegun(t *testing.T) {
	for _, again := range []error{&pipeline.Fault{Kind: pipeline.Cancel, Code: "user_verified"}, errors.New("disk full")} {
		ledger, d := &begins{}, invite()
		smtp := postman(func(begin func() error) (pipeline.Receipt, error) {
			if err := begin(); err != nil {
				t.Error(err)
			}
			ledger.err = again
			return pipeline.Receipt{}, begin()
		})
		err := pipeline.Send(ledger, smtp, stopped(ten))(t.Context(), d)
		if !errors.Is(err, again) || !d.Begun || ledger.calls != 2 {
			t.Errorf("begun: %v, after %d calls, %v", d.Begun, ledger.calls, err)
		}
	}
}

func TestSendPassesOnAPanicBeforeTheBeginning(t *testing.T) {
	for _, c := range []struct {
		name  string
		begin error
		smtp  postman
	}{
		{"Nothing was begun.", nil, func(func() error) (pipeline.Receipt, error) { panic("bug") }},
		{"The beginning failed.", errors.New("disk full"), func(begin func() error) (pipeline.Receipt, error) {
			_ = begin()
			panic("bug")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			defer func() {
				if p := recover(); p != "bug" {
					t.Errorf("recovered %v, want the panic itself: nothing had left the house", p)
				}
			}()
			err := pipeline.Send(&begins{err: c.begin}, c.smtp, stopped(ten))(t.Context(), invite())
			t.Errorf("Send returned %v", err)
		})
	}
}
