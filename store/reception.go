package store

import (
	"strings"

	"alta/pipeline"
)

// ActEnrol is the action of the audit log of whoever hands users over one by one.
const ActEnrol = "enrol"

// Reception notes what becomes of users who are taken in one by one, by somebody's
// act. A status that would move is refused there: whoever changes it by hand has to
// say why. An import notes nothing, and has none.
type Reception struct {
	Outcomes map[string]Outcome // by id
	details  map[string]string  // by id: what the audit log says
}

// NewReception returns a reception that nobody has come to.
func NewReception() *Reception {
	return &Reception{Outcomes: map[string]Outcome{}, details: map[string]string{}}
}

// Refuses tells whether what came of a user must not be written.
func (r *Reception) Refuses(old, row UserRow) bool { return r != nil && row.Status != old.Status }

// Came notes an outcome that leaves the user as it was.
func (r *Reception) Came(id string, o Outcome) {
	if r != nil {
		r.Outcomes[id] = o
	}
}

// CameAnew notes a user who was added.
func (r *Reception) CameAnew(id string) {
	if r != nil {
		r.Outcomes[id], r.details[id] = WasAdded, string(WasAdded)
	}
}

// Changed notes a user who was brought up to date.
func (r *Reception) Changed(old, row UserRow) {
	if r != nil {
		r.Outcomes[row.ID], r.details[row.ID] = WasUpdated, "changed "+strings.Join(changedFields(old, row), ", ")
	}
}

// Lines are what the audit log has to say of the users, in their order, each with the
// note behind it.
func (r *Reception) Lines(users []pipeline.User, note string) (lines []AuditEntry) {
	for _, u := range users {
		detail, changed := r.details[u.ID]
		if !changed {
			continue
		}
		if note != "" {
			detail += ", " + note
		}
		lines = append(lines, AuditEntry{Action: ActEnrol, UserID: u.ID, Detail: detail})
	}
	return lines
}

// changedFields names what differs, and never says how: the audit log outlives an
// erasure.
func changedFields(old, row UserRow) (names []string) {
	for _, f := range []struct {
		name    string
		differs bool
	}{
		{"external_id", row.ExternalID != old.ExternalID},
		{"email", row.Email != old.Email},
		{"name", row.Name != old.Name},
		{"country", row.Country != old.Country},
		{"locale", row.Locale != old.Locale},
		{"time_zone", row.TimeZone != old.TimeZone},
		{"type", row.Type != old.Type},
		{"status", row.Status != old.Status},
		{"withdrawn", row.Withdrawn != old.Withdrawn},
		{"address_bad", row.AddressBad != old.AddressBad},
	} {
		if f.differs {
			names = append(names, f.name)
		}
	}
	return names
}
