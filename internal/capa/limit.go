package capa

// firstCalls is how many calls a client makes at one time before it knows
// anything of the API: about what a web browser and its tabs would.
const firstCalls = 16

// limit is how many calls may be under way at one time. Nobody documents what
// the partner API takes, so it is found out as TCP finds out what a network
// takes (RFC 5681): each call that goes well adds one, until the first overload,
// which cuts the limit to half; from then on it takes as many calls as the limit
// allows to add one.
type limit struct {
	most   int // never more than this
	now    int // from 1 to most
	steady int // from here on it grows slowly
	well   int // calls that went well since it last grew, while it grows slowly
	cuts   int
}

// newLimit returns the limit of a client that may make up to most calls.
func newLimit(most int) limit {
	return limit{most: most, now: min(most, firstCalls), steady: most}
}

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
	l.now, l.well = max(1, l.now/2), 0
	l.steady = l.now
}
