// Package api is what a partner's programs ask of alta: /api/v1. Its contract is
// openapi.yaml, which tests hold every request and every answer against; errors are
// problems as RFC 9457 has them.
//
// It knows neither the ledger nor who may come in: what it needs of either it asks
// through interfaces of its own, and whoever serves it lets nobody in without a token.
package api
