package app

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"

	"alta/pipeline"
)

const (
	mostReasons = 6    // lines below a report
	mostCounted = 1000 // reasons told apart: each quotes a mail server, which can say something new every time
)

// reasons counts why mails of a run did not go out.
type reasons struct{ of map[string]int }

// count notes a verdict.
func (r *reasons) count(v pipeline.Verdict) {
	if v.Outcome == pipeline.OutcomeSent || v.Stops() {
		return // an outage is told by the report
	}
	why := fmt.Sprintf("%s: %s", v.Outcome, v.Reason)
	if !v.Tried {
		why = "went back untried"
	}
	if r.of == nil {
		r.of = map[string]int{}
	}
	if _, known := r.of[why]; !known && len(r.of) >= mostCounted {
		why = string(v.Outcome) + ": for other reasons"
	}
	r.of[why]++
}

// print lists the reasons, the most frequent first.
func (r *reasons) print(out io.Writer) {
	if len(r.of) == 0 {
		return
	}
	all := slices.SortedFunc(maps.Keys(r.of), func(x, y string) int {
		return cmp.Or(cmp.Compare(r.of[y], r.of[x]), cmp.Compare(x, y))
	})
	fmt.Fprintln(out)
	for _, why := range all[:min(mostReasons, len(all))] {
		fmt.Fprintf(out, "%d %s\n", r.of[why], why)
	}
	if len(all) > mostReasons {
		fmt.Fprintf(out, "… and %d more reasons\n", len(all)-mostReasons)
	}
	fmt.Fprintln(out, "\n'alta explain USER' tells the story of one user, 'alta status' where all of them stand.")
}
