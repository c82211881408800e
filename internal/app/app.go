// Package app puts alta together: configuration, wiring, schedule and
// commands. It is the only package that knows all the others.
package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net"
	"os"
	"os/user"
	"time"

	"github.com/spf13/cobra"

	"alta/pipeline"
	"alta/store"
	"alta/store/postgres"
)

// app is one invocation of the program.
type app struct {
	in         io.Reader
	out        io.Writer // the answer alone
	screen     *screen   // standard error: logs, progress and warnings
	getenv     func(string) string
	now        pipeline.Clock
	local      pipeline.Clock // this machine's own, where now is the database's
	defaults   []byte         // the embedded config.toml
	configFile string         // the --config flag
	daemon     bool           // logs what goes well, too

	sockets map[string]net.Listener // what the demo listens on, so that it knows its addresses before it writes them down

	config *Config      // set by load
	log    *slog.Logger // set by load
}

// Main runs the command line and returns the exit status. defaults is the
// embedded config.toml.
func Main(ctx context.Context, args []string, defaults []byte) int {
	// Nothing of alta's uses package log, and net/http quotes there what a server
	// sends unasked: with an answer that is longer than it says, a link.
	log.SetOutput(io.Discard)
	a := &app{
		in: os.Stdin, out: os.Stdout, screen: &screen{out: os.Stderr},
		getenv: os.Getenv, now: time.Now, defaults: defaults,
	}
	return a.run(ctx, args)
}

func (a *app) run(ctx context.Context, args []string) int {
	root := a.rootCommand()
	root.SetArgs(args)
	root.SetIn(a.in)
	root.SetOut(a.out)
	root.SetErr(a.screen)
	err := root.ExecuteContext(ctx)
	a.complain(err)
	return exitStatus(err)
}

// complain says what went wrong. Mistakes in the configuration begin with
// FILE:LINE:COLUMN, as editors know it.
func (a *app) complain(err error) {
	if err == nil || err.Error() == "" {
		return
	}
	prefix := "alta: "
	if _, ok := errors.AsType[*ConfigError](err); ok {
		prefix = ""
	}
	fmt.Fprintf(a.screen, "%s%v\n", prefix, err)
}

// load reads the configuration and sets up the log.
func (a *app) load() error {
	if a.config != nil {
		return nil // a command that made its own, such as the demo
	}
	path, data, err := a.findConfig()
	if err != nil {
		return &exitError{exitUsage, err}
	}
	a.config, err = LoadConfig(path, data, a.defaults, a.getenv)
	if err != nil {
		return err
	}
	a.log = a.newLogger()
	for _, w := range a.config.Warnings {
		a.log.Warn(w)
	}
	return nil
}

// findConfig returns the file that --config names, or config.toml of the
// working directory, or nothing, which leaves the embedded default.
func (a *app) findConfig() (path string, data []byte, err error) {
	if a.configFile != "" {
		data, err = readConfigFile(a.configFile)
		if errors.Is(err, os.ErrNotExist) {
			return "", nil, fmt.Errorf("%s does not exist; 'alta init %s' writes one to start from", a.configFile, a.configFile)
		}
		if err != nil {
			return "", nil, fmt.Errorf("read the configuration: %w", err)
		}
		return a.configFile, data, nil
	}
	data, err = readConfigFile(defaultConfigFile)
	if errors.Is(err, os.ErrNotExist) {
		return "", nil, nil
	}
	if err != nil {
		return "", nil, fmt.Errorf("read the configuration: %w", err)
	}
	return defaultConfigFile, data, nil
}

const defaultConfigFile = "config.toml"

// openStore opens the ledger that the configuration names, and makes it where
// there is none.
func (a *app) openStore(ctx context.Context) (ledger, error) { return a.open(ctx, false) }

// open is openStore; existing makes no ledger where there is none.
func (a *app) open(ctx context.Context, existing bool) (ledger, error) {
	if err := a.load(); err != nil {
		return nil, err
	}
	if a.config.Database.shared() {
		return a.openShared(ctx, existing)
	}
	s, err := store.Open(ctx, a.config.Database.Path)
	if err != nil {
		return nil, &exitError{exitOutage, err}
	}
	return fileLedger{s}, nil
}

// openShared opens the ledger on PostgreSQL. From then on this program goes by the
// database's clock, as every machine of the fleet does.
func (a *app) openShared(ctx context.Context, existing bool) (ledger, error) {
	if a.local == nil {
		a.local = a.now
	}
	s, err := postgres.Open(ctx, postgres.Options{
		URL: a.config.Database.DSN, Connections: a.config.Database.Connections, Name: "alta", Existing: existing,
	})
	if errors.Is(err, postgres.ErrNoLedger) {
		return nil, err
	}
	if err != nil {
		return nil, &exitError{exitOutage, err}
	}
	clock, err := s.NewClock(ctx, a.local)
	if err != nil {
		return nil, &exitError{exitOutage, errors.Join(err, s.Close())}
	}
	a.now = clock.Now
	return sharedLedger{s, clock, a.config.Fleet.Lease}, nil
}

// checkReady loads the configuration and makes sure that it can send, before
// anything is made on the disk.
func (a *app) checkReady() error {
	if err := a.load(); err != nil {
		return err
	}
	return a.config.CheckReady()
}

// withStore runs do on the open ledger and closes it.
func (a *app) withStore(ctx context.Context, do func(ledger) error) error {
	return a.with(ctx, false, do)
}

func (a *app) with(ctx context.Context, existing bool, do func(ledger) error) (err error) {
	s, err := a.open(ctx, existing)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(s)
}

// withLedger is withStore for commands that look: it makes no ledger where there
// is none, since a mistaken path would then look like an empty one.
func (a *app) withLedger(ctx context.Context, do func(ledger) error) error {
	if err := a.load(); err != nil {
		return err
	}
	if err := a.ledgerExists(); err != nil {
		return err
	}
	return a.with(ctx, true, do)
}

func (a *app) ledgerExists() error {
	if a.config.Database.shared() {
		return nil // whoever opens it says what is wrong
	}
	if _, err := os.Stat(a.config.Database.Path); errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("there is no ledger at %s; 'alta users import' or 'alta run' makes it", a.config.Database.Path)
	}
	return nil
}

// act says who types the command, and why.
func (a *app) act(reason string) store.Act {
	actor := a.getenv("SUDO_USER")
	if actor == "" {
		if u, err := user.Current(); err == nil {
			actor = u.Username
		} else {
			actor = fmt.Sprintf("uid %d", os.Getuid()) // no name for it, in a container for example
		}
	}
	return store.Act{Actor: actor, Reason: reason}
}

// planner is the plan as the store asks for it.
func (a *app) planner() store.Planner { return planner(a.config.Plan.Plan(), a.now) }

// planner plans for moments that the ledger can write down. What is owed at once
// would else be due at the end of a millisecond that has begun, and a run that
// looks within it would not see it.
func planner(plan pipeline.Plan, now pipeline.Clock) store.Planner {
	return func(u pipeline.User, h pipeline.History) (pipeline.Next, bool) {
		return plan.Next(u, h, now().Truncate(time.Millisecond))
	}
}

// rootCommand is alta itself; each command stands in a file of its own.
func (a *app) rootCommand() *cobra.Command {
	root := &cobra.Command{
		Use:   "alta",
		Short: "Bring pending users through KYC by e-mail",
		Long: `alta pulls users who still owe an identity verification from a database, mints
a verification link for each through the partner API, writes them in their own
Spanish, sends over SMTP and records the delivery. Reminders follow, an expired
link is issued again, and a verified user hears no more.`,
		Example: `  alta demo --once                    see it all, with nothing to set up
  alta init && alta doctor            set up against your own servers
  alta users import users.csv         take in users
  alta run --dry-run                  who would get what now
  alta serve                          keep going by the schedule
  alta explain ana@example.mx         why a user got what, or nothing`,
		SilenceUsage:  true,
		SilenceErrors: true,
		Args:          cobra.NoArgs,
		Version:       version(),
	}
	root.SetVersionTemplate("alta {{.Version}}\n")
	root.PersistentFlags().StringVar(&a.configFile, "config", "", "configuration `FILE` (default: config.toml here, or the built-in one)")
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return usage("%w; see '%s --help'", err, c.CommandPath())
	})
	root.AddCommand(
		a.demoCommand(), a.initCommand(), a.doctorCommand(), a.serveCommand(), a.runCommand(),
		a.usersCommand(), a.resendCommand(), a.previewCommand(), a.statusCommand(), a.explainCommand(),
		a.backupCommand(), a.rekeyCommand(), a.migrateCommand(), a.moveCommand(),
		a.tokenCommand(), a.auditCommand(), a.webhookCommand(), a.eventsCommand(), manCommand(),
	)
	usageArgs(root)
	return root
}

// usageArgs makes wrong arguments of every command exit with the status for
// usage, and a group without a command show its help.
func usageArgs(c *cobra.Command) {
	check := c.Args
	if check == nil {
		check = cobra.NoArgs
	}
	c.Args = func(c *cobra.Command, args []string) error {
		if err := check(c, args); err != nil {
			return usage("%w; see '%s --help'", err, c.CommandPath())
		}
		return nil
	}
	if !c.Runnable() {
		c.RunE = func(c *cobra.Command, _ []string) error { return c.Help() }
	}
	for _, sub := range c.Commands() {
		usageArgs(sub)
	}
}
