package pipeline

// Report counts what one run did. Selected is the sum of the six outcomes; a
// delivery that was put back untouched counts as a retry.
type Report struct {
	Selected   int    `json:"selected"`
	Sent       int    `json:"sent"`
	Retry      int    `json:"retry"`
	Failed     int    `json:"failed"`
	Held       int    `json:"held"`
	Doubt      int    `json:"doubt"`
	Cancelled  int    `json:"cancelled"`
	Outage     string `json:"outage"` // why the run stopped; "" when it did not
	Minted     int    `json:"minted"`
	DurationMS int64  `json:"duration_ms"`
}

// Count adds one verdict to the report.
func (r *Report) Count(v Verdict) {
	r.Selected++
	if v.Minted {
		r.Minted++
	}
	if v.Stops() && r.Outage == "" {
		r.Outage = v.Reason
	}
	switch v.Outcome {
	case OutcomeSent:
		r.Sent++
	case OutcomeRetry:
		r.Retry++
	case OutcomeFailed:
		r.Failed++
	case OutcomeHeld:
		r.Held++
	case OutcomeDoubt:
		r.Doubt++
	case OutcomeCancelled:
		r.Cancelled++
	}
}
