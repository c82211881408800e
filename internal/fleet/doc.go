// Package fleet makes one alta of many machines that share a ledger on PostgreSQL.
// River brings the work to them; the ledger says what the work is:
//
//	River's leader --slot--> [pull] --claims, a job for each--> [deliver] [deliver] [deliver]
//	                        one machine                            on every machine
//
// A job of kind pull is a run: it pulls the source, asks the guard, and claims what
// is due, a window at a time. In the transaction of each claim it inserts a job of
// kind deliver for each delivery, which carries the delivery's id and nothing else.
// Whoever works that job looks at the ledger first and sends the mail through the
// same chain of stages as a single machine does.
//
// The ledger, not River, is the truth. A job that River repeats finds in the row
// what has become of the delivery, and each claim has a number, so that a machine
// that wakes up late can write nothing more (package store/postgres).
//
// Each machine beats: it tells the others that it lives, learns who does, takes its
// share of the connections and rates that the configuration gives the fleet, and
// settles what machines that are gone had in hand.
package fleet
