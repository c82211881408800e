package capa

import "math"

// firstCalls is how many calls a client makes at one time before it knows
// anything of the API: about what a web browser and its tabs would.
const firstCalls = 16

// limit is how many calls may be under way at one time. Nobody documents what
// the partner API takes, so it is found out as TCP finds out what a network
// takes (RFC 5681): each call that goes well adds one, until the first overload,
// which cuts the limit to half; from then on it takes as many calls as the limit
// allows to add one.
type limit struct {
	most   int // never more than this; 0 allows none
	now    int // what the API is known to take, at least 1; it may exceed a most that was lowered
	steady int // from here on it grows slowly; unknown before the first overload
	well   int // calls that went well since it last grew, while it grows slowly
	cuts   int // how often it became less
}

// unsteady is where a limit grows slowly before any overload: nowhere.
const unsteady = math.MaxInt

// newLimit returns the limit of a client that may make up to most calls.
func newLimit(most int) limit {
	return limit{most: most, now: min(most, firstCalls), steady: unsteady}
}

// places returns how many calls may be under way.
func (l *limit) places() int { return min(l.now, l.most) }

// answered notes a call that the API coped with. full tells that as many calls
// as may be were under way: a limit that nobody comes up against says nothing
// about what lies above it.
func (l *limit) answered(full bool) {
	if !full || l.now >= l.most {
		return
	}
	if l.now >= l.steady {
		if l.well++; l.well < l.now {
			return
		}
	}
	l.now, l.well = l.now+1, 0
}

// overloaded notes a call that was too much for the API. cuts is the count of
// when the call began: those that were under way together are one overload.
func (l *limit) overloaded(cuts int) {
	if cuts != l.cuts {
		return
	}
	l.cuts++
	l.now, l.well = max(1, l.places()/2), 0
	l.steady = l.now
}

// resize sets the most. What the API was found to take is kept for when there is
// room for it again. Calls that began when there were more places say nothing
// about how many are left, so a smaller share counts as a cut. A larger one lets
// a client that has met no overload begin as a new one would.
func (l *limit) resize(most int) {
	if most < l.places() {
		l.cuts++
	}
	l.most = most
	if l.steady == unsteady {
		l.now = max(l.now, min(most, firstCalls))
	}
}
