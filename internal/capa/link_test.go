package capa

import (
	"strings"
	"testing"
	"time"

	"alta/pipeline"
)

func TestCheckLink(t *testing.T) {
	long := "https://kyc.example.com/?x=" + strings.Repeat("a", 3000)
	tests := []struct {
		sentence string
		link     string
		hosts    []string
		problem  string // a part of it; "" accepts
		hostile  bool
	}{
		{"A plain link.", "https://kyc.example.com/s", nil, "", false},
		{"The awkward form of real links.", "https://kyc.example.com/session?_al=TOKEN==&r=a%2Fb", []string{"kyc.example.com"}, "", false},
		{"Hosts have no case.", "https://KYC.Example.com/s", []string{"kyc.example.com"}, "", false},
		{"A host below a domain.", "https://a.b.example.com/s", []string{".example.com"}, "", false},
		{"2048 bytes.", long[:2048], nil, "", false},
		{"One byte more.", long[:2049], nil, "2048", true},
		{"The domain itself is not below it.", "https://example.com/s", []string{".example.com"}, "link_hosts", true},
		{"A host that only ends alike.", "https://evilexample.com/s", []string{".example.com", "example.com"}, "link_hosts", true},
		{"A host that only begins alike.", "https://kyc.example.com.evil.test/s", []string{"kyc.example.com"}, "link_hosts", true},
		{"A final dot is another name.", "https://kyc.example.com./s", []string{"kyc.example.com"}, "host name", true},
		{"Not https.", "http://kyc.example.com/s", nil, "https", true},
		{"This machine, which is listed.", "http://127.0.0.1:8080/s", []string{"127.0.0.1"}, "https", true},
		{"A script.", "javascript:alert(1)", nil, "https", true},
		{"Data.", "data:text/html;base64,eA==", nil, "https", true},
		{"An app.", "myapp://kyc", nil, "https", true},
		{"Relative to the scheme.", "//kyc.example.com/s", nil, "https", true},
		{"No slashes.", "https:kyc.example.com", nil, "no host", true},
		{"No host.", "https:///s", nil, "no host", true},
		{"A user name that looks like the host.", "https://kyc.example.com@evil.test/", nil, "user name", true},
		{"An empty user name.", "https://@kyc.example.com/", nil, "user name", true},
		{"A port.", "https://kyc.example.com:8443/", nil, "port", true},
		{"The usual port.", "https://kyc.example.com:443/", nil, "port", true},
		{"An empty port.", "https://kyc.example.com:/", nil, "port", true},
		{"An IPv6 address.", "https://[::1]/", nil, "port", true},
		{"A backslash, which browsers read as a slash.", `https://evil.test\@kyc.example.com/`, nil, "can't be read", true},
		{"A backslash in the path.", `https://kyc.example.com/\x`, nil, "characters", true},
		{"A line end.", "https://kyc.example.com/\r\nBcc: x", nil, "characters", true},
		{"A tab.", "https://kyc.example.com/\t", nil, "characters", true},
		{"A blank.", "https://kyc.example.com/ x", nil, "characters", true},
		{"A leading blank.", " https://kyc.example.com/", nil, "can't be read", true},
		{"A null byte.", "https://kyc.example.com/\x00", nil, "characters", true},
		{"A delete.", "https://kyc.example.com/\x7f", nil, "characters", true},
		{"A letter that looks like another.", "https://kyс.example.com/", nil, "characters", true},
		{"A right-to-left override.", "https://kyc.example.com/\u202e", nil, "characters", true},
		{"Markup.", `https://kyc.example.com/"><script>`, nil, "characters", true},
		{"An escaped host.", "https://kyc%2eevil.test/", nil, "can't be read", true},
		{"A port that is no number.", "https://kyc.example.com:abc/s", nil, "can't be read", true},
		{"A user name that net/url can't read.", "https://a:b%zz@evil.test/s", nil, "can't be read", true},
		{"The same without a scheme.", "//a:b%zz@evil.test/s", nil, "can't be read", true},
		{"The same behind a blank.", " https://a:b%zz@evil.test/s", nil, "can't be read", true},
		{"An unclosed IPv6 address.", "https://[::1/s", nil, "can't be read", true},
		{"A label of 64 letters.", "https://" + strings.Repeat("a", 64) + ".example.com/", nil, "host name", true},
		{"A label that begins with a hyphen.", "https://-kyc.example.com/", nil, "host name", true},
		{"A host of other characters.", "https://kyc.example.com;evil.test/", nil, "host name", true},
		{"Nothing.", "", nil, "empty", false},
		{"A word.", "pending", nil, "not a URL", false},
		{"A path.", "/session/1", nil, "not a URL", false},
		{"A sentence.", "not ready yet", nil, "not a URL", false},
		{"A sentence outside ASCII.", "aún no está listo", nil, "not a URL", false},
		{"A bad escape in a path.", "session/%zz", nil, "not a URL", false},
		{"A bad escape in a URL.", "https://kyc.example.com/%zz", nil, "can't be read", true},
		{"A sentence with a line end.", "not ready\n", nil, "control", true},
	}
	for _, test := range tests {
		t.Run(test.sentence, func(t *testing.T) {
			problem, hostile := checkLink(test.link, test.hosts, false)
			if hostile != test.hostile || (problem == "") != (test.problem == "") || !strings.Contains(problem, test.problem) {
				t.Errorf("got %q, hostile %v; want %q, %v", problem, hostile, test.problem, test.hostile)
			}
		})
	}
}

// Beside a partner API on this machine, a link may lead to a listed host of this
// machine by http. Nothing else is let through that was refused.
func TestCheckLinkOfAStandIn(t *testing.T) {
	here := []string{"127.0.0.1", "localhost", "kyc.example.com"}
	for _, test := range []struct {
		sentence string
		link     string
		hosts    []string
		problem  string // a part of it; "" accepts
	}{
		{"The sandbox's own page.", "http://127.0.0.1:8080/session?_al=TOKEN==&r=a%2Fb", here, ""},
		{"By its name.", "http://LOCALHOST:8080/s", here, ""},
		{"A link as ever.", "https://kyc.example.com/s", here, ""},
		{"No hosts are listed.", "http://127.0.0.1:8080/s", nil, "link_hosts"},
		{"Another host of this machine.", "http://127.0.0.2:8080/s", here, "link_hosts"},
		{"A listed host elsewhere, by http.", "http://kyc.example.com/s", here, "https"},
		{"A host that begins alike.", "http://127.0.0.1.evil.test/s", append(here, ".evil.test"), "https"},
		{"A number that browsers read as this machine.", "http://2130706433/s", append(here, "2130706433"), "https"},
		{"A user name that looks like the host.", "http://127.0.0.1:80@evil.test/", here, "https"},
		{"A user name.", "http://a@127.0.0.1/", here, "user name"},
		{"A port that can't be.", "http://127.0.0.1:99999/", here, "https"},
		{"An IPv6 address, which no setting can list.", "http://[::1]:8080/", here, "link_hosts"},
		{"A port behind https.", "https://127.0.0.1:8080/", here, "port"},
		{"A script.", "javascript:alert(1)", here, "https"},
		{"A backslash.", `http://127.0.0.1\@evil.test/`, here, "can't be read"},
	} {
		t.Run(test.sentence, func(t *testing.T) {
			problem, hostile := checkLink(test.link, test.hosts, true)
			if hostile != (test.problem != "") || (problem == "") != (test.problem == "") || !strings.Contains(problem, test.problem) {
				t.Errorf("got %q, hostile %v; want %q", problem, hostile, test.problem)
			}
		})
	}
}

// No partner API that is reached over a network may send users to this machine, though
// the settings list it.
func TestOnlyAStandInIsLocal(t *testing.T) {
	u := pipeline.User{ID: "u-1", Country: pipeline.MX}
	here := answer{status: 201, body: []byte(`{"success":true,"data":{"kycLink":"http://127.0.0.1:8080/session"}}`)}
	for base, want := range map[string]bool{
		"http://127.0.0.1:8080":                true,
		"HTTP://localhost:8080/api":            true,
		"http://[::1]:8080":                    true,
		"https://127.0.0.1:8080":               false, // a tunnel to the partner API, perhaps
		"https://production-api.capa.fi":       false,
		"https://localhost.capa.fi/127.0.0.1/": false,
	} {
		c, err := New(Config{BaseURL: base, APIKey: pipeline.NewSecret("key"), LinkHosts: []string{"127.0.0.1"}}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		link, found, ok := c.linkOf(here, u)
		if ok != want || !ok && (link != "" || found.fault.Kind != pipeline.Outage) {
			t.Errorf("behind %q: %v, %+v; want %v", base, ok, found.fault, want)
		}
		c.Close()
	}
	for _, base := range []string{"http://production-api.capa.fi", "http://127.0.0.1.evil.test", ""} {
		if (Config{BaseURL: base}).local() {
			t.Errorf("%q, which no client takes, counts as this machine", base)
		}
	}
}

// Whatever passes is an https URL of an allowed host and safe in a header.
func FuzzCheckLink(f *testing.F) {
	for _, link := range []string{"https://kyc.example.com/s?_al=x==&r=a%2Fb", "https://a@b", "//x", "https://[::1]:1", `https://a\b`, "https:\x00", "pending", "https://x.evil.test", "https://h:abc/s", "https://a:b%zz@evil/s", "not ready yet"} {
		f.Add(link)
	}
	f.Fuzz(func(t *testing.T, link string) {
		problem, hostile := checkLink(link, []string{"kyc.example.com"}, false)
		if strings.HasPrefix(link, "https://") && problem != "" && !hostile {
			t.Errorf("%q is taken for harmless: %s", link, problem)
		}
		if problem != "" {
			if len(link) > 20 && strings.Contains(problem, link) {
				t.Errorf("the problem quotes the link: %q", problem)
			}
			return
		}
		rest, found := strings.CutPrefix(strings.ToLower(link), "https://kyc.example.com")
		if !found || hostile || rest != "" && !strings.ContainsAny(rest[:1], "/?#") || strings.ContainsAny(link, " \r\n\t\\\x00") {
			t.Errorf("%q passed", link)
		}
	})
}
