package pipeline_test

import (
	"testing"
	_ "time/tzdata" // the zones of the tables, whatever the machine has

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }
