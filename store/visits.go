package store

import (
	"time"

	"alta/pipeline"
)

// VisitRecord is what came to the link of one mail within one hour.
type VisitRecord struct {
	Kind            pipeline.VisitKind
	Hour            time.Time // its start
	N               int
	FirstAt, LastAt time.Time
	Step            pipeline.Step // of the mail
	Round           int
}

// HourOf is the start of the hour that t is in, in UTC.
func HourOf(t time.Time) time.Time { return t.UTC().Truncate(time.Hour) }

// ShowsInterest tells whether such a visit is a person's who looked at the page, or
// went on from it.
func ShowsInterest(k pipeline.VisitKind) bool {
	return k == pipeline.Opened || k == pipeline.Minted || k == pipeline.Reused
}
