package capa_test

import (
	"strings"
	"testing"
	"time"

	"alta/internal/capa"
	"alta/pipeline"
)

func TestNewChecksEverySetting(t *testing.T) {
	tests := []struct {
		sentence string
		change   func(*capa.Config)
		want     string // a part of the error; "" accepts
	}{
		{"The smallest configuration.", func(*capa.Config) {}, ""},
		{"A port and a path are fine.", func(c *capa.Config) { c.BaseURL = "https://capa.example:8443/v0/" }, ""},
		{"http is fine on 127.0.0.1.", func(c *capa.Config) { c.BaseURL = "http://127.0.0.1:9" }, ""},
		{"http is fine on ::1.", func(c *capa.Config) { c.BaseURL = "http://[::1]:9" }, ""},
		{"http is fine on localhost.", func(c *capa.Config) { c.BaseURL = "http://localhost" }, ""},
		{"http elsewhere would show the key.", func(c *capa.Config) { c.BaseURL = "http://capa.example" }, "expected https"},
		{"A name that begins like a loopback address is none.", func(c *capa.Config) { c.BaseURL = "http://127.0.0.1.example" }, "expected https"},
		{"No base URL.", func(c *capa.Config) { c.BaseURL = "" }, "capa.base_url"},
		{"No scheme.", func(c *capa.Config) { c.BaseURL = "capa.example" }, "capa.base_url"},
		{"Another scheme.", func(c *capa.Config) { c.BaseURL = "ftp://capa.example" }, "https://"},
		{"A password in the URL.", func(c *capa.Config) { c.BaseURL = "https://u:hunter2@capa.example" }, "password"},
		{"A query in the URL.", func(c *capa.Config) { c.BaseURL = "https://capa.example?hunter2" }, "query"},
		{"A fragment in the URL.", func(c *capa.Config) { c.BaseURL = "https://capa.example#" }, "fragment"},
		{"A blank in the URL.", func(c *capa.Config) { c.BaseURL = "https://capa.example/a b" }, "capa.base_url"},
		{"A port that can't exist.", func(c *capa.Config) { c.BaseURL = "https://capa.example:0" }, "port"},
		{"A colon without a port.", func(c *capa.Config) { c.BaseURL = "https://capa.example:/" }, "port"},
		{"A host that is none.", func(c *capa.Config) { c.BaseURL = "https://ca_pa.example" }, "host name"},
		{"No key.", func(c *capa.Config) { c.APIKey = pipeline.Secret{} }, "missing"},
		{"A key with a line end.", func(c *capa.Config) { c.APIKey = pipeline.NewSecret("hunter2\n") }, "stray line"},
		{"A key outside ASCII.", func(c *capa.Config) { c.APIKey = pipeline.NewSecret("hunter2ñ") }, "ASCII"},
		{"An https redirect.", func(c *capa.Config) { c.RedirectURI = "https://partner.example/done?x=1#y" }, ""},
		{"A redirect into an app.", func(c *capa.Config) { c.RedirectURI = "com.partner.app://kyc" }, ""},
		{"A redirect into an app, bare.", func(c *capa.Config) { c.RedirectURI = "myapp://" }, ""},
		{"An http redirect.", func(c *capa.Config) { c.RedirectURI = "http://partner.example" }, "http"},
		{"A script.", func(c *capa.Config) { c.RedirectURI = "JavaScript://x/%0aalert(1)" }, "javascript"},
		{"Data.", func(c *capa.Config) { c.RedirectURI = "data:text/html,x" }, "data"},
		{"A file.", func(c *capa.Config) { c.RedirectURI = "file:///etc/passwd" }, "file"},
		{"An app scheme without slashes.", func(c *capa.Config) { c.RedirectURI = "myapp:kyc" }, "myapp://"},
		{"A bare path.", func(c *capa.Config) { c.RedirectURI = "/done" }, "myapp://"},
		{"A redirect with a line end.", func(c *capa.Config) { c.RedirectURI = "https://partner.example/\r\nx" }, "redirect_uri"},
		{"An https redirect without a host.", func(c *capa.Config) { c.RedirectURI = "https:///done" }, "with a host"},
		{"A redirect outside ASCII.", func(c *capa.Config) { c.RedirectURI = "https://partner.example/señal" }, "ASCII"},
		{"A redirect with a blank.", func(c *capa.Config) { c.RedirectURI = "myapp://kyc done" }, "blanks"},
		{"A redirect with angle brackets.", func(c *capa.Config) { c.RedirectURI = "myapp://<x>" }, "angle brackets"},
		{"A redirect of more than 2 KiB.", func(c *capa.Config) { c.RedirectURI = "myapp://" + strings.Repeat("x", 2048) }, "2048"},
		{"An override for a country.", func(c *capa.Config) { c.RedirectURIs = map[pipeline.Country]string{"DO": "myapp://do"} }, ""},
		{"A bad override.", func(c *capa.Config) { c.RedirectURIs = map[pipeline.Country]string{"DO": "http://x"} }, "country DO"},
		{"An override for a country that is not served.", func(c *capa.Config) { c.RedirectURIs = map[pipeline.Country]string{"US": "myapp://us"} }, "MX and DO"},
		{"Link hosts.", func(c *capa.Config) { c.LinkHosts = []string{"kyc.example.com", ".example.com"} }, ""},
		{"A link host that is a URL.", func(c *capa.Config) { c.LinkHosts = []string{"https://kyc.example.com"} }, "link_hosts"},
		{"A link host with a port.", func(c *capa.Config) { c.LinkHosts = []string{"kyc.example.com:443"} }, "link_hosts"},
		{"An empty link host.", func(c *capa.Config) { c.LinkHosts = []string{""} }, "link_hosts"},
		{"A link host that allows everything.", func(c *capa.Config) { c.LinkHosts = []string{"."} }, "link_hosts"},
		{"A negative rate.", func(c *capa.Config) { c.Rate = -1 }, "capa.rate"},
		{"A negative time-out.", func(c *capa.Config) { c.Timeout = -time.Second }, "capa.timeout"},
		{"A negative number of connections.", func(c *capa.Config) { c.Connections = -1 }, "connections"},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			cfg := capa.Config{BaseURL: "https://capa.example", APIKey: pipeline.NewSecret("k")}
			test.change(&cfg)
			client, err := capa.New(cfg, fixedClock)
			switch {
			case test.want == "" && err != nil:
				t.Errorf("refused: %v", err)
			case test.want != "" && err == nil:
				t.Error("accepted")
			case err != nil && (!strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "hunter2")):
				t.Errorf("error %q, want one with %q and no secret", err, test.want)
			}
			if client != nil {
				client.Close()
			}
		})
	}
}
