package store

import "alta/pipeline"

// TheUser is the [Act.Actor] of what a user does by a link in a mail.
const TheUser = "the user"

// EndsWith tells what ends when a user's status changes: the links that wait to be
// mailed, the sessions, and the tickets. A status that stays ends nothing: a user
// who opted out may have what an operator asked for since.
func EndsWith(was, is pipeline.Status) (links, sessions, tickets bool) {
	if was == is {
		return false, false, false
	}
	return is != pipeline.Pending, !GoesOn(is), is == pipeline.OptedOut
}
