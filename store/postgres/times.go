package postgres

import "time"

// ms is how the ledger writes a time: milliseconds since the Unix epoch, NULL
// for the zero time.
func ms(t time.Time) *int64 {
	if t.IsZero() {
		return nil
	}
	m := t.UnixMilli()
	return &m
}

// at is how the ledger reads a time.
func at(v *int64) time.Time {
	if v == nil {
		return time.Time{}
	}
	return time.UnixMilli(*v).UTC()
}

// ceilMS rounds a time up to the ledger's precision, so that what is planned
// for a moment never happens before it.
func ceilMS(t time.Time) int64 {
	m := t.UnixMilli()
	if t.After(time.UnixMilli(m)) {
		m++
	}
	return m
}
