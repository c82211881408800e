package app

import (
	"bytes"
	"encoding/binary"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
)

// A power cut at each commit and each write to the mail server: what was not
// synced is gone from the disk, and still nobody is lost and no copy is made
// without a doubt. With synchronous=FULL there is nothing to forget at any of
// these points; with less, mails go out twice and this test fails. See
// testdata/dbfault/powercut.c.
func TestPowerCuts(t *testing.T) {
	requireShim(t)
	s := crashScenario{name: "power cuts", people: 2, mails: 1}
	points := slices.DeleteFunc(s.points(t), func(p string) bool {
		return !strings.HasPrefix(p, "commit") && !strings.HasPrefix(p, "smtp write")
	})
	if len(points) < 30 {
		t.Fatalf("only %d points: %q", len(points), points)
	}
	lost := make(chan int, len(points))
	t.Run("at", func(t *testing.T) {
		for _, point := range points {
			t.Run(point, func(t *testing.T) {
				t.Parallel()
				lost <- s.cutPower(t, point)
			})
		}
	})
	close(lost)
	forgotten := 0
	for n := range lost {
		forgotten += n
	}
	t.Logf("%d power cuts, at which %d writes were not synced", len(points), forgotten)
}

// cutPower ends a run at the point and returns how many writes the disk forgot.
func (s crashScenario) cutPower(t *testing.T, point string) (forgotten int) {
	w, people := s.world(t)
	library, err := compilePowerCut()
	check(t, err)
	run := w.commandOf(t.Context(), mortalProgram(t), "run")
	run.Env = append(run.Env, "ALTA_CRASH_AT="+point, "LD_PRELOAD="+library, "POWER_FILE="+w.path("alta.db"))
	if out, err := run.CombinedOutput(); err == nil || run.ProcessState.ExitCode() != -1 {
		t.Fatalf("the run did not end at the point: %v\n%s", err, out)
	}
	forgotten = undo(t, w.path("alta.db")) + undo(t, w.path("alta.db-wal"))
	_ = os.Remove(w.path("alta.db-shm")) // it is memory

	w.runUntilDone()
	proof{world: w, people: people, mails: s.mails}.check()
	return forgotten
}

// undo takes back what was written to a file since its last sync.
func undo(t *testing.T, path string) int {
	t.Helper()
	text, err := os.ReadFile(path + ".undo") // there from the first open on, or the library was not
	check(t, err)
	type change struct {
		at, size int64
		was      []byte
	}
	var changes []change
	for r := bytes.NewReader(text); r.Len() > 0; {
		var head [3]int64
		check(t, binary.Read(r, binary.NativeEndian, &head))
		c := change{head[0], head[1], make([]byte, head[2])}
		_, err := io.ReadFull(r, c.was)
		check(t, err)
		changes = append(changes, c)
	}
	if len(changes) == 0 {
		return 0
	}
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	check(t, err)
	for _, c := range slices.Backward(changes) {
		_, err := f.WriteAt(c.was, c.at)
		check(t, err)
		check(t, f.Truncate(c.size))
	}
	check(t, f.Close())
	return len(changes)
}
