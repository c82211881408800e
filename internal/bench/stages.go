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

// stages are the microseconds of CPU that a mail costs, by stage and round.
type stages map[stage]series

// costs are where the CPU time of alta goes.
type costs struct {
	stages    stages
	functions []function
}

// profilePath is where the profile of a round is, which counts from 0.
func (b *bench) profilePath(round int) string {
	return filepath.Join(b.dir, fmt.Sprintf("cpu-%d.pprof", round))
}

// costs reads the profiles of all rounds. The shares of the stages are laid on
// what the kernel says that the profiled run spent, which is more exact than the
// number of samples.
func (b *bench) costs() (costs, error) {
	found := costs{stages: stages{}}
	var all []*profile.Profile
	for round, spent := range b.results.of(nameProfile, cpu) {
		p, err := readProfile(b.profilePath(round))
		if err != nil {
			return costs{}, err
		}
		found.stages.add(weigh(p), spent)
		all = append(all, p)
	}
	found.functions = busiest(all)
	return found, nil
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

// add adds a round in which a mail cost so much and the stages had these weights.
func (s stages) add(weights map[stage]int64, spent float64) {
	total := int64(0)
	for _, n := range weights {
		total += n
	}
	for _, each := range allStages() {
		s[each] = append(s[each], spent*float64(weights[each])/float64(max(total, 1)))
	}
}

// total is the sum of the medians.
func (s stages) total() (sum float64) {
	for _, us := range s {
		sum += us.median()
	}
	return sum
}

// share is the part of a stage in it.
func (s stages) share(of stage) float64 {
	if total := s.total(); total > 0 {
		return s[of].median() / total
	}
	return 0
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
	case strings.HasPrefix(f.function, "alta/store."), strings.HasPrefix(f.function, "alta/store/"):
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
		"address.go", "dkim.go", "header.go", "letterhead.go", "message.go", "quotedprintable.go", "recipient.go", "unsubscribe.go", "words.go",
	}
}

// carriers are its other files, by which the message gets to the server.
func carriers() []string {
	return []string{
		"ack_linux.go", "ack_other.go", "auth.go", "capacity.go", "chain.go", "config.go", "connection.go", "dial.go", "failure.go", "fault.go",
		"mailer.go", "muteness.go", "pool.go", "idle.go", "queue.go", "redact.go", "reply.go", "resize.go", "socket.go", "streak.go", "transaction.go", "turn.go",
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
