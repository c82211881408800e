package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
)

// owed are the next deliveries of users, column by column, as one statement
// takes them. Mail may go out to the users, and the transaction has locked them.
type owed struct {
	users                   []int64
	countries, types, steps []string
	dueAt                   []int64
	operator                []bool
}

func (o *owed) add(user keyedRow, next pipeline.Next) {
	o.users = append(o.users, user.key)
	o.countries = append(o.countries, string(user.Country))
	o.types = append(o.types, string(user.Type))
	o.steps = append(o.steps, string(next.Step))
	o.dueAt = append(o.dueAt, ceilMS(next.DueAt))
	o.operator = append(o.operator, next.Operator)
}

// insert adds the deliveries, in their order, where none is open already. The
// round is one more than the latest of that step. That nothing is open is asked by
// a count, since the server would make a join of NOT EXISTS, and read all that is
// open to any user.
func (o *owed) insert(ctx context.Context, tx pgx.Tx, now time.Time) error {
	if len(o.users) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `INSERT INTO deliveries (user_key, country, type, step, round, state, due_at, operator, created_at, updated_at)
		SELECT n.user_key, n.country, n.type, n.step,
			1 + coalesce((SELECT max(d.round) FROM deliveries d WHERE d.user_key = n.user_key AND d.step = n.step), 0),
			'due', n.due_at, n.operator, $7, $7
		FROM unnest($1::bigint[], $2::text[], $3::text[], $4::text[], $5::bigint[], $6::boolean[])
			WITH ORDINALITY AS n (user_key, country, type, step, due_at, operator, place)
		WHERE (SELECT count(*) FROM deliveries d WHERE d.user_key = n.user_key AND d.ended_at IS NULL) = 0
		ORDER BY n.place`,
		o.users, o.countries, o.types, o.steps, o.dueAt, o.operator, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("add the next deliveries of users: %w", err)
	}
	return nil
}

// mayHave is the condition that the user u may get the mail of the delivery d, as
// [store.UserRow.MayMail] has it.
const mayHave = `(u.wanted OR d.operator AND ` + excepted + `)`

// excepted is the condition that the user u opted out, and gets what an operator has
// asked for since.
const excepted = `u.status = 'opted_out' AND NOT u.withdrawn AND NOT u.address_bad`

// cancelUnwanted closes what waits for those of the users whom no mail may go out
// to. What is claimed or on the wire is left to its run.
func cancelUnwanted(ctx context.Context, tx pgx.Tx, users []int64, now time.Time) error {
	if len(users) == 0 {
		return nil
	}
	_, err := tx.Exec(ctx, `UPDATE deliveries d SET state = 'cancelled', ended_at = $2, updated_at = $2,
			code = 'user_' || CASE WHEN u.status <> 'pending' THEN u.status WHEN u.withdrawn THEN 'withdrawn' ELSE 'address_bad' END,
			reason = CASE WHEN u.status <> 'pending' THEN 'the user became ' || u.status
				WHEN u.withdrawn THEN 'the source query no longer returns the user, or its row is bad'
				ELSE 'the user''s address was found to be undeliverable' END
		FROM users u
		WHERE u.key = ANY($1) AND NOT `+mayHave+` AND d.user_key = u.key AND d.ended_at IS NULL AND d.state IN ('due', 'held', 'doubt')`,
		users, now.UnixMilli())
	if err != nil {
		return fmt.Errorf("cancel what users are no longer owed: %w", err)
	}
	return nil
}

func liftPause(ctx context.Context, tx pgx.Tx, p pipeline.Pause) error {
	_, err := tx.Exec(ctx, `DELETE FROM pauses WHERE country = $1 AND type = $2`, p.Country, p.Type)
	return err
}
