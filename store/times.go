package store

import (
	"database/sql"
	"encoding/json"
	"fmt"
	"time"
)

// ms is how the ledger writes a time: milliseconds since the Unix epoch, NULL
// for the zero time.
func ms(t time.Time) any {
	if t.IsZero() {
		return nil
	}
	return t.UnixMilli()
}

// at is how the ledger reads a time.
func at(v sql.NullInt64) time.Time {
	if !v.Valid {
		return time.Time{}
	}
	return time.UnixMilli(v.Int64).UTC()
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

// instants reads times from a JSON array of milliseconds since the Unix epoch.
func instants(list string) (times []time.Time, err error) {
	if list == "[]" {
		return nil, nil
	}
	var all []int64
	if err := json.Unmarshal([]byte(list), &all); err != nil {
		return nil, fmt.Errorf("read a list of times: %w", err)
	}
	for _, ms := range all {
		times = append(times, time.UnixMilli(ms).UTC())
	}
	return times, nil
}
