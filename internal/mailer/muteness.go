package mailer

// muteness finds out about a server, or a filter before it, that answers nothing
// of a group of commands. A network that lost the connection looks the same, and
// may have lost others with it. But a connection that was opened afterwards, and
// has carried a mail one command at a time, was not lost then: when its first group
// is swallowed too, it is the server.
type muteness struct {
	suspected bool
	era       int // counts the suspicions; a connection belongs to the one in which it was opened
}

// swallowed notes a group that was not answered, on a connection of the era, and
// tells whether it is the server.
func (m *muteness) swallowed(era int) bool {
	switch {
	case !m.suspected:
		m.suspected = true
		m.era++
		return false
	case era != m.era:
		return false
	default:
		m.suspected = false
		return true
	}
}

// heard notes a group that was answered.
func (m *muteness) heard() { m.suspected = false }
