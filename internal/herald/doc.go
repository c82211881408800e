// Package herald tells a partner's program what happened: outgoing webhooks as
// https://www.standardwebhooks.com has them, signed, and tried again for days. Each
// event is told at least once; a receiver knows one that it has by its webhook-id.
package herald
