package store

import (
	"time"
)

// SessionState is how far a session has come.
type SessionState string

// The states of a session. One that is still being minted when its lease is over
// has failed, and is in doubt.
const (
	SessionMinting SessionState = "minting"
	SessionOpen    SessionState = "open" // its link was minted
	SessionFailed  SessionState = "failed"
)

// Who asks for a session.
const (
	ByClick = "click" // whoever opened the link of a mail
	ByApp   = "app"   // a partner's app
)

// SessionRecord is a session as an operator sees it, without its link.
type SessionRecord struct {
	AskedBy   string // [ByClick] or [ByApp]
	AskedAt   time.Time
	State     SessionState
	LeaseEnds time.Time // until when whoever mints may take
	IssuedAt  time.Time // zero unless the link was minted
	ExpiresAt time.Time
	Doubtful  bool // the mint may have opened a session that nobody got
}
