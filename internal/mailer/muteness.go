package mailer

// muteness is what is known about a server that answered nothing of a group of
// commands. A network that lost the connection looks the same at first. But where
// a command at a time works right afterwards, and the next group is swallowed
// again, it is the server, or a filter before it.
type muteness int

const (
	hears      muteness = iota // nothing speaks against it
	mayBeMute                  // a group was not answered
	hearsPlain                 // and then one command at a time was
)

// plain is what is known once commands were answered one at a time.
func (m muteness) plain() muteness {
	if m == mayBeMute {
		return hearsPlain
	}
	return m
}
