package app

import (
	"context"
	"errors"
	"fmt"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"alta/internal/herald"
	"alta/store"
)

func (a *app) eventsCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "events",
		Short: "What happened, and how your program was told",
		Example: `  alta events list --waiting
  alta events test`,
	}
	c.AddCommand(a.eventsListCommand(), a.eventsTestCommand())
	return c
}

func (a *app) eventsListCommand() *cobra.Command {
	var after int64
	var limit int
	var waiting, asJSON bool
	c := &cobra.Command{
		Use:   "list",
		Short: "List events, and what came of telling them",
		Long: `list prints what happened while events.url was set, the oldest first, with the number
of tries, what the receiver said to the latest one, and when the next one comes.
Events are kept for 30 days.`,
		Example: `  alta events list --waiting
  alta events list --json | jq -r 'select(.state == "given_up") | .id'`,
		RunE: func(c *cobra.Command, _ []string) error {
			if limit < 1 {
				return usage("--limit %d: must be 1 or more", limit)
			}
			return a.withLedger(c.Context(), func(s ledger) error {
				return a.listEvents(c.Context(), s, after, limit, waiting, asJSON)
			})
		},
	}
	c.Flags().Int64Var(&after, "after", 0, "only events behind the one with this `NUMBER`")
	c.Flags().IntVar(&limit, "limit", 100, "at most `N` events")
	c.Flags().BoolVar(&waiting, "waiting", false, "only events that nobody has taken yet")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object a line")
	return c
}

// eventsAtOnce is how many events are read at once.
const eventsAtOnce = 1000

func (a *app) listEvents(ctx context.Context, s ledger, after int64, limit int, waiting, asJSON bool) error {
	enc, t := newLineEncoder(a.out), newTable(a.out)
	t.AppendHeader(table.Row{"number", "when (UTC)", "event", "user", "step", "code", "state", "tries", "said", "next try (UTC)"})
	for limit > 0 {
		page, err := s.Events(ctx, after, eventsAtOnce)
		if err != nil {
			return err
		}
		for _, e := range page {
			after = e.ID
			if limit == 0 || waiting && e.State != store.EventWaiting {
				continue
			}
			limit--
			if asJSON {
				if err := enc.Encode(eventOut(e)); err != nil {
					return err
				}
				continue
			}
			t.AppendRow(table.Row{e.ID, minute(e.At), e.Type, e.UserID, e.Step, e.Code, e.State, e.Tries, e.Said, minute(e.NextAt)})
		}
		if len(page) < eventsAtOnce {
			break
		}
	}
	switch {
	case asJSON:
	case t.Length() == 0:
		_, err := fmt.Fprintln(a.out, "There are no events; they are noted while events.url is set and 'alta serve' runs.")
		return err
	default:
		t.Render()
	}
	return nil
}

func (a *app) eventsTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test",
		Short: "Send a test event to events.url, and print the answer",
		Long: `test sends one signed event of the type alta.test, which happened to nobody, and
prints what the receiver said. It is sent once and stands nowhere.

Exit status: 0 the receiver took it; 1 it did not.`,
		Example: `  alta events test`,
		RunE: func(c *cobra.Command, _ []string) error {
			if err := a.load(); err != nil {
				return err
			}
			h, err := newHerald(a.config, herald.Options{Now: a.now, Log: a.log})
			if err != nil {
				return &exitError{exitUsage, err}
			}
			said, delivered, err := h.Test(c.Context(), store.NewEventName())
			if err != nil {
				return err
			}
			fmt.Fprintf(a.out, "the receiver said: %s\n", said)
			if !delivered {
				return &exitError{exitFailed, errors.New("the receiver did not take the event; any status of 200 to 299 says that it did")}
			}
			return nil
		},
	}
}
