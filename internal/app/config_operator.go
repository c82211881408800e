package app

import (
	"net"
	"unicode/utf8"
)

// shortestToken is the least length of the operator's token, in characters, that
// nobody guesses who may try ten times a minute.
const shortestToken = 16

// maxAPIRate is far above what a ledger can answer.
const maxAPIRate = 1_000_000

func (k *configCheck) operator() {
	c := k.config.Operator
	k.require(c.Listen == "" || isListenAddress(c.Listen), "operator.listen", c.Listen, listenExpected)
	k.require(c.APIRate >= 1 && c.APIRate <= maxAPIRate, "operator.api_rate", c.APIRate, "1 to 1000000 requests a minute")
	k.together(map[string]string{"operator.tls_cert_file": c.TLSCertFile, "operator.tls_key_file": c.TLSKeyFile})
	k.require(!isExposed(c.Listen) || c.encrypted() || k.refused["operator.tls_cert_file"] || k.refused["operator.tls_key_file"], "operator.listen", c.Listen,
		"a loopback address such as \"127.0.0.1:8080\", or TLS: the operator's page is there as well, and its tokens must not cross the network in clear. "+
			"Set operator.tls_cert_file and operator.tls_key_file, or operator.behind_proxy = true where nothing but a proxy that speaks TLS, and what scrapes the metrics, can reach it")
}

// isExposed tells whether other machines may reach the listener.
func isExposed(listen string) bool {
	host, _, err := net.SplitHostPort(listen)
	return err == nil && !isLoopback(host)
}

// encrypted tells whether browsers reach the operator's page by TLS alone.
func (c OperatorConfig) encrypted() bool { return c.TLSCertFile != "" || c.BehindProxy }

// checkToken wants a token of the configuration that nobody can guess.
func (c *Config) checkToken() {
	if n := utf8.RuneCountInString(c.Operator.Token.Reveal()); n > 0 && n < shortestToken {
		c.secrets = append(c.secrets, c.problem("operator.token_file",
			"the token is shorter than 16 characters, expected one that nobody can guess; 'openssl rand -base64 32' prints one"))
	}
}
