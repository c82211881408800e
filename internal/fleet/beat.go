package fleet

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"

	"alta/store"
	"alta/store/postgres"
)

// A machine beats so often in a lease. The others divide the limits without it
// when it has missed three, and settle what it had in hand when its lease is over.
const (
	beatsInLease = 15
	missedBeats  = 3

	tidiesInLease = 8
	tidyWithin    = time.Minute
	queueEvery    = 100 * time.Millisecond
	shredEvery    = 20 // tidies between two looks for what nobody needs any more
)

func (o Options) beatEvery() time.Duration {
	return min(max(o.Lease/beatsInLease, 100*time.Millisecond), 2*time.Second)
}

func (o Options) goneAfter() time.Duration { return missedBeats * o.beatEvery() }

// errSkewed ends a machine that may lead and whose clock was set meanwhile: started
// again, it does not lead.
var errSkewed = errors.New("the clock of this machine is off the database's")

func (m *Member) keepBeating(ctx context.Context) {
	ticks := time.NewTicker(m.beatEvery())
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		// So that a vain beat has ended before the others may take this machine for
		// gone.
		bounded, cancel := context.WithTimeout(ctx, m.goneAfter()-m.beatEvery())
		err := m.beat(bounded)
		cancel()
		switch {
		case errors.Is(err, errSkewed), errors.Is(err, postgres.ErrForgotten), errors.Is(err, postgres.ErrTooOld), errors.Is(err, store.ErrWrongKey):
			m.take(m.division.none())
			m.lost <- err
			return
		case err != nil && ctx.Err() == nil:
			m.missed(err)
		}
	}
}

// keepTidy settles what others left behind, beside the beat, which must not wait
// for it.
func (m *Member) keepTidy(ctx context.Context) {
	ticks := time.NewTicker(m.Lease / tidiesInLease)
	defer ticks.Stop()
	for said := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		bounded, cancel := context.WithTimeout(ctx, tidyWithin)
		err := m.tidy(bounded)
		cancel()
		if err != nil && ctx.Err() == nil && !said {
			m.Log.Warn("what others left behind could not be settled; it is tried again", "error", err)
		}
		said = err != nil
	}
}

// beat tells the others that this machine lives, and takes its share of what they
// leave to it.
func (m *Member) beat(ctx context.Context) error {
	if err := m.Clock.Read(ctx); err != nil {
		return err
	}
	if skew := m.Clock.Skew(); m.mayLead && skew.Abs() > mostSkew {
		return fmt.Errorf("%w by %s: set it right (NTP)", errSkewed, skew.Round(time.Second))
	}
	alive, back, err := m.Ledger.Beat(ctx, m.id, m.draining.Load(), m.Clock.Now(), m.goneAfter())
	if err != nil {
		return err
	}
	now := m.Clock.Now()
	if silent := now.Sub(m.lastBeat()); silent > m.goneAfter() {
		m.steadySince.Store(now.UnixMilli())
		if m.divided {
			m.Log.Info("the ledger answers again", "after", silent.Round(time.Second))
		}
	}
	m.beaten.Store(now.UnixMilli())
	if back {
		m.Log.Warn("the other machines took this one for gone, and settled what it had in hand")
	}
	share := Share{Machines: len(alive)}
	for i, other := range alive {
		if other.ID == m.id {
			share.Machine = i
		}
	}
	m.take(m.division.update(share, m.Clock.Now()))
	return m.lookForOutage(ctx)
}

func (m *Member) lastBeat() time.Time { return time.UnixMilli(m.beaten.Load()) }

// missed gives the share up before the others may take it. What is on the wire
// comes to its end; nothing new begins, for the ledger could not be told.
func (m *Member) missed(err error) {
	silent := m.Clock.Now().Sub(m.lastBeat())
	if silent < m.goneAfter()-m.beatEvery() {
		return
	}
	if m.share.Machines > 0 {
		m.Log.Error("the ledger could not be told that this machine lives; it begins nothing new until it can", "error", err)
	}
	m.take(m.division.none())
}

// take makes the machine keep to the share, and take deliveries only while that is
// enough to send at all. What waits for a connection that the machine has no more
// goes back, since the others have some.
func (m *Member) take(s Share) {
	if s == m.share && m.divided {
		return
	}
	m.share, m.divided = s, true
	usable := m.Work.Divide(s)
	if before := m.usable.Swap(usable); before && !usable {
		m.wave.endAll()
	}
}

// keepQueue makes River take deliveries while this machine may send. River waits
// for the mails of a queue that it leaves, for which the beat must not wait.
func (m *Member) keepQueue(ctx context.Context) {
	ticks := time.NewTicker(queueEvery)
	defer ticks.Stop()
	for said := false; ; {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		err := m.setQueue(ctx)
		if err != nil && ctx.Err() == nil && !said {
			m.Log.Error("River could not be told whether to take deliveries; it is told again", "error", err)
		}
		said = err != nil
	}
}

// setQueue is for one goroutine at a time.
func (m *Member) setQueue(ctx context.Context) error {
	usable := m.usable.Load()
	if usable == m.queued {
		return nil
	}
	var err error
	if usable {
		err = m.river.Queues().Add(deliverQueue, river.QueueConfig{MaxWorkers: m.Workers})
		if err != nil {
			// River keeps a queue that it could not start, and would take it for started.
			err = errors.Join(err, m.river.Queues().Remove(ctx, deliverQueue))
		}
	} else {
		err = m.river.Queues().Remove(ctx, deliverQueue)
	}
	if err == nil {
		m.queued = usable
	}
	return err
}

// lookForOutage ends the wave when another machine has met an outage, so that
// what only waits here goes back.
func (m *Member) lookForOutage(ctx context.Context) error {
	paused, err := m.Ledger.Pauses(ctx)
	if err != nil {
		return err
	}
	for i, p := range paused {
		if !p.IsOutage() {
			continue
		}
		if before := m.seen.Swap(&paused[i]); before == nil || before.Since != p.Since {
			m.wave.end()
		}
		return nil
	}
	m.seen.Store(nil)
	return nil
}

// tidy settles what machines that are gone had in hand, and now and then drops
// what nobody needs any more. It does so while this machine drains, too: a run that
// comes to its end here waits for what another one had in hand, and there may be no
// third to settle that.
func (m *Member) tidy(ctx context.Context) error {
	now := m.Clock.Now()
	if now.Sub(m.lastBeat()) > m.goneAfter() {
		return nil // and the others may be as silent
	}
	// Until the ledger has answered for a lease, as after its restart, nobody can say
	// of a machine that did not beat whether it could.
	var grace time.Duration
	if now.Sub(time.UnixMilli(m.steadySince.Load())) < m.Lease {
		grace = m.Lease
	}
	passed, err := m.Ledger.PassOn(ctx, now.Add(-grace), carryOn(m.river))
	if err != nil {
		return err
	}
	offered, err := m.Ledger.OfferAgain(ctx, pullArgs{}.Kind(), now.Add(-grace))
	if err != nil {
		return err
	}
	returned, doubted, err := m.Ledger.RecoverAfter(ctx, now, grace, m.Work.Judge)
	if err != nil {
		return err
	}
	if passed+offered+returned+doubted > 0 {
		m.Log.Warn("settled what was left behind", "runs", passed+offered, "put_back", returned, "in_doubt", doubted)
	}
	if err := m.remember(ctx, now); err != nil {
		return err
	}
	if m.tidies++; m.tidies%shredEvery != 1 {
		return nil
	}
	if err := m.Ledger.Shred(ctx, now); err != nil {
		return err
	}
	return m.Ledger.Forget(ctx, now)
}

// remember asks for a run where an operator waits for a mail and nobody makes one:
// whoever asked may have ended before he could say so.
func (m *Member) remember(ctx context.Context, now time.Time) error {
	if m.Schedule == nil || m.draining.Load() {
		return nil
	}
	due, err := m.Ledger.OperatorDue(ctx, now)
	if err != nil || !due {
		return err
	}
	idle, err := m.Ledger.Idles(ctx, pullArgs{}.Kind(), now.Add(-againAfter))
	if err != nil || !idle {
		return err
	}
	_, err = ask(ctx, m.river, store.ByResend, 0)
	return err
}
