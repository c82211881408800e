package pipeline

import "time"

// VisitKind tells what came to a lasting link.
type VisitKind string

// The kinds of visit.
const (
	Scanned VisitKind = "scan" // a program fetched the page: a mail scanner, a preview
	Opened  VisitKind = "open" // a person looked at it
	Minted  VisitKind = "mint" // a person asked for the verification, and a link was minted
	Reused  VisitKind = "use"  // a person asked, and got the one that was minted before
	Turned  VisitKind = "turn" // a person asked, and got none
)

// VisitKinds returns every kind, in the order in which they are shown.
func VisitKinds() []VisitKind { return []VisitKind{Scanned, Opened, Minted, Reused, Turned} }

// Visit is what came to one lasting link, N times, the last time at At.
type Visit struct {
	LinkID int64
	Kind   VisitKind
	N      int
	At     time.Time
}
