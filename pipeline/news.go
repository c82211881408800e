package pipeline

import "context"

// News is what the partner tells of a user.
type News struct {
	ExternalID string
	Event      string
	Status     Status // what the event means; "" for one that alta does not know
}

// Effect is what came of news.
type Effect string

// The effects of news. What is not applied or known already waits for an operator.
const (
	Applied      Effect = "applied"
	KnownAlready Effect = "known"         // the user is there, or further
	UnknownUser  Effect = "unknown_user"  // nobody has the external id
	SeveralUsers Effect = "several_users" // more than one has
	UnknownEvent Effect = "unknown_event"
	Contradicts  Effect = "contradicts" // the verification had the other end before
)

// Inquirer asks the partner API where a user stands.
type Inquirer interface {
	// Inquire returns what is known of the user's verification, "" for nothing that
	// alta knows a word for. Its error is a [Fault].
	Inquire(ctx context.Context, u User) (Status, error)
}

// Teller tells the ledger what the partner said of a user.
type Teller interface {
	// Tell moves the user's status forward, as [Status.Advance] does.
	Tell(ctx context.Context, u User, s Status) error
}

// Inquire asks where the user stands right before a link is minted, so that who is
// verified hears no more, even where no webhook came. asks tells for which
// deliveries.
func Inquire(api Inquirer, ledger Teller, asks func(*Delivery) bool) Stage {
	return func(ctx context.Context, d *Delivery) error {
		if !asks(d) {
			return nil
		}
		status, err := api.Inquire(ctx, d.User)
		if err != nil {
			return err
		}
		if status == "" || d.User.Status.Advance(status) == d.User.Status {
			return nil
		}
		if err := ledger.Tell(context.WithoutCancel(ctx), d.User, status); err != nil {
			return unwritable(err)
		}
		return &Fault{Kind: Cancel, Code: "user_" + string(status), Reason: "the partner API says that the user is " + string(status)}
	}
}
