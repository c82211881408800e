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
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the process at once.
	context.AfterFunc(ctx, stop)
	os.Exit(app.Main(ctx, os.Args[1:], defaults))
}
