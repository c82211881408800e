// Package sandbox is the outside world on one machine: a simulated partner API
// and an SMTP catcher, both real servers on TCP, with faults on demand. The
// demo runs the real program on it, and the tests of other packages use it
// instead of mocks.
//
// [API] answers as the partner API is documented to, with every documented
// error in its own words. It opens no real verification session; the links
// that it mints are unique and lead nowhere. It fires the partner's signed
// webhooks when it is told to. The files api*.go hold it, the files smtp*.go hold
// the catcher, which keeps each mail that it accepts.
//
// Neither server logs anything: what happened is asked of it afterwards.
package sandbox
