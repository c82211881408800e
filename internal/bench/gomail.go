package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"
	"sync/atomic"

	"github.com/wneessen/go-mail"

	"alta/pipeline"
)

// goMailClient is go-mail, set up for a server on loopback.
func goMailClient(address string, noop bool) (*mail.Client, error) {
	host, text, err := net.SplitHostPort(address)
	if err != nil {
		return nil, err
	}
	port, err := strconv.Atoi(text)
	if err != nil {
		return nil, err
	}
	o := []mail.Option{mail.WithPort(port), mail.WithTLSPolicy(mail.NoTLS), mail.WithHELO(heloName)}
	if !noop {
		o = append(o, mail.WithoutNoop())
	}
	return mail.NewClient(host, o...)
}

// playGoMail is go-mail alone: it builds each message and sends it on kept
// connections. It mints nothing, renders nothing and records nothing.
func playGoMail(ctx context.Context, t task, now pipeline.Clock) error {
	content, err := sampleContent()
	if err != nil {
		return err
	}
	recipients := make([]person, t.Mails)
	for i, all := 0, newPeople(1); i < t.Mails; i++ {
		recipients[i] = all.next()
	}
	client, err := goMailClient(t.SMTP, t.Noop)
	if err != nil {
		return err
	}
	began := now()
	var next atomic.Int64
	failures := make([]error, smtpConnections)
	var senders sync.WaitGroup
	for i := range failures {
		senders.Go(func() { failures[i] = sendOnOne(ctx, client, recipients, &next, content) })
	}
	senders.Wait()
	seconds := now().Sub(began).Seconds()
	if err := errors.Join(failures...); err != nil {
		return err
	}
	return answer{Seconds: seconds}.print()
}

// sendOnOne dials one connection and sends on it until every recipient has been
// taken.
func sendOnOne(ctx context.Context, client *mail.Client, recipients []person, next *atomic.Int64, c pipeline.Content) (err error) {
	conn, err := client.DialToSMTPClientWithContext(ctx)
	if err != nil {
		return fmt.Errorf("dial: %w", err)
	}
	defer func() { err = errors.Join(err, client.CloseWithSMTPClient(conn)) }()
	for ctx.Err() == nil {
		i := int(next.Add(1)) - 1
		if i >= len(recipients) {
			return nil
		}
		if err := client.SendWithSMTPClient(conn, letter(recipients[i].email, recipients[i].name, c)); err != nil {
			return fmt.Errorf("send: %w", err)
		}
	}
	return ctx.Err()
}
