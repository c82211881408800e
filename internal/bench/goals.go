package main

import "fmt"

// goal is what a figure has to be.
type goal struct {
	number  int    // as the project counts them
	what    string // of the figure
	unit    string
	found   series
	bound   float64
	atLeast bool // else at most
}

// goals are all goals, with what was found for them. A ratio is made in each
// round, between two measurements that lie minutes apart at most.
func (r results) goals(o options) []goal {
	alta := r.of(nameAlta, rate)
	all := []goal{
		{1, "alta end to end ÷ go-mail alone", "", alta.over(r.of(nameGoMail, rate)), 1, true},
		{1, "alta end to end ÷ the straightforward loop", "", alta.over(r.of(nameLoop, rate)), 8, true},
		{1, "alta's own CPU a mail", "us", r.of(nameAlta, cpu), 260, false},
		{2, "alta with 50 ms of API latency ÷ without", "", r.of(nameAltaSlow, rate).over(alta), 0.9, true},
		{2, "20 ms link: alta ÷ go-mail's Send as it comes", "", r.of(nameLinkAlta, rate).over(r.of(nameLinkNoop, rate)), 3, true},
		{2, "20 ms link: alta ÷ go-mail's Send, NOOP off", "", r.of(nameLinkAlta, rate).over(r.of(nameLinkGoMail, rate)), 3, true},
		{3, "peak memory, " + grouped(fmt.Sprint(o.mails)) + " mails", "MiB", r.of(nameAlta, peak), 64, false},
		{3, "the same, API latency 50 ms", "MiB", r.of(nameAltaSlow, peak), 64, false},
		{3, "peak memory, a million users in the ledger", "MiB", r.of(nameRunLarge, peak), 96, false},
		{3, "memory of a run's second half ÷ its first", "", r.of(nameAlta, flat), 1.1, false},
		{4, "a pull of 1,000: of a million ÷ of 10,000 users", "", r.of(namePullLarge, took).over(r.of(namePullSmall, took)), 1.5, false},
		{4, "rate among a million users ÷ without them", "", r.of(nameRunLarge, rate).over(alta), 0.9, true},
	}
	if o.huge || o.short {
		all = append(all,
			goal{4, "a pull of 1,000 of ten million users", "ms", r.of(namePullGiant, took), 99, false},
			goal{4, "'alta status' of ten million users", "ms", r.of(nameStatusHuge, took), 99, false})
	}
	all = append(all,
		goal{5, "idle daemon, default schedule", "% of a core", r.idle(), 0.2, false},
		goal{5, "a tick with nothing due", "ms", r.of(nameTick, tickTime), 5, false},
		goal{6, "import of a million rows", "s", r.of(nameImport, wall), 30, false},
		goal{6, "peak memory of that import", "MiB", r.of(nameImport, peak), 64, false},
		goal{6, "'alta run' to the first byte at the SMTP server", "ms", r.of(nameStart, ehlo), 150, false},
		goal{6, "the same, a million users in the ledger", "ms", r.of(nameStartLarge, ehlo), 150, false},
		goal{7, "alta end to end, the ledger on PostgreSQL ÷ on SQLite", "", r.of(nameShared, rate).over(alta), 0.6, true},
		goal{7, "50 ms of API latency, few connections each: three machines ÷ one", "", r.of(nameFleetThree, rate).over(r.of(nameFleetOne, rate)), 2.5, true},
	)
	if o.huge || o.short {
		all = append(all,
			goal{7, fmt.Sprintf("a pull of %d of ten million users on PostgreSQL", sharedPulled), "ms", r.of(namePullShared, took), 20, false})
	}
	return all
}

// idle is what a daemon with the default schedule spends: what it spends between
// two ticks, and the tick.
func (r results) idle() series {
	idle, ticking := r.of(nameIdle, core), r.of(nameTick, tickCPU)
	var all series
	for i := range min(len(idle), len(ticking)) {
		// The ticking daemon ticks each second, so that what it spends in a second
		// on top of an idle one, in thousandths, is a tick's.
		tick := max(ticking[i]-10*idle[i], 0)
		all = append(all, idle[i]+tick/10/defaultEvery)
	}
	return all
}

// met tells whether the median reaches the goal.
func (g goal) met() bool {
	if g.atLeast {
		return g.found.median() >= g.bound
	}
	return g.found.median() <= g.bound
}

// wanted is the goal in words.
func (g goal) wanted() string {
	direction := "at most"
	if g.atLeast {
		direction = "at least"
	}
	return fmt.Sprintf("%s %s%s", direction, number(g.bound), g.unitAfter())
}

func (g goal) unitAfter() string {
	if g.unit == "" {
		return ""
	}
	return " " + g.unit
}
