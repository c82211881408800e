package fleet

import (
	"context"
	"time"

	"github.com/riverqueue/river"
)

// A machine beats so often in a lease. The others divide the limits without it
// when it has missed three, and settle what it had in hand when its lease is over.
const (
	beatsInLease = 15
	missedBeats  = 3

	tidiesInLease = 8
	tidyWithin    = time.Minute
	shredEvery    = 20 // tidies between two looks for what nobody needs any more
)

func (o Options) beatEvery() time.Duration {
	return min(max(o.Lease/beatsInLease, 100*time.Millisecond), 2*time.Second)
}

func (o Options) goneAfter() time.Duration { return missedBeats * o.beatEvery() }

func (m *Member) keepBeating(ctx context.Context) {
	ticks := time.NewTicker(m.beatEvery())
	defer ticks.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-ticks.C:
		}
		bounded, cancel := context.WithTimeout(ctx, m.goneAfter())
		err := m.beat(bounded)
		cancel()
		if err != nil && ctx.Err() == nil {
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
	alive, back, err := m.Ledger.Beat(ctx, m.id, m.draining.Load(), m.Clock.Now(), m.goneAfter())
	if err != nil {
		return err
	}
	if !m.unread.IsZero() {
		m.Log.Info("the ledger answers again", "after", m.Clock.Now().Sub(m.unread).Round(time.Second))
		m.unread = time.Time{}
	}
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

// missed gives the share up once the others may take this machine for gone. What
// is on the wire comes to its end; nothing new begins, for the ledger could not be
// told.
func (m *Member) missed(err error) {
	now := m.Clock.Now()
	if m.unread.IsZero() {
		m.unread = now
		m.Log.Error("the ledger could not be told that this machine lives", "error", err)
	}
	if now.Sub(m.unread) >= m.goneAfter()-m.beatEvery() {
		m.take(m.division.none())
		m.wave.end()
	}
}

// take makes the machine keep to the share, and take deliveries only while it has
// one.
func (m *Member) take(s Share) {
	if s == m.share && m.divided {
		return
	}
	m.share, m.divided = s, true
	usable := m.Work.Divide(s)
	if usable == m.usable.Swap(usable) {
		return
	}
	var err error
	if usable {
		err = m.river.Queues().Add(deliverQueue, river.QueueConfig{MaxWorkers: m.Workers})
	} else {
		// River waits for the jobs of a queue that it removes. They need none of what
		// this machine has lost but a connection, so that the beat must not wait.
		m.beating.Go(func() {
			if err := m.river.Queues().Remove(context.WithoutCancel(m.wave.base), deliverQueue); err != nil {
				m.Log.Warn("River could not be told to take no more deliveries", "error", err)
			}
		})
	}
	if err != nil {
		m.Log.Error("River could not be told to take deliveries", "error", err)
		m.usable.Store(false)
	}
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
// what nobody needs any more.
func (m *Member) tidy(ctx context.Context) error {
	if m.draining.Load() {
		return nil
	}
	now := m.Clock.Now()
	passed, err := m.Ledger.PassOn(ctx, now, carryOn(m.river))
	if err != nil {
		return err
	}
	returned, doubted, err := m.Ledger.Recover(ctx, now, m.Work.Judge)
	if err != nil {
		return err
	}
	if passed+returned+doubted > 0 {
		m.Log.Warn("settled what a machine that is gone left behind", "runs", passed, "put_back", returned, "in_doubt", doubted)
	}
	if m.tidies++; m.tidies%shredEvery != 1 {
		return nil
	}
	if err := m.Ledger.Shred(ctx, now); err != nil {
		return err
	}
	return m.Ledger.Forget(ctx, now)
}
