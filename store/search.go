package store

import (
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"alta/pipeline"
)

// Search is what an operator looks for among the users; zero fields match every
// user.
type Search struct {
	// Text is how an e-mail address (whatever its case), a name (whatever its case,
	// and with or without the accents of Spanish), a Capa id or an external id begins.
	Text string

	Country pipeline.Country
	Status  pipeline.Status
	Type    pipeline.UserType
	Locale  pipeline.Locale
	Stage   Stage

	After string // where the page before ended, as it was returned; "" for the first page
	Limit int    // at most so many; 0 is [PageOfUsers]
}

// PageOfUsers is how many users a page has when nobody says so, and
// mostOfUsers how many it has at most.
const (
	PageOfUsers = 50
	mostOfUsers = 1000
)

// ErrCursor says that [Search.After] is not what a page before has returned.
var ErrCursor = errors.New("the place to go on from is not one of this search; begin with the first page")

// Stage is a place in the funnel, as [Funnel] counts them. Users who have opened
// their link are among those who were mailed.
type Stage string

// The stages.
const (
	StageWaiting   Stage = "waiting"   // pending, no mail yet
	StageMailed    Stage = "mailed"    // pending, at least one mail
	StageOpened    Stage = "opened"    // pending, has opened the link of a mail
	StageWithdrawn Stage = "withdrawn" // pending, but the source query no longer returns them
	StageBadEmail  Stage = "bad_email" // pending, but the address is undeliverable
)

// Stages returns every stage.
func Stages() []Stage {
	return []Stage{StageWaiting, StageMailed, StageOpened, StageWithdrawn, StageBadEmail}
}

// Condition is what the stage asks of a pending user u, in the SQL of any engine;
// "" for no stage. A stage that nobody knows matches no user.
func (s Stage) Condition() string {
	switch s {
	case "":
		return ""
	case StageWaiting:
		return `u.mails = 0`
	case StageMailed:
		return `u.mails > 0`
	case StageOpened:
		return `u.opened_at IS NOT NULL`
	case StageWithdrawn:
		return `u.withdrawn`
	case StageBadEmail:
		return `u.address_bad`
	}
	return `u.key < 0`
}

// Order is one of the orders in which users are found: one after the other those
// whose id begins with the text, whose external id does, whose address, whose name.
type Order int

// The orders.
const (
	ByKey Order = iota // without a text
	ByID
	ByExternalID
	ByEmail
	ByName
)

// Place is a user's in an order.
type Place struct {
	Order Order  `json:"o"`
	Value string `json:"v,omitempty"` // what the order goes by
	Key   int64  `json:"k"`           // of the user, among those with the same value
}

// Part is a part of an order that is one range of an index.
type Part int

// The parts.
const (
	Whole Part = iota // from the beginning
	Same              // behind the place, with the same value
	Later             // behind the place, with a later value
)

// Range is a range of an index in which to look for users.
type Range struct {
	Part Part
	From Place // for Whole only its order counts
}

// Found is a user who matches, and the value that the order goes by.
type Found struct {
	UserRecord
	Value string
}

// How many users of a range are looked at. Filters that no index knows can turn
// down nearly all of them: after a few come many, and after those the page ends,
// short, with the place to go on from.
const (
	fewLookedAt  = 500
	manyLookedAt = 5000
)

// Page finds a page of users and where the next one begins, "" behind the last.
// look returns, of the first most users of the range, up to n who match, and where
// it stopped if there are more of them.
//
// A page can be short, and even empty, when few of very many match: then the place
// to go on from is there all the same.
func (q Search) Page(look func(r Range, n, most int) (found []Found, stopped *Place, err error)) (page []UserRecord, next string, err error) {
	n := min(q.Limit, mostOfUsers)
	if n <= 0 {
		n = PageOfUsers
	}
	ranges, err := q.ranges()
	if err != nil {
		return nil, "", err
	}
	var last Place
	for _, r := range ranges {
		for _, most := range []int{fewLookedAt, manyLookedAt} {
			// One more than the page takes tells whether there is another page.
			found, stopped, err := look(r, n+1-len(page), max(most, n+1))
			if err != nil {
				return nil, "", err
			}
			if stopped != nil && most < manyLookedAt && len(found) < n+1-len(page) {
				continue // look at more
			}
			for _, f := range found {
				if len(page) == n {
					return page, last.String(), nil
				}
				page, last = append(page, f.UserRecord), Place{r.From.Order, f.Value, f.Key}
			}
			if stopped != nil {
				return page, stopped.String(), nil
			}
			break
		}
	}
	return page, "", nil
}

// ranges are the ranges of indexes in which users can match, in their order.
func (q Search) ranges() (all []Range, err error) {
	orders := []Order{ByKey}
	if q.text() != "" {
		orders = []Order{ByID, ByExternalID, ByEmail, ByName}
	}
	if q.After == "" {
		for _, o := range orders {
			all = append(all, Range{Whole, Place{Order: o}})
		}
		return all, nil
	}
	at, err := parsePlace(q.After)
	if err != nil {
		return nil, err
	}
	i := slices.Index(orders, at.Order)
	if i < 0 {
		return nil, ErrCursor
	}
	all = append(all, Range{Same, at})
	if at.Order != ByKey {
		all = append(all, Range{Later, at})
	}
	for _, o := range orders[i+1:] {
		all = append(all, Range{Whole, Place{Order: o}})
	}
	return all, nil
}

func (q Search) text() string { return strings.TrimSpace(q.Text) }

// String is how a place is handed out.
func (p Place) String() string {
	text, err := json.Marshal(p)
	if err != nil {
		return "" // a string and two numbers always have a JSON
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

func parsePlace(s string) (p Place, err error) {
	text, err := base64.RawURLEncoding.DecodeString(s)
	if err == nil {
		err = json.Unmarshal(text, &p)
	}
	if err == nil && strings.ContainsRune(p.Value, 0) {
		err = errors.New("it holds the byte 0")
	}
	if err != nil {
		return Place{}, fmt.Errorf("%w: %w", ErrCursor, err)
	}
	return p, nil
}
