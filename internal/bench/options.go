package main

import (
	"errors"
	"flag"
	"fmt"
	"regexp"
	"time"
)

// What alta and its rivals are given. They stand in one place, so that all
// measurements speak of the same load.
const (
	smtpConnections = 16  // kept connections to the SMTP server, for everybody
	altaWorkers     = 384 // plan.workers: deliveries in flight
	altaCalls       = 256 // capa.connections: most calls in flight at the partner API

	slowAPI  = 50 * time.Millisecond // of latency, each answer
	slowLink = 20 * time.Millisecond // of round trip to the SMTP server
)

// options are what one call measures, and how much of it.
type options struct {
	short  bool
	huge   bool
	write  bool
	only   *regexp.Regexp // nil is everything
	keep   string         // a folder whose ledgers outlive the call; "" is none
	rounds int
	load
}

// load is the size of the measurements.
type load struct {
	mails       int           // of an end-to-end run
	loopMails   int           // of the straightforward loop, which is slow
	linkMails   int           // through the slow link
	fleetMails  int           // for each machine of a fleet
	small       int           // users of the small ledger
	large       int           // users of the large one
	giant       int           // users of the one for -huge
	sharedGiant int           // and of the one for -huge on PostgreSQL
	pulled      int           // due deliveries that a pull takes
	idle        time.Duration // how long the daemon is watched
}

func fullLoad(mails int) load {
	return load{
		mails: mails, loopMails: max(mails/20, 1), linkMails: max(mails/10, 1), fleetMails: max(mails/10, 1),
		small: 10_000, large: 1_000_000, giant: 10_000_000, sharedGiant: 10_000_000, pulled: 1_000, idle: 20 * time.Second,
	}
}

func shortLoad() load {
	return load{
		mails: 96, loopMails: 8, linkMails: 48, fleetMails: 32,
		small: 200, large: 1_000, giant: 2_000, sharedGiant: 100_000, pulled: 50, idle: 2 * time.Second,
	}
}

func parseOptions(args []string) (o options, err error) {
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.BoolVar(&o.short, "short", false, "everything once and tiny; judges no goal")
	f.BoolVar(&o.huge, "huge", false, "the ledgers of ten million users, too; takes long the first time")
	f.BoolVar(&o.write, "write", false, "write docs/performance.md and its pictures")
	f.StringVar(&o.keep, "keep", "", "keep the ledgers in `FOLDER`, but for those on PostgreSQL, and use them again within half a day")
	f.IntVar(&o.rounds, "rounds", 5, "measure everything `N` times, in turn")
	mails := f.Int("mails", 20_000, "send `N` mails in an end-to-end run")
	only := f.String("only", "", "only what `REGEXP` matches, for example '^alta/'")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if *only != "" {
		if o.only, err = regexp.Compile(*only); err != nil {
			return o, fmt.Errorf("-only: %w", err)
		}
	}
	o.load = fullLoad(*mails)
	if o.short {
		o.rounds, o.load = 1, shortLoad()
	}
	switch {
	case f.NArg() > 0:
		return o, fmt.Errorf("%q is no flag", f.Arg(0))
	case o.rounds < 1 || *mails < 1:
		return o, errors.New("-rounds and -mails must be 1 or more")
	case o.write && (o.only != nil || o.short):
		return o, errors.New("-write needs a whole, full measurement: neither -only nor -short goes with it")
	}
	return o, nil
}
