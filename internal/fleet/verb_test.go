package fleet

import (
	"errors"
	"strings"
	"testing"

	"github.com/riverqueue/river"

	"alta/pipeline"
)

// What a mail server said can quote an address: River's tables, which no erasure
// reaches, get the code of a fault and never its reason.
func TestVerbOfAVerdict(t *testing.T) {
	for _, c := range []struct {
		it      string
		verdict pipeline.Verdict
		cancels string // "" completes the job
	}{
		{"a mail that was sent completes its job", pipeline.Verdict{State: pipeline.Sent, Tried: true}, ""},
		{"one that was put back untouched does, too: the next claim brings another job", pipeline.Verdict{State: pipeline.Due}, ""},
		{"one that is tried again shows why", pipeline.Verdict{State: pipeline.Due, Tried: true, Code: "smtp.4.2.1", Reason: "ana@example.mx is over quota"}, "due: smtp.4.2.1"},
		{"one that failed shows why", pipeline.Verdict{State: pipeline.Failed, Tried: true, Code: "smtp.5.1.1", Reason: "no ana@example.mx here"}, "failed: smtp.5.1.1"},
		{"one that is held shows why", pipeline.Verdict{State: pipeline.Held, Tried: true, Code: "render"}, "held: render"},
		{"one that is not owed any more shows why", pipeline.Verdict{State: pipeline.Cancelled, Tried: true, Code: "user_verified"}, "cancelled: user_verified"},
	} {
		t.Run(c.it, func(t *testing.T) {
			err := verb(c.verdict)
			if c.cancels == "" {
				if err != nil {
					t.Errorf("error is %v, want none", err)
				}
				return
			}
			if _, cancelled := errors.AsType[*river.JobCancelError](err); !cancelled || !strings.Contains(err.Error(), c.cancels) || strings.Contains(err.Error(), "ana@") {
				t.Errorf("error is %v, want the job cancelled with %q", err, c.cancels)
			}
		})
	}
}
