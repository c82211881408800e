package postgres

import (
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
)

// settleMails is all that ordinary verdicts write, in one statement: what it
// settles it tells the parts behind it, so that of a claim which was lost nothing
// is written at all.
//
// $1 tells whether it also settles what must not be left like that, since the
// caller sees to it: an open delivery of a user whom no mail may go out to, and an
// address that was refused and is another one by now.
//
// How the latest attempt ended outlives a put-back, which was none. The next
// delivery needs no look for an open one: there was one, and it is settled.
const settleMails = `WITH settled AS (
		UPDATE deliveries d SET state = i.state, ended_at = i.ended_at, due_at = i.due_at, receipt = i.receipt, link_id = i.link,
			code = CASE WHEN i.spoken THEN i.code ELSE d.code END, reason = CASE WHEN i.spoken THEN i.reason ELSE d.reason END,
			attempts = d.attempts + i.paid::int, doubts = d.doubts + i.doubted::int, repeat = i.repeat,
			message_id = i.message_id, message_date = i.message_date, digest = i.digest,
			run_id = NULL, machine_id = NULL, job_id = NULL, probe = false, updated_at = i.now
		FROM unnest($2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
			$7::text[], $8::bigint[], $9::bigint[], $10::bigint[], $11::boolean[], $12::text[], $13::text[], $14::boolean[], $15::boolean[], $16::boolean[],
			$17::text[], $18::bigint[], $19::bytea[], $20::text[],
			$21::boolean[], $22::text[], $23::boolean[], $24::boolean[], $25::bigint[], $26::bigint[], $27::boolean[], $28::text[],
			$29::text[], $30::bigint[], $31::boolean[], $32::boolean[], $33::text[])
		WITH ORDINALITY AS i (id, claim, run, machine, now,
			state, ended_at, due_at, link, spoken, code, reason, paid, doubted, repeat,
			message_id, message_date, digest, receipt,
			tried, outcome, doubtful, sent, invited_at, link_expires_at, bad, email,
			next_step, next_due, next_operator, minted, outage, place)
		JOIN deliveries was ON was.id = i.id JOIN users u ON u.key = was.user_key
		WHERE d.id = i.id AND d.claim = i.claim AND d.claim <> 0 AND d.state IN ('claimed', 'sending') AND (i.run = 0 OR d.run_id = i.run)
			AND ($1 OR (i.ended_at IS NOT NULL OR ` + mayHave + `) AND (NOT i.bad OR u.email = i.email))
		RETURNING i.*, d.user_key, d.operator AS asked, was.run_id),
	tried AS (
		INSERT INTO attempts (delivery_id, run_id, at, outcome, code, reason, reply, message_id, link_id, doubtful)
		SELECT s.id, s.run_id, s.now, s.outcome, s.code, s.reason, s.receipt, s.message_id, s.link, s.doubtful
		FROM settled s WHERE s.tried ORDER BY s.id),
	mailed AS (
		UPDATE users u SET mails = u.mails + s.sent::int,
			invited_at = CASE WHEN s.sent THEN s.invited_at ELSE u.invited_at END,
			last_mail_at = CASE WHEN s.sent THEN s.now ELSE u.last_mail_at END,
			link_expires_at = CASE WHEN s.sent THEN s.link_expires_at ELSE u.link_expires_at END,
			address_bad = u.address_bad OR s.bad AND u.email = s.email,
			updated_at = CASE WHEN s.bad AND u.email = s.email THEN s.now ELSE u.updated_at END
		FROM settled s WHERE u.key = s.user_key AND (s.sent OR s.bad)),
	next AS (
		INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, operator, created_at, updated_at)
		SELECT u.key, u.country, u.type, s.next_step,
			1 + coalesce((SELECT max(o.round) FROM deliveries o WHERE o.user_key = u.key AND o.step = s.next_step), 0),
			'due', s.next_due, s.next_operator, s.now, s.now
		FROM settled s JOIN users u ON u.key = s.user_key
		WHERE s.next_step <> '' AND s.ended_at IS NOT NULL AND (u.wanted OR s.next_operator AND s.asked AND ` + excepted + `) AND NOT s.bad ORDER BY s.id),
	counted AS (
		INSERT INTO run_counts AS c (run_id, machine_id, selected, sent, retry, failed, held, doubt, cancelled, minted, outage)
		SELECT s.run_id, s.machine, count(*),
			count(*) FILTER (WHERE s.outcome = 'sent'), count(*) FILTER (WHERE s.outcome = 'retry'), count(*) FILTER (WHERE s.outcome = 'failed'),
			count(*) FILTER (WHERE s.outcome = 'held'), count(*) FILTER (WHERE s.outcome = 'doubt'), count(*) FILTER (WHERE s.outcome = 'cancelled'),
			count(*) FILTER (WHERE s.minted), max(s.outage)
		FROM settled s WHERE s.machine <> 0 AND s.run_id IS NOT NULL GROUP BY s.run_id, s.machine
		ON CONFLICT (run_id, machine_id) DO UPDATE SET selected = c.selected + excluded.selected,
			sent = c.sent + excluded.sent, retry = c.retry + excluded.retry, failed = c.failed + excluded.failed,
			held = c.held + excluded.held, doubt = c.doubt + excluded.doubt, cancelled = c.cancelled + excluded.cancelled,
			minted = c.minted + excluded.minted, outage = CASE c.outage WHEN '' THEN excluded.outage ELSE c.outage END)
	SELECT place, user_key FROM settled`

// queueSettle queues what settles the deliveries, behind the lock on their users.
// It marks the ones that it has settled.
func queueSettle(b *pgx.Batch, items []*recording, whole bool) {
	ids, claims, runs := claims(items)
	numbers := func(value func(*recording) int64) []int64 { return each(items, value) }
	times := func(value func(*recording) time.Time) []*int64 {
		return each(items, func(r *recording) *int64 { return ms(value(r)) })
	}
	words := func(value func(*recording) string) []string {
		return each(items, func(r *recording) string { return text(value(r)) })
	}
	facts := func(value func(*recording) bool) []bool { return each(items, value) }

	lasting := slices.ContainsFunc(items, func(r *recording) bool { return r.d.Link.Lasts() && r.ends() })
	b.Queue(lockForWriting, ids)
	b.Queue(settleMails, whole, ids, claims, runs,
		numbers(func(r *recording) int64 { return r.machine }),
		numbers(func(r *recording) int64 { return r.now.UnixMilli() }),

		words(func(r *recording) string { return string(r.v.State) }),
		times((*recording).endedAt),
		numbers((*recording).dueAt),
		each(items, (*recording).link),
		facts(func(r *recording) bool { return r.v.Tried || r.v.State != pipeline.Due }),
		words(func(r *recording) string { return r.v.Code }),
		words(func(r *recording) string { return r.v.Reason }),
		facts(func(r *recording) bool { return r.v.Paid }),
		facts(func(r *recording) bool { return r.v.Outcome == pipeline.OutcomeDoubt }),
		facts(func(r *recording) bool { return r.v.Repeat }),

		words(func(r *recording) string { return r.d.Message.ID }),
		times(func(r *recording) time.Time { return r.d.Message.Date }),
		each(items, func(r *recording) []byte { return r.d.Message.Digest }),
		words(func(r *recording) string { return r.d.Receipt.Reply }),

		facts(func(r *recording) bool { return r.v.Tried }),
		words(func(r *recording) string { return string(r.v.Outcome) }),
		facts(func(r *recording) bool { return r.v.Doubtful }),
		facts(func(r *recording) bool { return r.v.State == pipeline.Sent }),
		times(func(r *recording) time.Time { return r.history().InvitedAt }),
		times(func(r *recording) time.Time { return r.history().LinkExpiresAt }),
		facts(func(r *recording) bool { return r.v.BadAddress }),
		words(func(r *recording) string { return r.d.User.Email }),

		words(func(r *recording) string { return string(r.next().Step) }),
		numbers(func(r *recording) int64 { return ceilMS(r.next().DueAt) }),
		facts(func(r *recording) bool { return r.next().Operator }),
		facts(func(r *recording) bool { return r.v.Minted }),
		words(func(r *recording) string { return r.report().Outage }),
	).Query(func(rows pgx.Rows) error {
		var place, user int64
		_, err := pgx.ForEachRow(rows, []any{&place, &user}, func() error {
			items[place-1].user, items[place-1].done = user, true
			return nil
		})
		return err
	})
	if lasting {
		b.Queue(forgetTokens, ids)
	}
}

// forgetTokens wipes the lasting links of mails that have ended: from then on nobody
// but whoever got the mail has the token.
const forgetTokens = `UPDATE links l SET sealed = NULL FROM deliveries d
	WHERE d.id = ANY($1::bigint[]) AND d.ended_at IS NOT NULL AND l.id = d.link_id AND l.token IS NOT NULL AND l.sealed IS NOT NULL`

// endedAt is when the delivery ended, zero while it is open.
func (r *recording) endedAt() time.Time {
	if r.ends() {
		return r.now
	}
	return time.Time{}
}

func (r *recording) dueAt() int64 {
	if r.v.State == pipeline.Due {
		return ceilMS(r.v.DueAt)
	}
	return r.d.DueAt.UnixMilli()
}

// link is how the ledger names the delivery's link, NULL for none.
func (r *recording) link() *int64 {
	if r.d.Link.ID == 0 {
		return nil
	}
	return &r.d.Link.ID
}

// history is the user's after the mail.
func (r *recording) history() pipeline.History { return r.d.History.After(&r.d, r.now) }

// next is the user's next mail, without a step when none is owed.
func (r *recording) next() pipeline.Next {
	if r.v.Next == nil {
		return pipeline.Next{}
	}
	return *r.v.Next
}
