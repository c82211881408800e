package fleet

import "time"

// Share is the part of the fleet's limits that one machine may use.
type Share struct {
	Machine, Machines int // its place among those that live, from 0, and how many do
}

// Connections divides a number of connections, so that the shares of all machines
// add up to it. There may be fewer connections than machines; then the last ones
// get none.
func (s Share) Connections(total int) int {
	if s.Machines <= 0 {
		return 0
	}
	share := total / s.Machines
	if s.Machine < total%s.Machines {
		share++
	}
	return share
}

// Rate divides events per second; 0 is unlimited, for each machine too.
func (s Share) Rate(total float64) float64 {
	if s.Machines <= 0 {
		return total
	}
	return total / float64(s.Machines)
}

// Among is the share of what only the first n machines can use. It is at least that
// of one.
func (s Share) Among(n int) Share {
	s.Machines = min(s.Machines, max(n, 1))
	return s
}

// division says how much of its share a machine takes when the fleet changes. Less
// it takes at once. More it takes after the time in which the others, as long as they
// beat, have given it up; it does not look whether they have.
type division struct {
	wait time.Duration // for the others

	now    Share // in use
	wanted Share
	since  time.Time // when wanted was first seen
}

// update notes how the fleet stands and returns the share to use from now on.
func (d *division) update(wanted Share, now time.Time) Share {
	if wanted != d.wanted {
		d.wanted, d.since = wanted, now
	}
	alone := wanted.Machines == 1
	if alone && d.now.Machines == 0 || now.Sub(d.since) >= d.wait {
		d.now = wanted
	} else if d.now.Machines != 0 && !wanted.grows(d.now) {
		d.now = wanted
	}
	return d.now
}

// none gives the share up: the machine can't tell whether the others take it for
// gone.
func (d *division) none() Share {
	d.now, d.wanted = Share{}, Share{}
	return d.now
}

// grows tells whether any limit could be larger in s than in old.
func (s Share) grows(old Share) bool {
	return s.Machines < old.Machines || s.Machine < old.Machine
}
