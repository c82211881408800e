package main

import (
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	"alta/internal/pgcluster"
	"alta/pipeline"
)

// requireReal makes a missing smtp-sink or PostgreSQL a failure: where all checks
// must run, none may quietly run with less.
const requireReal = "ALTA_REQUIRE_REAL"

// bench is one call of the program.
type bench struct {
	options
	now    pipeline.Clock
	log    io.Writer // progress
	root   string    // of the module
	dir    string    // for everything that is removed at the end
	store  string    // for the ledgers: dir, or the folder to keep
	self   string    // this program
	alta   string    // the released program
	sink   string    // smtp-sink, "" when it is not there
	source string    // smtp-source, likewise
	body   int       // bytes of a mail without its header
	schema string    // tells ledgers of one version of alta from those of another

	hasShared bool    // PostgreSQL is installed
	shared    *shared // its server, nil until a measurement needs one

	ledgers map[string]string // the folders of those that are made
	results results
}

// measureAll measures, prints the table, and writes the page if told to.
func measureAll(ctx context.Context, o options, now pipeline.Clock, out, log io.Writer) (err error) {
	b, err := newBench(ctx, o, now, log)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.close()) }()
	spent, err := b.measure(ctx)
	if err != nil {
		return err
	}
	f := findings{
		options: o, results: b.results, costs: spent, machine: lookAtMachine(ctx, b.store),
		server: b.serverTitle(), shared: b.shared.title(), at: now(), body: b.body,
	}
	if err := f.print(out); err != nil || !o.write {
		return err
	}
	return f.write(filepath.Join(b.root, "docs"))
}

func newBench(ctx context.Context, o options, now pipeline.Clock, log io.Writer) (b *bench, err error) {
	b = &bench{
		options: o, now: now, log: log, ledgers: map[string]string{}, results: results{},
		sink: postfixTool("smtp-sink"), source: postfixTool("smtp-source"),
	}
	if (b.sink == "" || b.source == "") && os.Getenv(requireReal) != "" {
		return nil, fmt.Errorf("smtp-sink or smtp-source is missing (Debian has them in the package postfix), and %s is set", requireReal)
	}
	if _, missing := pgcluster.Find(); missing == nil {
		b.hasShared = true
	} else if os.Getenv(requireReal) != "" {
		return nil, fmt.Errorf("%w, and %s is set", missing, requireReal)
	} else {
		b.say("what needs PostgreSQL is left out: %v", missing)
	}
	if b.body, err = bodyBytes(); err != nil {
		return nil, err
	}
	if b.self, err = os.Executable(); err != nil {
		return nil, err
	}
	root, err := exec.CommandContext(ctx, "go", "list", "-m", "-f", "{{.Dir}}").Output()
	if err != nil {
		return nil, fmt.Errorf("find the module: %w", err)
	}
	b.root = strings.TrimSpace(string(root))
	if b.dir, err = os.MkdirTemp("", "alta-bench-"); err != nil {
		return nil, err
	}
	if err := b.settle(ctx); err != nil {
		return nil, errors.Join(err, os.RemoveAll(b.dir))
	}
	return b, nil
}

// close ends the server of PostgreSQL, if there is one, and removes everything.
func (b *bench) close() (err error) {
	if b.shared != nil {
		err = b.shared.Stop()
	}
	return errors.Join(err, os.RemoveAll(b.dir))
}

// settle makes the folders and builds the program.
func (b *bench) settle(ctx context.Context) (err error) {
	// smtp-sink may run as somebody else, who has nothing to look for here.
	b.store = b.dir
	if b.keep != "" {
		if b.store, err = filepath.Abs(b.keep); err != nil {
			return err
		}
		if err := os.MkdirAll(b.store, 0o700); err != nil {
			return err
		}
	}
	if b.schema, err = schemaOf(b.root); err != nil {
		return err
	}
	b.alta = filepath.Join(b.dir, "alta")
	build := b.command(ctx, "go", "build", "-o", b.alta, ".") // as 'make build' does
	build.cmd.Dir = b.root
	_, err = build.run()
	return err
}

// schemaOf is a short name for the schema of the ledger. A ledger that was kept
// must not be brought up to date in the middle of a measurement.
func schemaOf(root string) (string, error) {
	files, err := filepath.Glob(filepath.Join(root, "store", "migrations", "*.sql"))
	if err != nil {
		return "", err
	}
	h := fnv.New32a()
	for _, path := range files {
		text, err := os.ReadFile(path)
		if err != nil {
			return "", err
		}
		_, _ = h.Write(text) // it never fails, as hash.Hash says
	}
	return fmt.Sprintf("%08x", h.Sum32()), nil
}

func (b *bench) serverTitle() string {
	if b.sink == "" {
		return catcherTitle
	}
	return sinkTitle
}

// measure makes all measurements in turn, A B C A B C …, so that what changes on
// the machine meanwhile meets all of them alike.
func (b *bench) measure(ctx context.Context) (costs, error) {
	chosen := 0
	for round := range b.rounds {
		for _, m := range b.measurements() {
			if b.only != nil && !b.only.MatchString(m.name) {
				continue
			}
			chosen++
			s, err := m.make(ctx)
			if errors.Is(err, errNotHere) {
				b.say("round %d of %d: %s is left out: %v", round+1, b.rounds, m.name, err)
				continue
			}
			if err != nil {
				return costs{}, fmt.Errorf("%s: %w", m.name, err)
			}
			b.results.add(m.name, s)
			b.say("round %d of %d: %s: %s", round+1, b.rounds, m.name, s)
		}
	}
	if chosen == 0 {
		return costs{}, errors.New("-only leaves no measurement")
	}
	return b.costs()
}

// errNotHere says that a measurement needs what this machine does not have.
var errNotHere = errors.New("smtp-source is not there")

func (b *bench) say(format string, args ...any) { fmt.Fprintf(b.log, format+"\n", args...) }

// measurement is one of those that are made in turn.
type measurement struct {
	name string
	make func(context.Context) (sample, error)
}

// The names of the measurements.
const (
	nameSource     = "wire/smtp-source"
	nameGoMail     = "wire/go-mail"
	nameLoop       = "wire/loop"
	nameAlta       = "alta/fast-api"
	nameAltaSlow   = "alta/slow-api"
	nameProfile    = "alta/profile"
	nameLinkGoMail = "link/go-mail"
	nameLinkNoop   = "link/go-mail-as-it-comes"
	nameLinkAlta   = "link/alta"
	namePullSmall  = "ledger/pull-small"
	namePullLarge  = "ledger/pull-large"
	namePullGiant  = "ledger/pull-giant"
	nameStatus     = "ledger/status-large"
	nameStatusHuge = "ledger/status-giant"
	nameRunLarge   = "ledger/run-large"
	nameImport     = "import/large"
	nameIdle       = "idle/serve"
	nameTick       = "idle/tick"
	nameStart      = "start/small"
	nameStartLarge = "start/large"

	nameShared     = "alta/postgres"
	nameFleetOne   = "fleet/one"
	nameFleetThree = "fleet/three"
	namePullShared = "ledger/pull-postgres"
)

// sharedNames are those of the measurements that need PostgreSQL.
func sharedNames() []string {
	return []string{nameShared, nameFleetOne, nameFleetThree, namePullShared}
}

func (b *bench) measurements() []measurement {
	all := []measurement{
		{nameSource, b.measureSource},
		{nameGoMail, b.measureGoMail},
		{nameLoop, b.measureLoop},
		{nameAlta, b.measureAlta(0)},
		{nameShared, b.measureShared}, // right behind what it is compared with
		{nameAltaSlow, b.measureAlta(slowAPI)},
		{nameProfile, b.measureProfiled},
		{nameLinkGoMail, b.measureLinkGoMail(false)},
		{nameLinkNoop, b.measureLinkGoMail(true)},
		{nameLinkAlta, b.measureLinkAlta},
		{namePullSmall, b.measurePull(ledgerPullSmall)},
		{namePullLarge, b.measurePull(ledgerPullLarge)},
		{nameStatus, b.measureStatus(ledgerPullLarge)},
		{nameRunLarge, b.measureRunLarge},
		{nameImport, b.measureImport},
		{nameIdle, b.measureIdle},
		{nameTick, b.measureTick},
		{nameStart, b.measureStart(ledgerDue)},
		{nameStartLarge, b.measureStart(ledgerPullLarge)},
		{nameFleetOne, b.measureFleet(1)},
		{nameFleetThree, b.measureFleet(mostMachines)},
	}
	if b.huge || b.short {
		all = append(all,
			measurement{namePullGiant, b.measurePull(ledgerPullGiant)},
			measurement{nameStatusHuge, b.measureStatus(ledgerPullGiant)},
			measurement{namePullShared, b.measurePullShared})
	}
	if !b.hasShared {
		all = slices.DeleteFunc(all, func(m measurement) bool { return slices.Contains(sharedNames(), m.name) })
	}
	return all
}
