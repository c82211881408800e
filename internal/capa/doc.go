// Package capa is the client of the partner API: it mints one verification
// link per call, asks where a user stands, and says what each answer means for a
// run.
//
// Only this package knows a status code or an error text of the API; everybody
// else sees a [pipeline.Fault]. The table, first match wins:
//
//	answer                                           fault                      code
//	2xx with a good link                             none
//	2xx without a link, or over 64 KiB               Retry, three users: Outage capa.no_link
//	2xx with a link that must not be mailed          Outage                     capa.bad_link
//	3xx, never followed                              Outage                     capa.redirected
//	4xx cut short, but for 403, 408 and 429          Retry, five users: Outage  capa.cut
//	401 about the key                                Outage                     capa.key_refused
//	401 Partner information is required …            Outage                     capa.partner_info
//	401 User is not associated with the partner      Fail, three users: Outage  capa.not_associated
//	401 with another text                            Retry, two users: Outage   capa.unauthorized
//	403                                              Outage                     capa.partner_flow
//	400 INVALID_USER_INPUT_ERROR                     Fail, >5 % of 50: Outage   capa.invalid_input
//	400 INVALID_VERIFICATION_TYPE_FOR_USER           Fail                       capa.wrong_type
//	400 KYC_TEMPLATE_NOT_CONFIGURED_ERROR            Hold of the country        capa.no_template
//	404                                              Retry once after 15 min    capa.not_found, or capa.wrong_address where it is not as documented
//	404 of five users, none as documented            Outage                     capa.wrong_address
//	408, 5xx                                         Retry, five users: Outage  capa.server_error
//	429                                              Retry, long pause or five
//	                                                 in a row: Outage           capa.throttled
//	other 4xx                                        Hold, three users: Outage  capa.refused
//	no connection: dial, DNS, TLS                    Retry, five users: Outage  capa.unreachable
//	no answer after the request was sent: time-out   Retry, five users: Outage  capa.timeout
//	no answer after the request was sent: cut        Retry, five users: Outage  capa.cut
//
// A mint is doubtful when a session may have been opened that nobody got a link
// to: no answer after the request was sent, a 2xx without a link that may be
// mailed, and a 5xx other than 503 and the documented 500.
//
// [Client.Inquire] is judged by the same table, with streaks of its own, and is never
// doubtful. Of its 2xx one field is read; one that is no JSON, or over 1 MiB, is
// capa.no_status, as capa.no_link. A 404 in the API's own words is an answer: no
// details. Any other is capa.wrong_address and, as nothing that is merely asked
// should fail a mail, is tried again more than once.
//
// Before any call, capa.bad_id and capa.bad_country fail a delivery whose user
// can't be asked about.
//
// No more calls are under way at one time than Config.Connections, or else
// [Client.SetShare], allows, and fewer while the API shows that it is
// overloaded: a 429, 502, 503 or 504, or no answer at all, cuts their number to
// half, and it grows back slowly.
//
// The client never repeats a mint by itself, because each one may open a
// session at the provider, and it gives none up that has begun. The shape of an
// error body is not documented, so the usual ones are understood; an error
// answer that is none of them or is over 64 KiB is judged by its status alone.
// A reason quotes the code and, if it is made of words of the documented
// messages, the message; an API's own text may hold personal data.
package capa
