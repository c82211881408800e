package app

import (
	"context"
	"log/slog"

	"alta/pipeline"
)

// logVerdict writes one line about a delivery: quietly when all went well,
// clearly when somebody may have to act.
func (e *engine) logVerdict(d *pipeline.Delivery, v pipeline.Verdict) {
	level := slog.LevelWarn
	switch {
	case v.Outcome == pipeline.OutcomeSent, !v.Tried:
		level = slog.LevelDebug
	case v.Outcome == pipeline.OutcomeRetry, v.Outcome == pipeline.OutcomeCancelled:
		level = slog.LevelInfo
	}
	if !e.log.Enabled(context.Background(), level) {
		return // most mails go well, and nobody reads of it
	}
	attrs := []slog.Attr{slog.String("outcome", string(v.Outcome)), slog.Any("delivery", d)}
	if v.Code != "" {
		attrs = append(attrs, slog.String("code", v.Code), slog.String("reason", v.Reason))
	}
	if v.Cause != nil {
		attrs = append(attrs, slog.String("cause", v.Cause.Error()))
	}
	if v.State == pipeline.Due {
		attrs = append(attrs, slog.Time("next_attempt", v.DueAt))
	}
	e.log.LogAttrs(context.Background(), level, "delivery "+string(v.Outcome), attrs...)
}

// logUnwritten says that the ledger can't take what became of a mail.
func (e *engine) logUnwritten(d *pipeline.Delivery, err error) {
	if e.unwritten.due(e.now()) {
		e.log.Error("the ledger can't be written, so no mail is begun; what became of those on the wire is kept and written as soon as it can be: mend the disk, or the database server and the way to it, and leave alta running",
			"delivery", d, "error", err)
	}
}

// logRun sums up a run of the daemon. A command prints its report instead.
func (e *engine) logRun(id int64, p pass, r pipeline.Report, err error) {
	if !p.logged {
		return
	}
	attrs := []any{
		"run", id, "trigger", p.trigger, "selected", r.Selected, "sent", r.Sent, "retry", r.Retry, "failed", r.Failed,
		"held", r.Held, "doubt", r.Doubt, "cancelled", r.Cancelled, "minted", r.Minted, "duration_ms", r.DurationMS,
	}
	switch {
	case err != nil:
		// The caller says what went wrong; this line says what was done before.
		e.log.Error("run ended early", attrs...)
	case r.Outage != "":
		e.log.Error("run stopped by an outage; nothing is lost, and the next run tries again", append(attrs, "outage", r.Outage)...)
	default:
		e.log.Info("run done", attrs...)
	}
}

func result(r pipeline.Report, err error) string {
	switch {
	case err != nil:
		return "error"
	case r.Outage != "":
		return "outage"
	}
	return "done"
}
