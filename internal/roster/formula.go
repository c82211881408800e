package roster

import "strings"

// formulaStarts are the characters that make a spreadsheet program take a cell
// for a formula and run it: those that OWASP names under "CSV Injection", with
// their full-width forms.
const formulaStarts = "=+-@\t\r\n＝＋－＠"

// guardFormula puts an apostrophe before a cell that a spreadsheet program would
// run, so that it stays text. A cell that looks as if it were guarded already
// gets one more: that way unguardFormula gives every cell back as it was.
func guardFormula(cell string) string {
	if startsFormula(strings.TrimLeft(cell, "'")) {
		return "'" + cell
	}
	return cell
}

// unguardFormula takes off the apostrophe that guardFormula put there, and no
// other.
func unguardFormula(cell string) string {
	if rest, guarded := strings.CutPrefix(cell, "'"); guarded && startsFormula(strings.TrimLeft(rest, "'")) {
		return rest
	}
	return cell
}

func startsFormula(cell string) bool {
	return strings.IndexAny(cell, formulaStarts) == 0
}
