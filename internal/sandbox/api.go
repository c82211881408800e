package sandbox

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"alta/pipeline"
)

// APIOptions says how the simulated partner API behaves. Only Now is required.
type APIOptions struct {
	// Addr is where to listen; "" is a free port of 127.0.0.1.
	Addr string

	// Key is the API key that it accepts; "" is a fixed one, see [API.Key].
	Key string

	// Now stamps the mints.
	Now pipeline.Clock

	// Users are known from the start; [API.AddUsers] adds more.
	Users []APIUser

	// AnyUser answers for unknown ids too, as if each were a user of whatever
	// type is asked for.
	AnyUser bool

	// Answers and Errors choose among the shapes that the documentation
	// leaves open.
	Answers AnswerShape
	Errors  ErrorShape

	// LinkURL replaces https://kyc.sandbox.example/session in the links. A
	// [Provider] puts itself there.
	LinkURL string

	// Latency delays every answer.
	Latency time.Duration

	// WebhookURL is where webhooks go until another address is registered;
	// WebhookSecret signs them, "" is a fixed one, see [API.WebhookSecret].
	WebhookURL    string
	WebhookSecret string
}

// AnswerShape is how a minted link is wrapped.
type AnswerShape int

// The documentation gives the first as schema, the second as example.
const (
	NestedAnswer AnswerShape = iota // {"success":true,"data":{"kycLink":"…"}}
	FlatAnswer                      // {"kycLink":"…"}
)

// ErrorShape is how the code and message of an error are wrapped, which the
// documentation does not say.
type ErrorShape int

// The usual shapes of error bodies.
const (
	FlatError   ErrorShape = iota // {"code":"…","message":"…"}
	NestedError                   // {"error":{"code":"…","message":"…"}}
	FailError                     // {"success":false,"error":"CODE","message":"…"}
	ListError                     // {"statusCode":400,"errorCode":"CODE","message":["…"],"error":"Bad Request"}
)

// APIUser is a user whom the partner API knows.
type APIUser struct {
	ID         string
	ExternalID string            // the partner's own id, by which webhooks name the user; "" is ID
	Name       string            // as the provider's page shows it; "" is ID
	Type       pipeline.UserType // "" is an Individual
	Foreign    bool              // belongs to another partner
}

// Mint is one link that was minted.
type Mint struct {
	User        string
	Type        pipeline.UserType // Business for KYB
	Country     pipeline.Country
	RedirectURI string
	Link        pipeline.Secret
	At          time.Time
}

// API is a simulated partner API. It is safe for concurrent use, and its users
// and faults can be changed while it runs.
type API struct {
	opts     APIOptions
	listener net.Listener
	server   *http.Server
	stopping context.Context // ends when Close begins
	stop     context.CancelFunc
	running  sync.WaitGroup // Serve and the requests under way

	mu       sync.Mutex
	closed   bool
	users    map[string]APIUser
	verdicts map[string]string // verificationResult by user id
	faults   []*armedFault
	calls    int
	mints    []Mint
	webhook  string // where webhooks go, "" before one is registered
}

// StartAPI listens and serves until [API.Close].
func StartAPI(opts APIOptions) (*API, error) {
	if opts.Now == nil {
		return nil, errors.New("start the simulated partner API: APIOptions.Now is missing")
	}
	opts.Addr = cmp.Or(opts.Addr, "127.0.0.1:0")
	opts.Key = cmp.Or(opts.Key, "sandbox-partner-api-key")
	opts.WebhookSecret = cmp.Or(opts.WebhookSecret, "sandbox-webhook-secret")
	opts.LinkURL = cmp.Or(opts.LinkURL, "https://kyc.sandbox.example/session")
	listener, err := net.Listen("tcp", opts.Addr)
	if err != nil {
		return nil, fmt.Errorf("start the simulated partner API: %w", err)
	}
	a := &API{opts: opts, listener: listener, users: map[string]APIUser{}, verdicts: map[string]string{}, webhook: opts.WebhookURL}
	a.stopping, a.stop = context.WithCancel(context.Background())
	a.AddUsers(opts.Users...)
	a.server = &http.Server{
		Handler:           a.routes(),
		ReadHeaderTimeout: 10 * time.Second,
		ErrorLog:          log.New(io.Discard, "", 0),
	}
	// Serve only ever ends because of Close, which is no error.
	a.running.Go(func() { _ = a.server.Serve(listener) })
	return a, nil
}

// URL is the base URL, without a final slash.
func (a *API) URL() string { return "http://" + a.listener.Addr().String() }

// Key is the API key that is accepted. It opens nothing but this sandbox.
func (a *API) Key() string { return a.opts.Key }

// Close stops listening, ends every request, hung ones too, and waits for
// them. It may be called twice.
func (a *API) Close() error {
	a.mu.Lock()
	a.closed = true
	a.mu.Unlock()
	a.stop()
	err := a.server.Close()
	a.running.Wait()
	if err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("close the simulated partner API: %w", err)
	}
	return nil
}

// AddUsers makes the users known, replacing those with the same id.
func (a *API) AddUsers(users ...APIUser) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, u := range users {
		if u.Type == "" {
			u.Type = pipeline.Individual
		}
		a.users[u.ID] = u
	}
}

// LinkTo lets the links that are minted from now on begin with the URL.
func (a *API) LinkTo(url string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.opts.LinkURL = url
}

// SetVerification sets what kyc/details says about the user, for example
// "VERIFIED", the one value that is documented.
func (a *API) SetVerification(user, result string) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.verdicts[user] = result
}

// Calls returns how many mint requests have come in, refused ones included.
func (a *API) Calls() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls
}

// Mints returns the links that were minted, oldest first.
func (a *API) Mints() []Mint {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Mint(nil), a.mints...)
}

// Session returns the mint of a link, and the user whom it is for.
func (a *API) Session(link string) (m Mint, u APIUser, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, m := range slices.Backward(a.mints) {
		if m.Link.Reveal() == link {
			u := a.users[m.User] // nothing of one whom only AnyUser knows
			u.ID = m.User
			u.ExternalID, u.Name = cmp.Or(u.ExternalID, u.ID), cmp.Or(u.Name, u.ID)
			return m, u, true
		}
	}
	return Mint{}, APIUser{}, false
}
