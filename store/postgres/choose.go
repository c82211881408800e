package postgres

import (
	"context"
	"errors"
	"slices"

	"github.com/jackc/pgx/v5"

	"alta/pipeline"
)

// lane is what a pause can stop by itself.
type lane struct {
	country pipeline.Country
	kind    pipeline.UserType
}

func lanes() []lane {
	return []lane{
		{pipeline.MX, pipeline.Individual}, {pipeline.DO, pipeline.Individual},
		{pipeline.MX, pipeline.Business}, {pipeline.DO, pipeline.Business},
	}
}

// columns returns the lanes as two columns.
func columns(of []lane) (countries, kinds []string) {
	return each(of, func(l lane) string { return string(l.country) }), each(of, func(l lane) string { return string(l.kind) })
}

// choose locks what to claim. A lane that is paused yields one probe by itself,
// once its time has come; an outage yields one probe of any other lane and
// nothing else.
func (p *pull) choose(ctx context.Context, paused []pipeline.Pause, n int) error {
	open := lanes()
	var outage *pipeline.Pause
	for i := range paused {
		if paused[i].IsOutage() {
			outage = &paused[i]
			continue
		}
		open = slices.DeleteFunc(open, func(l lane) bool { return l == laneOf(&paused[i]) })
	}
	if outage != nil {
		if met, err := p.hasMet(ctx); err != nil || met {
			return err
		}
		return p.probe(ctx, open, outage, n)
	}
	for i := range paused {
		if err := p.probe(ctx, []lane{laneOf(&paused[i])}, &paused[i], n); err != nil {
			return err
		}
	}
	for _, operator := range p.operators() {
		most := n - len(p.chosen)
		if !operator {
			most = p.bounded(most)
		}
		if err := p.lock(ctx, open, operator, most); err != nil {
			return err
		}
	}
	return nil
}

// hasMet tells whether this very run has met an outage, which ends it: the next one
// probes it.
func (p *pull) hasMet(ctx context.Context) (met bool, err error) {
	err = p.tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM run_counts WHERE run_id = $1 AND outage <> '')`, p.run).Scan(&met)
	return met, err
}

func laneOf(pause *pipeline.Pause) lane { return lane{pause.Country, pause.Type} }

// lock chooses up to n that are due in the lanes, one of each in turn. It first
// counts what each has, so that it locks no more than it takes: what is locked,
// the other machines pass over.
func (p *pull) lock(ctx context.Context, open []lane, operator bool, n int) error {
	if n <= 0 || len(open) == 0 {
		return nil
	}
	countries, kinds := columns(open)
	waiting, err := column[int](ctx, p.tx, `SELECT (SELECT count(*) FROM (SELECT FROM deliveries d
			WHERE d.waiting AND d.country = l.country AND d.type = l.type AND d.operator = $3 AND d.due_at <= $4 LIMIT $5) due)
		FROM unnest($1::text[], $2::text[]) WITH ORDINALITY AS l (country, type, place) ORDER BY l.place`,
		countries, kinds, operator, p.now.UnixMilli(), n)
	if err != nil {
		return err
	}
	rows, err := p.tx.Query(ctx, `SELECT due.id FROM unnest($1::text[], $2::text[], $3::int[]) AS l (country, type, share)
		CROSS JOIN LATERAL (SELECT d.id FROM deliveries d
			WHERE d.waiting AND d.country = l.country AND d.type = l.type AND d.operator = $4 AND d.due_at <= $5
			ORDER BY d.due_at, d.id LIMIT l.share FOR NO KEY UPDATE SKIP LOCKED) due`,
		countries, kinds, shares(waiting, n), operator, p.now.UnixMilli())
	ids, err := collect(rows, err, func(rows pgx.Rows) (id int64, err error) { err = rows.Scan(&id); return id, err })
	for _, id := range ids {
		p.chosen = append(p.chosen, choice{ClaimedDelivery: ClaimedDelivery{ID: id, Operator: operator}})
	}
	return err
}

// shares deals n out to the lanes, one to each in turn as long as it has more, so
// that no lane waits for another.
func shares(waiting []int, n int) []int {
	share := make([]int, len(waiting))
	for dealt := true; dealt; {
		dealt = false
		for i := range waiting {
			if n > 0 && share[i] < waiting[i] {
				share[i]++
				n--
				dealt = true
			}
		}
	}
	return share
}

// mostProbed bounds the deliveries among which a probe is chosen, so that it
// costs the same however many are due.
const mostProbed = 1000

// probe chooses, among the first that are due in the lanes, the delivery that was
// touched longest ago, so that each probe is another user while there are several.
func (p *pull) probe(ctx context.Context, from []lane, pause *pipeline.Pause, n int) error {
	if len(p.chosen) >= n || len(from) == 0 || !pause.Ripe(p.now) {
		return nil
	}
	if may, err := p.mayProbe(ctx, pause); err != nil || !may {
		return err
	}
	countries, kinds := columns(from)
	chosen := choice{probe: pause}
	// The first in the order of lock comes first where several were touched at once.
	err := p.tx.QueryRow(ctx, `SELECT due.id, w.operator
		FROM unnest($3::boolean[]) WITH ORDINALITY AS w (operator, place)
		CROSS JOIN unnest($1::text[], $2::text[]) WITH ORDINALITY AS l (country, type, place)
		CROSS JOIN LATERAL (SELECT d.id, d.due_at, d.updated_at FROM deliveries d
			WHERE d.waiting AND d.country = l.country AND d.type = l.type AND d.operator = w.operator AND d.due_at <= $4
			ORDER BY d.due_at, d.id LIMIT $5) due
		ORDER BY due.updated_at, w.place, l.place, due.due_at, due.id LIMIT 1`,
		countries, kinds, p.operators(), p.now.UnixMilli(), mostProbed).Scan(&chosen.ID, &chosen.Operator)
	if err == nil {
		err = p.tx.QueryRow(ctx, `SELECT id FROM deliveries WHERE id = $1 AND waiting FOR NO KEY UPDATE SKIP LOCKED`, chosen.ID).Scan(&chosen.ID)
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return nil // nothing is due, or it is being changed right now; the next pull tries again
	}
	if err == nil {
		p.chosen = append(p.chosen, chosen)
	}
	return err
}

// mayProbe tells whether this pull alone may probe the pause: it locks it, and a
// probe that is under way is waited for.
func (p *pull) mayProbe(ctx context.Context, pause *pipeline.Pause) (bool, error) {
	var until *int64
	err := p.tx.QueryRow(ctx, `SELECT probe_at FROM pauses WHERE country = $1 AND type = $2 FOR UPDATE SKIP LOCKED`, pause.Country, pause.Type).Scan(&until)
	if errors.Is(err, pgx.ErrNoRows) {
		return false, nil // another machine chooses one, or has just learned more about it
	}
	if err != nil {
		return false, err
	}
	if now := (pipeline.Pause{ProbeAt: at(until)}); !now.Ripe(p.now) {
		return false, nil
	}
	// With an outage nothing but its own probe is under way, or one of a country that
	// was chosen before it came.
	var underWay bool
	err = p.tx.QueryRow(ctx, `SELECT EXISTS (SELECT 1 FROM deliveries d WHERE d.run_id IS NOT NULL AND d.probe AND d.state IN ('claimed', 'sending')
		AND ($1 = '' OR d.country = $1 AND d.type = $2))`, string(pause.Country), string(pause.Type)).Scan(&underWay)
	return !underWay, err
}
