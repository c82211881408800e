package roster

import "fmt"

// Problem says why a row, or one cell of it, was refused. It never repeats an
// address, a name or an id.
type Problem struct {
	Line   int    `json:"line"`   // 0 when the values did not come from a file
	Column string `json:"column"` // "" when the whole row is meant
	Reason string `json:"reason"`
}

// String returns, for example, "line 7, email: has no @".
func (p Problem) String() string {
	switch {
	case p.Line == 0 && p.Column == "":
		return p.Reason
	case p.Line == 0:
		return fmt.Sprintf("%s: %s", p.Column, p.Reason)
	case p.Column == "":
		return fmt.Sprintf("line %d: %s", p.Line, p.Reason)
	}
	return fmt.Sprintf("line %d, %s: %s", p.Line, p.Column, p.Reason)
}
