package pgcluster_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	"go.uber.org/goleak"

	"alta/internal/pgcluster"
	"alta/internal/pgcluster/pgtest"
)

// ownerTask makes a process that the tests start from their own binary the owner
// of a cluster, until it is killed.
const ownerTask = "PGCLUSTER_TEST_OWNER"

// owned is what the owner writes about its cluster.
type owned struct {
	Server int // the id of the process
	URL    string
	Folder string
}

func TestMain(m *testing.M) {
	if os.Getenv(ownerTask) == "" {
		goleak.VerifyTestMain(pgtest.M{M: m})
		return
	}
	if err := own(context.Background()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func own(ctx context.Context) error {
	c, err := pgcluster.Start(ctx, pgcluster.Options{})
	if err != nil {
		return err
	}
	if err := json.NewEncoder(os.Stdout).Encode(owned{c.ServerPID(), c.URL("postgres"), c.Folder()}); err != nil {
		return err
	}
	select {}
}
