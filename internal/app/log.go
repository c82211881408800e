package app

import (
	"log/slog"
	"os"

	"golang.org/x/term"
)

// newLogger logs text to a terminal and JSON elsewhere, unless the settings
// say which. Only the daemon tells what goes well: a command has its answer.
func (a *app) newLogger() *slog.Logger {
	c := a.config.Log
	level := c.SlogLevel()
	if !a.daemon && level == slog.LevelInfo {
		level = slog.LevelWarn
	}
	options := &slog.HandlerOptions{Level: level}
	if c.Format == "text" || (c.Format == "auto" && isTerminal(a.screen.out)) {
		return slog.New(slog.NewTextHandler(a.screen, options))
	}
	return slog.New(slog.NewJSONHandler(a.screen, options))
}

// isTerminal tells whether a person watches w.
func isTerminal(w any) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
