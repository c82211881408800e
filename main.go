// Command alta brings a partner's pending users through KYC by e-mail.
package main

import (
	"context"
	_ "embed"
	"os"
	"os/signal"
	"syscall"
	_ "time/tzdata" // every IANA zone, whatever the machine has

	"alta/internal/app"
)

//go:embed config.toml
var defaults []byte

func main() {
	ctx, cancel := context.WithCancel(context.Background())
	signals := make(chan os.Signal, 1)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM)
	go func() {
		<-signals
		signal.Stop(signals) // first, so that a second signal ends the process at once
		cancel()
	}()
	os.Exit(app.Main(ctx, os.Args[1:], defaults))
}
