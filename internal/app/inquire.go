package app

import (
	"context"
	"errors"
	"slices"

	"alta/pipeline"
)

// inquire is the stage that asks where a user who clicked stands before a link is
// minted.
func (e *engine) inquire() pipeline.Stage {
	return e.unanswered(pipeline.Inquire(promptInquirer{e.capa}, news{e}, e.config.Capa.Asks))
}

// inquireBefore is the stage that asks, where capa.check_status says so, where a user
// stands before a mail, unless the mail is one in doubt, which goes out as it was.
func (e *engine) inquireBefore() pipeline.Stage {
	return pipeline.Inquire(e.capa, news{e}, func(d *pipeline.Delivery) bool { return !d.Repeat && e.config.Capa.Asks(d) })
}

// unanswered goes on where the question had no answer: it saves a mail, and whoever
// depends on it would be stopped by what is down and not needed.
func (e *engine) unanswered(ask pipeline.Stage) pipeline.Stage {
	return func(ctx context.Context, d *pipeline.Delivery) error {
		err := ask(ctx, d)
		f, classified := errors.AsType[*pipeline.Fault](err)
		if !classified || ctx.Err() != nil || !dispensable(f) {
			return err
		}
		if e.unasked.due(e.now()) {
			e.log.Warn("the partner API did not say where a user stands; what was asked for goes on without (capa.check_status)",
				"user", d.User.ID, "code", f.Code, "reason", f.Reason)
		}
		return nil
	}
}

// dispensable tells whether what the question met keeps nothing else from happening:
// neither an answer, nor alta's own ledger, nor a wait that all calls have in common,
// nor what only the settings or Capa can mend.
func dispensable(f *pipeline.Fault) bool {
	return f.Kind != pipeline.Cancel && f.Code != pipeline.LedgerCode && f.Code != pipeline.CodeNoTurn && !misplaced(f.Code)
}

// misplaced tells whether a fault says that the key, the account or the address is
// wrong.
func misplaced(code string) bool {
	return slices.Contains([]string{"capa.key_refused", "capa.partner_info", "capa.unauthorized", "capa.partner_flow", "capa.redirected"}, code)
}
