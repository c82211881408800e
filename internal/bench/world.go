package main

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// world is what the programs of one measurement talk to, fresh each time.
type world struct {
	smtp server
	api  server
	link string // the SMTP server's address, or that of the relay before it
}

// inWorld starts the servers, lets do measure, makes sure that as many mails
// arrived and as many links were minted as expected, and adds what the servers
// took. A count that is wrong makes the figures worthless, and is an error.
func (b *bench) inWorld(ctx context.Context, latency time.Duration, mails, mints int, do func(*world) (sample, error)) (s sample, err error) {
	w := &world{}
	if w.smtp, err = b.startSMTP(ctx); err != nil {
		return nil, err
	}
	if w.api, err = b.startSandbox(ctx, "api", "the sandbox's API", task{Latency: latency.String()}); err != nil {
		_, endErr := w.smtp.end()
		return nil, errors.Join(err, endErr)
	}
	w.link = w.smtp.address()
	s, err = do(w)
	if err == nil {
		err = errors.Join(expect(w.smtp, "mails", mails), expect(w.api, "mints", mints))
	}
	smtp, smtpErr := w.smtp.end()
	api, apiErr := w.api.end()
	if err := errors.Join(err, smtpErr, apiErr); err != nil {
		return nil, err
	}
	if took := s[wall]; took > 0 {
		s[smtpBusy] = smtp.cpu.Seconds() / took
		s[apiBusy] = api.cpu.Seconds() / took
	}
	return s, nil
}

func expect(s server, what string, want int) error {
	got, err := s.count()
	if err == nil && got != want {
		err = fmt.Errorf("%s counted %d %s, expected %d", s.name(), got, what, want)
	}
	return err
}

// throughLink puts a relay between the measured program and the SMTP server.
func (b *bench) throughLink(w *world, do func(*relay) error) error {
	r, err := startRelay(w.smtp.address(), slowLink, b.now, nil)
	if err != nil {
		return err
	}
	w.link = r.address()
	err = do(r)
	return errors.Join(err, r.close())
}
