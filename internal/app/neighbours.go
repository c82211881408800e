package app

import (
	"cmp"
	"container/heap"
	"slices"
	"strings"

	"alta/pipeline"
)

// mostAtHand is how many octets of users an import keeps at hand: some 40,000 of
// the usual ones. More of them would be of little use: the closer the ids of a
// batch are, the farther apart stand its addresses, which have an index as well.
const mostAtHand = 6 << 20

// neighbours puts users in the order of their ids, as far as a bounded number of
// them allows, so that those of one batch have their places close together in the
// ledger's index of ids. Ids are random, and in the order of the file each batch
// would change nearly every page of that index, for a user or two.
//
// It is replacement selection, the first half of an external sort: of the users at
// hand the first one goes on and makes room for the next one of the file. Who
// comes too late for a place waits for the next ascent. An ascent of random ids is
// twice as long as the number of users at hand.
//
// Records with the same id keep their order, so that the later one wins.
type neighbours struct {
	atHand packedUsers
	octets int // of those at hand
	most   int // octets at hand
	batch  int // users who are written together
	users  int // who were added
	latest packedUser
	write  func(pipeline.User) error
}

func newNeighbours(most, batch int, write func(pipeline.User) error) *neighbours {
	return &neighbours{most: most, batch: batch, write: write}
}

func (n *neighbours) add(u pipeline.User) error {
	n.users++
	next := pack(u)
	next.place, next.ascent = n.users, n.latest.ascent
	if next.id < n.latest.id {
		next.ascent++
	}
	n.atHand = append(n.atHand, next)
	heap.Fix(n.atHand, len(n.atHand)-1)
	for n.octets += next.size(); n.octets > n.most; n.octets -= n.latest.size() {
		n.latest = n.takeFirst()
		if err := n.write(n.latest.unpack()); err != nil {
			return err
		}
	}
	return nil
}

// takeFirst takes the first one of those at hand away.
func (n *neighbours) takeFirst() packedUser {
	first, end := n.atHand[0], len(n.atHand)-1
	n.atHand[0], n.atHand[end] = n.atHand[end], packedUser{}
	n.atHand = n.atHand[:end]
	if end > 0 {
		heap.Fix(n.atHand, 0)
	}
	return first
}

// flush writes those at hand. A list that is one batch anyway is left in the order
// of the file.
func (n *neighbours) flush() error {
	rest := n.atHand
	n.atHand, n.octets = nil, 0
	order := packedUser.compare
	if n.users <= n.batch {
		order = packedUser.comparePlace
	}
	slices.SortFunc(rest, order)
	for _, p := range rest {
		if err := n.write(p.unpack()); err != nil {
			return err
		}
	}
	return nil
}

// packedSize is that of a packedUser without its texts.
const packedSize = 48

// packedUser is a user at hand, in a third of the memory of a [pipeline.User] and
// its texts.
type packedUser struct {
	id     string
	fields string // all of them, the id first; none holds a NUL
	ascent int
	place  int // in the file
}

func pack(u pipeline.User) packedUser {
	fields := strings.Join([]string{
		u.ID, u.ExternalID, u.Email, u.Name, string(u.Country), string(u.Locale), u.TimeZone, string(u.Type), string(u.Status),
	}, "\x00")
	return packedUser{id: fields[:len(u.ID)], fields: fields}
}

func (p packedUser) unpack() pipeline.User {
	rest := p.fields
	next := func() (field string) {
		field, rest, _ = strings.Cut(rest, "\x00")
		return field
	}
	return pipeline.User{
		ID: next(), ExternalID: next(), Email: next(), Name: next(), Country: pipeline.Country(next()),
		Locale: pipeline.Locale(next()), TimeZone: next(), Type: pipeline.UserType(next()), Status: pipeline.Status(next()),
	}
}

// size is how many octets of memory the user takes.
func (p packedUser) size() int { return packedSize + len(p.fields) }

// compare is written out, since the heap spends nearly all of its time here.
func (p packedUser) compare(other packedUser) int {
	if p.ascent != other.ascent {
		return cmp.Compare(p.ascent, other.ascent)
	}
	if p.id != other.id {
		return strings.Compare(p.id, other.id)
	}
	return p.comparePlace(other)
}

func (p packedUser) comparePlace(other packedUser) int { return cmp.Compare(p.place, other.place) }

// packedUsers implements [heap.Interface], of which neighbours neither pushes nor
// pops: that would put each user into an interface.
type packedUsers []packedUser

func (p packedUsers) Len() int           { return len(p) }
func (p packedUsers) Less(i, j int) bool { return p[i].compare(p[j]) < 0 }
func (p packedUsers) Swap(i, j int)      { p[i], p[j] = p[j], p[i] }
func (p packedUsers) Push(any)           { panic("users at hand are fixed in place, never pushed") }
func (p packedUsers) Pop() any           { panic("users at hand are fixed in place, never popped") }
