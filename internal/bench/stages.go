package main

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/google/pprof/profile"
)

// stage is a part of alta's work on a mail.
type stage string

// The stages, in the order in which a mail meets them.
const (
	stageMint      stage = "mint"
	stageRender    stage = "render"
	stageBuild     stage = "build"
	stageTransmit  stage = "transmit"
	stageLedger    stage = "ledger"
	stageLoop      stage = "run loop and the rest"
	stageGarbage   stage = "garbage collection"
	stageScheduler stage = "scheduler"
)

func allStages() []stage {
	return []stage{stageMint, stageRender, stageBuild, stageTransmit, stageLedger, stageLoop, stageGarbage, stageScheduler}
}

// stages are the microseconds of CPU that a mail costs, by stage.
type stages map[stage]float64

// profile reads the profiles of all rounds. Their shares are laid on what the
// kernel says that the profiled runs spent, which is more exact than the number
// of samples.
func (b *bench) profile() (stages, error) {
	spent := b.results.of(nameProfile, cpu).median()
	paths, err := filepath.Glob(filepath.Join(b.dir, "cpu-*.pprof"))
	if err != nil || len(paths) == 0 {
		return nil, err
	}
	weights := map[stage]int64{}
	for _, path := range paths {
		p, err := readProfile(path)
		if err != nil {
			return nil, err
		}
		for s, n := range weigh(p) {
			weights[s] += n
		}
	}
	return shares(weights, spent), nil
}

func readProfile(path string) (*profile.Profile, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }() // it was only read
	p, err := profile.Parse(f)
	if err != nil {
		return nil, fmt.Errorf("read the profile: %w", err)
	}
	return p, nil
}

func shares(weights map[stage]int64, spent float64) stages {
	total := int64(0)
	for _, n := range weights {
		total += n
	}
	if total == 0 {
		return nil
	}
	out := stages{}
	for _, s := range allStages() {
		out[s] = spent * float64(weights[s]) / float64(total)
	}
	return out
}

// weigh counts the samples of a profile by stage.
func weigh(p *profile.Profile) map[stage]int64 {
	weights := map[stage]int64{}
	for _, s := range p.Sample {
		weights[stageOf(framesOf(s))] += s.Value[0]
	}
	return weights
}

// frame is a function on the stack.
type frame struct{ function, file string }

// framesOf is the stack of a sample, the innermost function first.
func framesOf(s *profile.Sample) (stack []frame) {
	for _, at := range s.Location {
		for _, line := range at.Line {
			if line.Function != nil {
				stack = append(stack, frame{line.Function.Name, filepath.Base(line.Function.Filename)})
			}
		}
	}
	return stack
}

// stageOf says what a sample worked for. The collector comes first, wherever it
// was called from; then the innermost function of alta decides, so that the
// ledger's part in a send is the ledger's; then, in a goroutine of a library,
// whose library it is.
func stageOf(stack []frame) stage {
	switch {
	case slices.ContainsFunc(stack, isGarbage):
		return stageGarbage
	case len(stack) == 0:
		return stageLoop
	}
	for _, f := range stack {
		if s, ours := stageOfOurs(f); ours {
			return s
		}
	}
	for _, f := range stack {
		if s, known := stageOfLibrary(f); known {
			return s
		}
	}
	if slices.ContainsFunc(stack, func(f frame) bool { return !isRuntime(f) }) {
		return stageLoop
	}
	return stageScheduler
}

func isGarbage(f frame) bool {
	return slices.ContainsFunc([]string{
		"runtime.gcBgMarkWorker", "runtime.gcAssistAlloc", "runtime.gcStart", "runtime.gcMarkTermination",
		"runtime.bgsweep", "runtime.bgscavenge", "runtime.deductSweepCredit", "runtime.gcDrain", "runtime.gcMarkDone",
	}, func(name string) bool { return strings.HasPrefix(f.function, name) })
}

// stageOfOurs tells the stage of a function of alta. Building a message and
// sending it are both the mailer's; there the file decides.
func stageOfOurs(f frame) (stage, bool) {
	switch {
	case strings.HasPrefix(f.function, "alta/internal/capa."):
		return stageMint, true
	case strings.HasPrefix(f.function, "alta/templates."):
		return stageRender, true
	case strings.HasPrefix(f.function, "alta/store."):
		return stageLedger, true
	case strings.HasPrefix(f.function, "alta/internal/mailer."):
		return stageOfMailer(f.file)
	case strings.HasPrefix(f.function, "alta/") || strings.HasPrefix(f.function, "main."):
		return stageLoop, true
	}
	return "", false
}

// stageOfMailer tells it of a function in a file of the mailer. What the compiler
// wrote itself is in none, and is left to its caller.
func stageOfMailer(file string) (stage, bool) {
	switch {
	case slices.Contains(builders(), file):
		return stageBuild, true
	case slices.Contains(carriers(), file):
		return stageTransmit, true
	}
	return "", false
}

// builders are the files of the mailer that make the bytes of a message, with the
// addresses that its envelope shares.
func builders() []string {
	return []string{
		"address.go", "dkim.go", "header.go", "letterhead.go", "message.go", "quotedprintable.go", "recipient.go", "words.go",
	}
}

// carriers are its other files, by which the message gets to the server.
func carriers() []string {
	return []string{
		"ack_linux.go", "ack_other.go", "auth.go", "capacity.go", "config.go", "connection.go", "dial.go", "failure.go", "fault.go",
		"mailer.go", "pool.go", "idle.go", "queue.go", "redact.go", "reply.go", "socket.go", "streak.go", "transaction.go", "turn.go",
	}
}

func stageOfLibrary(f frame) (stage, bool) {
	switch {
	case strings.HasPrefix(f.function, "net/http."):
		return stageMint, true
	case strings.HasPrefix(f.function, "database/sql."), strings.HasPrefix(f.function, "github.com/mattn/go-sqlite3."):
		return stageLedger, true
	case strings.HasPrefix(f.function, "github.com/wneessen/go-mail"):
		return stageTransmit, true
	}
	return "", false
}

func isRuntime(f frame) bool {
	return strings.HasPrefix(f.function, "runtime.") || strings.HasPrefix(f.function, "runtime/") ||
		strings.HasPrefix(f.function, "internal/runtime/") || !strings.Contains(f.function, ".")
}
