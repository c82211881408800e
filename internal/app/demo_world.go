package app

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// demoSession is how long a session of the demo's provider is good for, and is
// assumed to be.
const demoSession = 15 * time.Minute

// demoWorld is what lies outside alta: a partner API with a verification provider
// behind it, a mail server with a mailbox, the folder that keeps the mails, and the
// sockets that alta is to serve on.
type demoWorld struct {
	dir      string
	api      *sandbox.API
	provider *sandbox.Provider
	smtp     *sandbox.SMTP
	mailbox  *sandbox.Mailbox
	letters  letters
	sockets  map[string]net.Listener // by the setting with the address
	events   chan string             // what the provider has decided, in words
	closers  []func() error          // of what was started, in that order
}

// startDemoWorld starts all of it and makes the users known to the API, each with
// the trouble that is planned for it.
func startDemoWorld(dir string, people []demoUser, now pipeline.Clock) (*demoWorld, error) {
	w := &demoWorld{
		dir: dir, letters: letters{dir: filepath.Join(dir, "mails")},
		sockets: map[string]net.Listener{}, events: make(chan string, 64),
	}
	if err := w.start(now); err != nil {
		return nil, errors.Join(err, w.close())
	}
	w.settle(people)
	return w, nil
}

func (w *demoWorld) start(now pipeline.Clock) (err error) {
	if err := os.Mkdir(w.letters.dir, 0o700); err != nil {
		return fmt.Errorf("make the folder for the mails: %w", err)
	}
	if w.api, err = sandbox.StartAPI(sandbox.APIOptions{Now: now, Latency: 20 * time.Millisecond}); err != nil {
		return err
	}
	w.closers = append(w.closers, w.api.Close)
	w.provider, err = sandbox.StartProvider(sandbox.ProviderOptions{API: w.api, TTL: demoSession, Now: now, OnEvent: w.hear})
	if err != nil {
		return err
	}
	w.closers = append(w.closers, w.provider.Close)
	if w.smtp, err = sandbox.StartSMTP(sandbox.SMTPOptions{Now: now, OnMail: w.letters.keep}); err != nil {
		return err
	}
	w.closers = append(w.closers, w.smtp.Close)
	if w.mailbox, err = sandbox.OpenMailbox(sandbox.MailboxOptions{Mails: w.smtp.Mails}); err != nil {
		return err
	}
	w.closers = append(w.closers, w.mailbox.Close)
	for _, setting := range []string{"public.listen", "operator.listen"} {
		socket, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return fmt.Errorf("open a socket for %s: %w", setting, err)
		}
		w.sockets[setting] = socket
		w.closers = append(w.closers, func() error {
			if err := socket.Close(); !errors.Is(err, net.ErrClosed) { // as it is once it was served
				return err
			}
			return nil
		})
	}
	return nil
}

// settle makes the users known, and their troubles.
func (w *demoWorld) settle(people []demoUser) {
	var faults []sandbox.APIFault
	var refusals []sandbox.SMTPFault
	for _, p := range people {
		u := sandbox.APIUser{ID: p.id, ExternalID: p.externalID, Name: p.name, Type: p.kind}
		refusal := sandbox.SMTPFault{Stage: sandbox.AtRcpt, Action: sandbox.SMTPRefuse, Recipient: p.email}
		switch p.trouble {
		case unknownAtAPI:
			continue
		case wrongTypeAtAPI:
			u.Type = pipeline.Business
		case brokenAtAPI:
			faults = append(faults, sandbox.APIFault{User: p.id, Answer: sandbox.ServerError()})
		case refusedBySMTP:
			refusal.Code, refusal.Enhanced, refusal.Text = 550, "5.1.1", "No such user here"
			refusals = append(refusals, refusal)
		case fullAtSMTP:
			refusal.Code, refusal.Enhanced, refusal.Text = 452, "4.2.2", "Mailbox full"
			refusals = append(refusals, refusal)
		}
		w.api.AddUsers(u)
	}
	w.api.SetFaults(faults...)
	w.smtp.SetFaults(refusals...)
}

// hear keeps what the provider decided for the terminal; when nobody has looked for
// long, the terminal goes without.
func (w *demoWorld) hear(event string, u sandbox.APIUser) {
	select {
	case w.events <- fmt.Sprintf("%s for %s", event, u.Name):
	default:
	}
}

func (w *demoWorld) smtpAddress() string {
	host, port := w.smtp.Addr()
	return net.JoinHostPort(host, strconv.Itoa(port))
}

// address is the one that the setting has in the demo.
func (w *demoWorld) address(setting string) string { return w.sockets[setting].Addr().String() }

// linkHost is the host that links of the provider name.
func (w *demoWorld) linkHost() (string, error) {
	host, _, err := net.SplitHostPort(strings.TrimPrefix(w.provider.URL(), "http://"))
	return host, err
}

// close ends all of it, the latest first.
func (w *demoWorld) close() (err error) {
	for i := range w.closers {
		err = errors.Join(err, w.closers[len(w.closers)-1-i]())
	}
	return err
}
