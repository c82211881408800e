package store

import "time"

// never is how the ledger writes the end of a link that lasts: the last moment of
// the year 9999, in milliseconds since the Unix epoch. An alta that knows no such
// links reads it as one that is far away.
const never = 253402300799999

// ExpiresMS is how a ledger writes the end of a link, in milliseconds since the
// Unix epoch. The zero time, of a link that lasts, is a moment beyond any other.
func ExpiresMS(t time.Time) int64 {
	if t.IsZero() {
		return never
	}
	return t.UnixMilli()
}

// ExpiresAt is how a ledger reads the end of a link: the zero time for one that
// lasts.
func ExpiresAt(ms int64) time.Time {
	if ms == never {
		return time.Time{}
	}
	return time.UnixMilli(ms).UTC()
}
