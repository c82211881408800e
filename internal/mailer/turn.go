package mailer

import (
	"context"
	"errors"
	"time"
)

// errElsewhere says that the message has not begun and that another connection may
// well carry it.
var errElsewhere = errors.New("the connection is of no use")

// errUnheard says that the message has not begun and that the server answered the
// first of the commands that came in one write, and not the others.
var errUnheard = errors.New("the server does not answer what it was sent in one write")

// turn is one sender's time on a connection. It begins with the right to write:
// from the first byte of the envelope to the last of the message. The right to
// read, from the answers to the envelope to the one to the final dot, may come
// later. Once a sender has written the dot the next one may write, so that a
// connection carries one mail per round trip (RFC 2920, section 3.1: a group of
// commands may follow the message).
//
// A message begins only after its 354 was read, hence after the answer to the one
// before it. So there is never more than one on a connection that is not answered:
// however the network breaks, doubts don't outnumber connections. The ledger knows
// the mail behind it as one that is being sent, though, so that a crash leaves more.
type turn struct {
	pool  *pool
	c     *connection
	epoch int  // of the pool's capacity
	kept  bool // the connection has waited for a mail before
	plain bool // it sends one command at a time, to see whether that helps

	chained bool // it began behind another sender
	behind  bool // it still is; only the pool may end this
	spoke   bool // commands were written
	lost    bool // the connection ended before the turn came
}

// carry sends one mail. It returns errElsewhere, errUnheard, a failure, or what
// begin returned.
func (t *turn) carry(ctx context.Context, m outgoing, begin func() error) (reply, error) {
	defer t.end()
	if t.plain {
		t.c.pipelining = false // nobody else is on it
	}
	done := false
	defer func() {
		if !done && !t.behind { // a bug: nobody knows what the server expects next
			t.c.drop()
		}
	}()
	said, err := t.talk(ctx, m, begin)
	done = true
	return said, err
}

func (t *turn) talk(ctx context.Context, m outgoing, begin func() error) (reply, error) {
	if err := begin(); err != nil {
		return reply{}, err // nothing was written: the connection is as good as before
	}
	if err := t.propose(m); err != nil {
		return reply{}, err
	}
	if err := t.front(ctx); err != nil {
		return reply{}, err
	}
	if f := t.c.agree(m); f != nil {
		return reply{}, t.judge(f)
	}
	if t.plain {
		t.pool.unpipe()
	}
	if f := t.c.transfer(m); f != nil {
		return reply{}, t.judge(f)
	}
	t.pool.yield(t.c)
	said, f := t.c.verdict(m)
	if f != nil {
		return reply{}, t.judge(f)
	}
	return said, nil
}

// propose writes the envelope where it may be written at once. An error leaves
// the connection to whoever is in front, whose answer may still come.
func (t *turn) propose(m outgoing) error {
	if !t.c.pipelining {
		return nil
	}
	t.spoke = true
	if t.c.propose(m) == nil {
		return nil
	}
	if !t.behind {
		t.c.drop()
	}
	return errElsewhere // which says nothing about the server: it was not heard
}

// front waits until the next answer is for this sender. It does not wait long
// behind a mail that the server takes its time for when another connection is
// free, and not for ever while there are others. After a stop it does not wait at
// all: its message has not begun.
func (t *turn) front(ctx context.Context) error {
	if !t.behind {
		return nil
	}
	look := time.NewTicker(t.pool.look)
	defer look.Stop()
	for looks := 1; ; {
		select {
		case alive := <-t.c.next:
			t.behind = false
			if t.lost = !alive; t.lost {
				return errElsewhere
			}
			return nil
		case <-ctx.Done():
			return errElsewhere // where the stop is met
		case <-look.C:
			if t.pool.hasRoom(looks >= mostLooks) {
				return errElsewhere
			}
			looks++
		}
	}
}

// judge passes a failure on, or says that another connection should be tried.
func (t *turn) judge(f *failure) error {
	if f.throttles(t.kept) {
		t.pool.slow(t.epoch)
	}
	if t.c.pipelining && f.step == atMAIL && timedOut(f.err) {
		return errUnheard // RSET came in the same write, and was answered
	}
	if !f.elsewhere(t.kept, t.chained) {
		return *f
	}
	switch unheard := f.step == atRSET && timedOut(f.err); {
	case unheard && t.chained:
		// The mail before was answered, and what followed it was not: the server
		// does not take commands behind a message, whatever it offers.
		t.pool.unchain()
	case unheard && t.c.pipelining:
		t.pool.swallowed(t.c)
	}
	return errElsewhere
}

// end gives the connection back.
func (t *turn) end() {
	if t.behind {
		if t.pool.leave(t.c, t.spoke) {
			return
		}
		if t.lost = !<-t.c.next; !t.lost && t.spoke {
			t.c.drop() // the answers to the envelope would be taken for others
		}
	}
	if !t.lost {
		t.pool.put(t.c)
	}
}
