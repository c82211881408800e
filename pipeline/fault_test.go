package pipeline_test

import (
	"errors"
	"fmt"
	"testing"

	"alta/pipeline"
)

func TestAsFault(t *testing.T) {
	refused := &pipeline.Fault{Kind: pipeline.Fail, Code: "refused"}
	for _, c := range []struct {
		name string
		err  error
		want *pipeline.Fault // nil when it is made up
	}{
		{"A fault is itself.", refused, refused},
		{"A fault is found inside another error.", fmt.Errorf("issue link: %w", refused), refused},
		{"A fault is found among joined errors.", errors.Join(errors.New("other"), refused), refused},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := pipeline.AsFault(c.err); got != c.want {
				t.Errorf("AsFault = %+v, want the fault itself", got)
			}
		})
	}
	t.Run("Any other error is a retry that costs an attempt.", func(t *testing.T) {
		err := errors.New("broken")
		got := pipeline.AsFault(err)
		if got.Kind != pipeline.Retry || got.Free || got.Code != "unclassified" || got.Reason != "broken" || !errors.Is(got, err) {
			t.Errorf("AsFault = %+v", got)
		}
	})
}

func TestFaultError(t *testing.T) {
	for _, c := range []struct {
		name  string
		fault pipeline.Fault
		want  string
	}{
		{"Without a cause it is the reason.", pipeline.Fault{Reason: "It is late."}, "It is late."},
		{"The cause follows the reason.", pipeline.Fault{Reason: "no answer", Err: errors.New("EOF")}, "no answer: EOF"},
	} {
		t.Run(c.name, func(t *testing.T) {
			if got := c.fault.Error(); got != c.want {
				t.Errorf("Error = %q, want %q", got, c.want)
			}
		})
	}
}

func TestKindString(t *testing.T) {
	for kind, want := range map[pipeline.Kind]string{
		pipeline.Retry: "retry", pipeline.Fail: "fail", pipeline.Hold: "hold", pipeline.Doubt: "doubt",
		pipeline.Outage: "outage", pipeline.Cancel: "cancel", -1: "unknown", 6: "unknown",
	} {
		if got := kind.String(); got != want {
			t.Errorf("Kind(%d) = %q, want %q", int(kind), got, want)
		}
	}
	if (pipeline.Fault{}).Kind != pipeline.Retry {
		t.Error("a fault whose kind was forgotten is not a retry")
	}
}
