// Package sandbox is the outside world on one machine: a simulated partner API with
// a verification provider behind it, and an SMTP catcher with a mailbox, all real
// servers on TCP, with faults on demand. The demo runs the real program on it, and
// the tests of other packages use it instead of mocks.
//
// [API] answers as the partner API is documented to, with every documented
// error in its own words. It opens no real verification session; the links
// that it mints are unique and lead nowhere, or to the pages of a [Provider], whose
// buttons say how the verification ends. It fires the partner's signed webhooks when
// it is told to, by a test or by such a button. The files api*.go hold it, the files
// smtp*.go hold the catcher, which keeps each mail that it accepts, and [Mailbox]
// shows them to people.
//
// No server logs anything: what happened is asked of it afterwards.
package sandbox
