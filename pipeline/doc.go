// Package pipeline holds the domain of alta and the flow of one mail.
//
// One struct, [Delivery], travels through one chain of stages; the order of
// its fields is the order of the stages that fill them:
//
//	        +------ Record: judges what happened and writes it down ------+
//	        |                                                             |
//	Pull -> |  Issue       ->  Keep        ->  Render    ->  Send         |
//	        |  a KYC link      the link is     subject,      one SMTP     |
//	        |  from the        in the          text, HTML    transaction  |
//	        |  partner         ledger                                     |
//	        +-------------------------------------------------------------+
//
// [Run] pulls due deliveries until none is left and hands them to its workers.
// There are no retry loops: [Plan.Judge] turns what happened into a [Verdict],
// and the ledger writes a later due time. A reminder, or the re-issue of an
// expired link, is just one more due delivery, inserted in the transaction
// that records the mail before it.
//
// Pure functions decide (plan.go, judge.go, guard.go); adapters only carry. The package
// imports the standard library only, and it never reads the clock by itself:
// the time comes in as a [Clock] or as an argument named now.
//
// # Vocabulary
//
//   - User: a person or business who owes an identity verification.
//   - Plan: when and whether: delays, gaps, caps, sending hours.
//   - Step: one kind of mail: invite, reminder or reissue.
//   - Delivery: one mail owed to one user for one step and round.
//   - Attempt: one try at a delivery.
//   - Link: a secret URL and the time at which it is assumed to expire.
//   - Receipt: the SMTP server's final reply, verbatim.
//   - Fault: a classified error: Retry, Fail, Hold, Doubt, Outage or Cancel.
//   - Verdict: what to write down: the delivery's new state and the user's
//     next delivery.
//   - Pause: minting stopped for one country, or all sending stopped, until a
//     probe succeeds.
//   - Guard: a run that is far larger than usual needs an operator's yes.
//   - Report: the counts of one run; they add up to the number pulled.
package pipeline
