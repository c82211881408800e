package api

import "strconv"

// events are read behind a cursor that any client may keep for as long as it likes.
func (a *api) events(c call) (answer, error) {
	q := readQuery(c.r.URL.RawQuery, "limit", "cursor")
	n := q.number("limit", usualPage, mostPage)
	var after int64
	if cursor := q.text("cursor"); cursor != "" {
		var err error
		if after, err = strconv.ParseInt(cursor, 10, 64); err != nil || after < 0 {
			q.refuse("cursor must be the next of an earlier answer.")
		}
	}
	if q.err != nil {
		return answer{}, q.err
	}
	page, last, recording, err := a.Works.Events(c.ctx, after, n)
	return ok(struct {
		Events    []any  `json:"events"`
		Next      string `json:"next"` // where to go on, even behind the last: more will come
		Recording bool   `json:"recording"`
	}{some(page), strconv.FormatInt(max(last, after), 10), recording}), err
}
