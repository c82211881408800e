// Package intake takes in what the partner tells of its users: the webhooks of
// Capa.
//
// A webhook is a POST of a small JSON object, signed in the header
// capa-signature with the hex HMAC-SHA256 of its body. Nothing of a body is
// looked at before its signature is good. Webhooks have no id and no time stamp,
// repeat, and come out of order, so what one does is left to the [Ledger]: it
// moves a status forward only, and one event has one effect however often it
// comes. That is why a replayed webhook does no harm.
//
// The answers:
//
//	answer  means                                                       what Capa does
//	200     taken: it had an effect, was known already, or is kept for  nothing
//	        an operator, because nobody knows the user or the event
//	400     signed, but no event: not JSON, a field missing or bad      tries again, in vain
//	401     the signature is missing, malformed or of another secret    tries again
//	405     not a POST
//	413     a body over 64 KiB
//	503     the ledger could not be written                             tries again
//
// Capa tries five times: at once, then after 1, 5, 10 and 15 minutes.
package intake
