package main

import (
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/jedib0t/go-pretty/v6/text"
)

// findings are everything that one call found out.
type findings struct {
	options
	results results
	costs
	machine machine
	server  string // the SMTP server
	shared  string // the PostgreSQL server, "" for none
	body    int    // bytes of a mail without its header
	at      time.Time
}

// section is a titled table.
type section struct {
	title string
	table table.Writer
}

// sections are the tables, the judgement first. Empty ones are left out.
func (f findings) sections() []section {
	all := []section{
		{"Ratios, processor time, memory", f.mainTable()},
		{"Mails", f.mailTable()},
		{"On PostgreSQL", f.sharedTable()},
		{"Ledger, import, daemon, start", f.otherTable()},
		{"The profile of alta, end to end", f.profileTable()},
		{"Machine", f.machineTable()},
	}
	return slices.DeleteFunc(all, func(s section) bool { return s.table.Length() == 0 })
}

// print writes the tables for a terminal.
func (f findings) print(out io.Writer) error {
	for _, s := range f.sections() {
		if _, err := fmt.Fprintf(out, "\n%s\n\n%s\n", s.title, s.table.Render()); err != nil {
			return err
		}
	}
	return nil
}

func newTable(header ...any) table.Writer {
	t := table.NewWriter()
	style := table.StyleLight
	style.Options = table.OptionsNoBordersAndSeparators
	style.Format.Header = text.FormatDefault
	t.SetStyle(style)
	t.AppendHeader(header)
	return t
}

// mainTable has what is wanted, and the CPU time of a mail by stage.
func (f findings) mainTable() table.Writer {
	t := newTable("goal", "figure", "median (least to most)", "wanted", "met")
	for _, g := range f.results.goals(f.options) {
		if len(g.found) > 0 {
			t.AppendRow(table.Row{g.number, g.what, g.found.String() + g.unitAfter(), g.wanted(), f.judge(g)})
		}
	}
	if f.stages.total() == 0 {
		return t
	}
	for _, s := range allStages() {
		t.AppendRow(table.Row{"", "CPU a mail, " + string(s), fmt.Sprintf("%s us, %.0f %%", f.stages[s], 100*f.stages.share(s)), "", ""})
	}
	return t
}

func (f findings) judge(g goal) string {
	switch {
	case f.short:
		return "not judged: -short"
	case g.met():
		return "yes"
	}
	return "NO"
}

// sender is who sends mails in a measurement, as the tables and the picture name
// it.
type sender struct{ name, measurement string }

func senders() []sender {
	return []sender{
		{"smtp-source: the wire limit", nameSource},
		{"go-mail alone, NOOP off", nameGoMail},
		{"alta, end to end", nameAlta},
		{"alta, ledger on PostgreSQL", nameShared},
		{"alta, API latency 50 ms", nameAltaSlow},
		{"alta, a million users in the ledger", nameRunLarge},
		{"the straightforward loop", nameLoop},
	}
}

func linkSenders() []sender {
	return []sender{
		{"go-mail's Send as it comes", nameLinkNoop},
		{"go-mail's Send, NOOP off", nameLinkGoMail},
		{"alta, end to end", nameLinkAlta},
	}
}

func (f findings) mailTable() table.Writer {
	t := newTable("who sends", "mails/s", "CPU us a mail", "peak MiB", "bytes a mail", "cores of the server", "cores of the API")
	add := func(s sender, prefix string) {
		r := f.results[s.measurement]
		if len(r) > 0 {
			t.AppendRow(table.Row{
				prefix + s.name, r[rate], r[cpu], r[peak],
				r[wireSize], r[smtpBusy], r[apiBusy],
			})
		}
	}
	for _, s := range senders() {
		add(s, "")
	}
	for _, s := range linkSenders() {
		add(s, "20 ms link: ")
	}
	return t
}

// sharedTable has what a mail costs with the ledger on PostgreSQL, beside the
// server's part in it.
func (f findings) sharedTable() table.Writer {
	t := newTable("who sends", "mails/s", "CPU us a mail", "of PostgreSQL", "peak MiB of a machine", "cores of alta", "of PostgreSQL", "of the SMTP server", "of the API")
	for _, s := range []sender{
		{"one machine, end to end", nameShared},
		{"one machine, API latency 50 ms, few connections", nameFleetOne},
		{fmt.Sprintf("%d machines, as many connections each", mostMachines), nameFleetThree},
	} {
		if r := f.results[s.measurement]; len(r) > 0 {
			t.AppendRow(table.Row{s.name, r[rate], r[cpu], r[sharedCPU], r[peak], r[altaBusy], r[sharedBusy], r[smtpBusy], r[apiBusy]})
		}
	}
	return t
}

func (f findings) otherTable() table.Writer {
	t := newTable("what", "median (least to most)")
	for _, line := range []struct{ what, measurement, figure, unit string }{
		{"a pull of " + count(f.pulled) + " due among " + count(f.small) + " users", namePullSmall, took, "ms"},
		{"the same among " + count(f.large), namePullLarge, took, "ms"},
		{"the same among " + count(f.giant), namePullGiant, took, "ms"},
		{fmt.Sprintf("a pull of %d on PostgreSQL among %s, with River's jobs", sharedPulled, count(f.sharedGiant)), namePullShared, took, "ms"},
		{fmt.Sprintf("the slowest of %d such pulls, cold caches among them", sharedPulls), namePullShared, slowest, "ms"},
		{"'alta status', " + count(f.large) + " users, the whole process", nameStatus, took, "ms"},
		{"the same, " + count(f.giant) + " users", nameStatusHuge, took, "ms"},
		{"peak memory of a run among " + count(f.large) + " users", nameRunLarge, peak, "MiB"},
		{"'alta users import' of " + count(f.large) + " rows", nameImport, wall, "s"},
		{"its rate", nameImport, rows, "rows/s"},
		{"its peak memory", nameImport, peak, "MiB"},
		{"'alta serve' between two ticks", nameIdle, core, "% of a core"},
		{"a tick with nothing due", nameTick, tickTime, "ms"},
		{"'alta serve' with a tick each second", nameTick, tickCPU, "ms of CPU a second"},
		{"from 'alta run' to the first byte, small ledger", nameStart, ehlo, "ms"},
		{"from 'alta run' to the first MAIL FROM, small ledger", nameStart, took, "ms"},
		{"from 'alta run' to the first byte, " + count(f.large) + " users", nameStartLarge, ehlo, "ms"},
		{"from 'alta run' to the first MAIL FROM, " + count(f.large) + " users", nameStartLarge, took, "ms"},
	} {
		if s := f.results.of(line.measurement, line.figure); len(s) > 0 {
			t.AppendRow(table.Row{line.what, s.String() + " " + line.unit})
		}
	}
	return t
}

func count(n int) string { return grouped(fmt.Sprint(n)) }

func (f findings) profileTable() table.Writer {
	t := newTable("function", "of the samples", "with what it calls")
	for _, each := range f.functions {
		t.AppendRow(table.Row{each.name, number(100*each.own) + " %", number(100*each.whole) + " %"})
	}
	return t
}

func (f findings) machineTable() table.Writer {
	t := newTable("what", "is")
	for _, row := range f.machine.rows() {
		t.AppendRow(table.Row{row[0], row[1]})
	}
	t.AppendRow(table.Row{"SMTP server", f.server})
	if f.shared != "" {
		t.AppendRow(table.Row{"PostgreSQL", f.shared})
	}
	t.AppendRow(table.Row{"a mail without its header", count(f.body) + " bytes"})
	t.AppendRow(table.Row{"kept SMTP connections", smtpConnections})
	t.AppendRow(table.Row{"alta: deliveries and API calls in flight at most", fmt.Sprintf("%d and %d", altaWorkers, altaCalls)})
	if f.shared != "" {
		t.AppendRow(table.Row{"a machine of a fleet: deliveries, API calls and SMTP connections at most",
			fmt.Sprintf("%d, %d and %d", machineWorkers, machineCalls, machineConnections)})
	}
	t.AppendRow(table.Row{"mails of a run, through the link, of the loop",
		fmt.Sprintf("%s, %s, %s", count(f.mails), count(f.linkMails), count(f.loopMails))})
	t.AppendRow(table.Row{"rounds", f.rounds})
	t.AppendRow(table.Row{"date", f.at.UTC().Format(time.DateOnly)})
	return t
}
