package fleet

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"
)

func TestQuietSaysATroubleOnceAMinute(t *testing.T) {
	var out bytes.Buffer
	h := newQuiet(slog.NewTextHandler(&out, nil))
	log := slog.New(h)
	log.Info("a job was worked")
	log.With("queue", "alta_pull").Error("no jobs can be fetched")
	log.With("queue", "alta_deliver").Error("no jobs can be fetched")
	later := slog.NewRecord(time.Now().Add(2*sayAgain), slog.LevelError, "no jobs can be fetched", 0)
	if err := h.Handle(context.Background(), later); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(out.String(), "no jobs can be fetched"); n != 2 || strings.Contains(out.String(), "worked") {
		t.Errorf("it says\n%s", out.String())
	}
}
