package store

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"alta/pipeline"
)

// Ordering is how an engine has one of the orders in an index.
type Ordering struct {
	Value   string // of the user u, by which it goes
	Begins  string // the text that the value must begin with
	Only    string // the condition of the index; "" for none
	Same    string // the condition of those with the same @value, behind the @key
	ByKeys  bool   // they stand in the order of their keys already
	AtLeast string // the operators of the index, this one and those below
	Above   string
	Below   string
	InOrder string // what ORDER BY says
}

// end is behind every value that begins with the text.
func (o Ordering) end() string { return `(` + o.Begins + ` || @last)` }

// Dialect is what an engine's search differs in.
type Dialect struct {
	Orders map[Order]Ordering
	Opened string // how the index of those who have opened their link is named behind a table
	// Rows has the range select the users themselves, for an engine that would look each
	// up once more, and has the parts of a union be read one by one, by rows of values:
	// an equality would let the engine prefer the order of the keys, in which it may look
	// at everybody.
	Rows bool
}

// last is behind every text that begins with what stands before it.
const last = "\U0010FFFF"

// Query is the statement that looks for users in a range, with what is bound to it
// by name. It selects columns, and the value that the order goes by.
type Query struct {
	Text string
	Args map[string]any
}

// In returns the query for up to n users who match among the first most of the
// range, and the one for the place of the last of those, which returns nothing when
// there are fewer.
func (q Search) In(d Dialect, r Range, columns string, n, most int) (matching, stopped Query) {
	b := searchQuery{Search: q, dialect: d, args: map[string]any{
		"n": n, "most": most, "text": q.text(), "folded": fold(q.text()), "last": last,
		"value": r.From.Value, "key": r.From.Key,
	}}
	where := ""
	if conditions := b.conditions(r.From.Order); len(conditions) > 0 {
		where = ` WHERE ` + strings.Join(conditions, ` AND `)
	}
	order := ` ORDER BY few.key`
	if o, ok := d.Orders[r.From.Order]; ok {
		order = ` ORDER BY ` + strings.ReplaceAll(o.InOrder, o.Value, `few.value`) + `, few.key`
	}
	keys := b.few(r, `u.key`)
	stopped = Query{`SELECT few.key, few.value FROM (` + keys + `) few` + order + ` LIMIT 1 OFFSET @most - 1`, b.args}
	from := `SELECT ` + columns + `, few.value FROM (` + keys + `) few JOIN users u ON u.key = few.key`
	if d.Rows {
		from, order = `SELECT `+columns+`, u.value FROM (`+b.few(r, `u.*`)+`) u`, strings.ReplaceAll(order, `few.`, `u.`)
	}
	return Query{from + where + order + ` LIMIT @n`, b.args}, stopped
}

type searchQuery struct {
	Search
	dialect Dialect
	args    map[string]any
}

// few selects the first users of the range, by an index alone.
func (b *searchQuery) few(r Range, columns string) string {
	o, ok := b.dialect.Orders[r.From.Order]
	if !ok {
		return b.fewByKey(columns)
	}
	where := ` WHERE ` + o.Value + o.Below + o.end()
	switch r.Part {
	case Whole:
		where += ` AND ` + o.Value + o.AtLeast + o.Begins
	case Same:
		where = ` WHERE ` + o.Same
	case Later:
		where += ` AND ` + o.Value + o.Above + `@value`
	}
	if o.Only != "" {
		where += ` AND ` + o.Only
	}
	order := o.InOrder + `, `
	if r.Part == Same && o.ByKeys {
		order = ``
	}
	return `SELECT ` + columns + `, ` + o.Value + ` AS value FROM users u` + where + ` ORDER BY ` + order + `u.key LIMIT @most`
}

// fewByKey selects users in the order in which they were added, within each country
// and status that can match.
func (b *searchQuery) fewByKey(columns string) string {
	const behind = `u.key > @key`
	if b.Country == "" && b.status() == "" {
		return `SELECT ` + columns + `, '' AS value FROM users u WHERE ` + behind + ` ORDER BY u.key LIMIT @most`
	}
	countries, statuses := []pipeline.Country{pipeline.MX, pipeline.DO}, pipeline.Statuses()
	if b.Country != "" {
		countries = []pipeline.Country{b.Country}
	}
	if s := b.status(); s != "" {
		statuses = []pipeline.Status{s}
	}
	index, opened := ``, ``
	if b.Stage == StageOpened {
		index, opened = b.dialect.Opened, ` AND `+StageOpened.Condition()
	}
	var parts []string
	for i, country := range countries {
		for j, status := range statuses {
			c, s := fmt.Sprintf("@country%d", i), fmt.Sprintf("@status%d", j)
			b.args[c[1:]], b.args[s[1:]] = string(country), string(status)
			from := `SELECT ` + columns + `, '' AS value FROM users u` + index + ` WHERE `
			if b.dialect.Rows {
				parts = append(parts, `(`+from+`u.country = `+c+` AND (u.status, u.key) > (`+s+`, @key) AND u.status <= `+s+opened+` ORDER BY u.status, u.key LIMIT @most)`)
				continue
			}
			parts = append(parts, from+`u.country = `+c+` AND u.status = `+s+` AND `+behind+opened)
		}
	}
	if b.dialect.Rows {
		return `SELECT * FROM (` + strings.Join(parts, ` UNION ALL `) + `) u ORDER BY key LIMIT @most`
	}
	return strings.Join(parts, ` UNION ALL `) + ` ORDER BY key LIMIT @most`
}

// status is the one that users must have, "" for any.
func (b *searchQuery) status() pipeline.Status {
	if b.Status == "" && b.Stage != "" {
		return pipeline.Pending
	}
	return b.Status
}

// conditions are what a user of the range must fulfil besides.
func (b *searchQuery) conditions(order Order) (all []string) {
	is := func(column, value string) {
		if value != "" {
			b.args[column] = value
			all = append(all, `u.`+column+` = @`+column)
		}
	}
	is("type", string(b.Type))
	is("locale", string(b.Locale))
	if b.Stage != "" {
		all = append(all, b.Stage.Condition())
		if b.Status != "" && b.Status != pipeline.Pending {
			all = append(all, `u.key < 0`) // no stage has such users
		}
	}
	if order == ByKey {
		return all
	}
	is("country", string(b.Country))
	is("status", string(b.status()))
	// Who was found in an earlier order is not found again.
	for _, earlier := range slices.Sorted(maps.Keys(b.dialect.Orders)) {
		if o := b.dialect.Orders[earlier]; earlier < order {
			all = append(all, `NOT (`+o.Value+o.AtLeast+o.Begins+` AND `+o.Value+o.Below+o.end()+`)`)
		}
	}
	return all
}

// fold takes the case and the accents of Spanish off a name, as the index of the
// names does.
func fold(name string) string {
	accented, plain := []rune(Accented), []rune(Plain)
	return strings.Map(func(r rune) rune {
		if i := slices.Index(accented, r); i >= 0 {
			r = plain[i]
		}
		if 'A' <= r && r <= 'Z' {
			r += 'a' - 'A'
		}
		return r
	}, name)
}

// The letters that lose their accent where names are compared, and what they become.
const (
	Accented = "ÁÉÍÓÚÜÑáéíóúüñ"
	Plain    = "AEIOUUNaeiouun"
)
