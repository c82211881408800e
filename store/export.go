package store

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf8"
)

// Kind is the type of a column, the same in every engine.
type Kind int

// The kinds of a column. A time is an Int, in milliseconds since the Unix epoch.
const (
	Int   Kind = iota // int64
	Bool              // bool
	Text              // string
	Bytes             // []byte
)

// Column is one column of a table.
type Column struct {
	Name string
	Kind Kind
}

// Table is one table that another engine takes over.
type Table struct {
	Name    string
	Key     string   // the column of whole numbers in whose order the rows come; "" where there are only a few
	Order   string   // the order in which those come
	Columns []Column // Key is the first
}

// Row is one row, a value for each column of its table: int64, bool, string,
// []byte, or nil where there is none.
type Row []any

// Page is some rows of a table in their order.
type Page struct {
	Rows  []Row
	After int64 // where the next page begins
}

// Sum is what a table holds, for two engines to be held against each other.
type Sum struct {
	Rows   int64
	Digest [sha256.Size]byte
}

// exportPage is how many rows are read at once to be summed up.
const exportPage = 5000

// Tables are the tables that are carried over, in an order in which no row comes
// before one that it refers to. What is counted is not among them: whoever takes
// the rows over counts anew.
func Tables() []Table {
	return []Table{
		{Name: "data_key", Order: "digest", Columns: columns(Bytes, "digest")},
		{Name: "users", Key: "key", Columns: columns(
			Int, "key mails invited_at last_mail_at link_expires_at opened_at verified_at created_at updated_at",
			Text, "id external_id email name country locale time_zone type status",
			Bool, "sourced withdrawn address_bad")},
		{Name: "runs", Key: "id", Columns: columns(
			Int, "id slot min_gap started_at finished_at selected sent retry failed held doubt cancelled minted",
			Text, "trigger outage error")},
		{Name: "links", Key: "id", Columns: columns(
			Int, "id user_key issued_at expires_at superseded_at dead_at",
			Bytes, "sealed fingerprint token",
			Bool, "shared")},
		{Name: "sessions", Key: "id", Columns: columns(
			Int, "id user_key link_id began_at lease_ends issued_at expires_at",
			Text, "state",
			Bool, "doubtful probe shared",
			Bytes, "sealed fingerprint")},
		{Name: "visits", Key: "id", Columns: columns(
			Int, "id link_id hour n first_at last_at",
			Text, "kind")},
		{Name: "askers", Key: "user_key", Columns: columns(Int, "user_key link_id asked_at answered_at")},
		{Name: "news", Key: "id", Columns: columns(
			Int, "id user_key n first_at last_at settled_at",
			Text, "external_id event effect")},
		{Name: "deliveries", Key: "id", Columns: columns(
			Int, "id user_key round ended_at due_at attempts doubts link_id message_date began_at run_id created_at updated_at",
			Text, "country type step state code reason message_id receipt",
			Bool, "operator forced repeat",
			Bytes, "digest")},
		{Name: "attempts", Key: "id", Columns: columns(
			Int, "id delivery_id run_id at link_id",
			Text, "outcome code reason reply message_id",
			Bool, "doubtful")},
		{Name: "pauses", Order: "country, type", Columns: columns(
			Text, "country type code reason",
			Bool, "minting",
			Int, "since probe_at")},
		{Name: "approval", Order: "one", Columns: columns(
			Int, "due mails given_at ends_at",
			Bool, "taken")},
		{Name: "audit", Key: "id", Columns: columns(
			Int, "id at",
			Text, "actor action user_id detail")},
		{Name: "audit_chain", Key: "audit_id", Columns: columns(
			Int, "audit_id",
			Bytes, "hash")},
		{Name: "events", Key: "id", Columns: columns(
			Int, "id at user_key round tries next_at",
			Text, "name type step code state said")},
		{Name: "tokens", Key: "id", Columns: columns(
			Int, "id made_at used_at revoked_at",
			Text, "name role made_by",
			Bytes, "digest")},
	}
}

// columns makes columns of pairs: a kind, and the names of those that have it.
func columns(pairs ...any) (all []Column) {
	for i := 0; i < len(pairs); i += 2 {
		for _, name := range strings.Fields(pairs[i+1].(string)) {
			all = append(all, Column{name, pairs[i].(Kind)})
		}
	}
	return all
}

// Names are the names of the columns.
func (t Table) Names() []string {
	names := make([]string, len(t.Columns))
	for i, c := range t.Columns {
		names[i] = c.Name
	}
	return names
}

// Page makes a page of the rows that follow after.
func (t Table) Page(rows []Row, after int64) Page {
	switch {
	case len(rows) == 0:
	case t.Key == "":
		after += int64(len(rows))
	default:
		after = rows[len(rows)-1][0].(int64)
	}
	return Page{rows, after}
}

// Sum reads the whole table by means of page, which returns up to n rows behind
// after, and sums it up.
func (t Table) Sum(page func(after int64, n int) (Page, error)) (sum Sum, err error) {
	digest := sha256.New()
	var text []byte
	for after, more := int64(0), true; more; {
		p, err := page(after, exportPage)
		if err != nil {
			return Sum{}, err
		}
		for _, r := range p.Rows {
			text = r.canonical(text[:0])
			digest.Write(text)
		}
		after, more = p.After, len(p.Rows) == exportPage
		sum.Rows += int64(len(p.Rows))
	}
	digest.Sum(sum.Digest[:0])
	return sum, nil
}

// canonical appends the row as text that no other row has.
func (r Row) canonical(text []byte) []byte {
	for _, value := range r {
		switch v := value.(type) {
		case nil:
			text = append(text, '-')
		case int64:
			text = strconv.AppendInt(append(text, 'i'), v, 10)
		case bool:
			text = strconv.AppendBool(text, v)
		case string:
			text = append(strconv.AppendInt(append(text, 's'), int64(len(v)), 10), ':')
			text = append(text, v...)
		case []byte:
			text = append(strconv.AppendInt(append(text, 'b'), int64(len(v)), 10), ':')
			text = append(text, v...)
		}
		text = append(text, ',')
	}
	return append(text, '\n')
}

// Export returns up to n rows of the table behind after, which is 0 for the first
// page and [Page.After] of the one before from then on. What others said, a mail
// server for example, is shown as any engine can keep it.
func (s *Store) Export(ctx context.Context, t Table, after int64, n int) (Page, error) {
	query := `SELECT ` + strings.Join(t.Names(), ", ") + ` FROM ` + t.Name
	if t.Key == "" {
		query += ` ORDER BY ` + t.Order + ` LIMIT ?2 OFFSET ?1`
	} else {
		query += ` WHERE ` + t.Key + ` > ?1 ORDER BY ` + t.Key + ` LIMIT ?2`
	}
	places := make([]any, len(t.Columns)) // of each row in its turn
	all, err := rows(boundTo(ctx, s.reads), func(scan func(...any) error) (Row, error) { return t.scan(scan, places) }, query, after, n)
	if err != nil {
		return Page{}, fmt.Errorf("read %s: %w", t.Name, err)
	}
	return t.Page(all, after), nil
}

// CountRows counts the rows of the table.
func (s *Store) CountRows(ctx context.Context, t Table) (n int64, err error) {
	if err := s.reads.QueryRowContext(ctx, `SELECT count(*) FROM `+t.Name).Scan(&n); err != nil {
		return 0, fmt.Errorf("count the rows of %s: %w", t.Name, err)
	}
	return n, nil
}

// errNoSuchValue says that a column holds what its kind has no value for.
var errNoSuchValue = errors.New("it holds a value of another kind")

func (t Table) scan(scan func(...any) error, places []any) (Row, error) {
	row := make(Row, len(t.Columns))
	for i := range row {
		places[i] = &row[i]
	}
	if err := scan(places...); err != nil {
		return nil, err
	}
	for i, c := range t.Columns {
		var err error
		if row[i], err = c.value(row[i]); err != nil {
			return nil, fmt.Errorf("column %s: %w", c.Name, err)
		}
	}
	return row, nil
}

// value is what the column holds, as any engine has it.
func (c Column) value(found any) (any, error) {
	switch v := found.(type) {
	case nil:
		return nil, nil
	case int64:
		switch {
		case c.Kind == Int:
			return v, nil
		case c.Kind == Bool && (v == 0 || v == 1):
			return v == 1, nil
		}
	case string:
		if c.Kind == Text {
			return plain(v), nil
		}
	case []byte:
		if c.Kind == Bytes {
			return v, nil
		}
	}
	return nil, errNoSuchValue
}

// plain is a text in UTF-8 without the byte 0, which PostgreSQL does not keep.
func plain(s string) string {
	if utf8.ValidString(s) && strings.IndexByte(s, 0) < 0 {
		return s
	}
	return strings.ToValidUTF8(strings.ReplaceAll(s, "\x00", "\uFFFD"), "\uFFFD")
}
