package app

import (
	"cmp"
	"fmt"

	"github.com/spf13/cobra"

	"alta/internal/capa"
)

func (a *app) webhookCommand() *cobra.Command {
	c := &cobra.Command{
		Use:   "webhook",
		Short: "Tell Capa where to deliver webhooks, and try the way",
		Long: `webhook sees to the partner's webhooks, by which alta learns who is verified and
who was rejected. They come to /hooks/capa below public.base_url, on
public.listen, while 'alta serve' runs.`,
		Example: `  alta webhook register
  alta webhook test`,
	}
	c.AddCommand(a.webhookRegisterCommand(), a.webhookTestCommand())
	return c
}

func (a *app) webhookRegisterCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "register [URL]",
		Short: "Tell Capa where to deliver webhooks",
		Long: `register tells the partner API to deliver webhooks to URL, by default to
/hooks/capa below public.base_url. There is one address for each partner, which
takes the place of the one before. URL is https, or http on a loopback host.`,
		Example: `  alta webhook register
  alta webhook register https://kyc.acme.example/hooks/capa`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			address, err := a.webhookAddress(args)
			if err != nil {
				return err
			}
			if err := a.config.checkPartner(); err != nil {
				return err
			}
			client, err := newCapa(a.config, a.now)
			if err != nil {
				return err
			}
			defer client.Close()
			if err := client.RegisterWebhook(c.Context(), address); err != nil {
				return err
			}
			if len(a.config.Webhook.Secrets()) == 0 {
				a.log.Warn("there is no webhook secret, so alta refuses every webhook: set webhook.secret_file, or ALTA_WEBHOOK_SECRET")
			}
			_, err = fmt.Fprintf(a.out, "%s delivers webhooks to %s from now on; 'alta webhook test' tries the way.\n", a.config.Capa.BaseURL, address)
			return err
		},
	}
}

func (a *app) webhookTestCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "test [URL]",
		Short: "Send a signed test event, and see whether it comes through",
		Long: `test sends an event of its own, signed with the webhook secret, to URL, by default
to /hooks/capa below public.base_url, as Capa would. alta answers it and writes
nothing down. What is in the way is said with what to do about it. 'alta doctor'
does the same.`,
		Example: `  alta webhook test
  alta webhook test https://kyc.acme.example/hooks/capa`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			if err := a.load(); err != nil {
				return err
			}
			address, err := a.webhookAddress(args)
			if err != nil {
				return err
			}
			if err := a.config.checkWebhookSecret(); err != nil {
				return err
			}
			if err := a.probeWebhook(c.Context(), address); err != nil {
				return err
			}
			_, err = fmt.Fprintf(a.out, "A signed test event came through at %s.\n", address)
			return err
		},
	}
}

// webhookAddress is the one that was typed, or the one that the settings name.
func (a *app) webhookAddress(args []string) (string, error) {
	typed := ""
	if len(args) > 0 {
		typed = args[0]
	}
	address := cmp.Or(typed, a.config.webhookURL())
	if address == "" {
		return "", usage("where do webhooks come to? Set public.base_url, or name the address, for example https://kyc.acme.example/hooks/capa")
	}
	if err := capa.CheckWebhookURL(address); err != nil {
		return "", usage("the webhook's address: %w", err)
	}
	return address, nil
}
