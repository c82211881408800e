package web

import (
	"net/http"
	"testing"

	"alta/pipeline"
)

func TestClassify(t *testing.T) {
	const (
		android   = "Mozilla/5.0 (Linux; Android 10; K) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Mobile Safari/537.36"
		windows   = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/142.0.0.0 Safari/537.36 Edg/142.0.0.0"
		webview   = "Mozilla/5.0 (Linux; Android 9; CUBOT X18 Plus; wv) AppleWebKit/537.36 (KHTML, like Gecko) Version/4.0 Chrome/120.0.0.0 Mobile Safari/537.36"
		oldChrome = "Mozilla/5.0 (Linux; Android 6.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/61.0.3163.98 Mobile Safari/537.36"
		firefox   = "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0"
		oldFox    = "Mozilla/5.0 (Windows NT 6.1; rv:78.0) Gecko/20100101 Firefox/78.0"
		iphone    = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.6 Mobile/15E148 Safari/604.1"
		ios163    = "Mozilla/5.0 (iPhone; CPU iPhone OS 16_3 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/16.3 Mobile/15E148 Safari/604.1"
		criOS     = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/142.0.0.0 Mobile/15E148 Safari/604.1"
		inApp     = "Mozilla/5.0 (iPhone; CPU iPhone OS 18_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 [FBAN/FBIOS;FBAV/500.0.0]"
		operaMini = "Opera/9.80 (J2ME/MIDP; Opera Mini/7.1.32052/29.3709; U; en) Presto/2.8.119 Version/11.10"
	)
	const opened, scanned = pipeline.Opened, pipeline.Scanned
	type h = map[string]string
	for _, tt := range []struct {
		sentence, method, agent string
		more                    h
		want                    pipeline.VisitKind
	}{
		{"a person with Chrome", "GET", android, h{"Sec-Fetch-Mode": "navigate"}, opened},
		{"a person with Edge", "GET", windows, h{"Sec-Fetch-Mode": "navigate", "Sec-Fetch-Site": "cross-site"}, opened},
		{"a person with Firefox", "GET", firefox, h{"Sec-Fetch-Mode": "navigate"}, opened},
		{"a person with Safari", "GET", iphone, h{"Sec-Fetch-Mode": "navigate"}, opened},
		{"a person with a telephone that is called like a bot", "GET", webview, h{"Sec-Fetch-Mode": "navigate"}, opened},
		{"a person whose Chrome is too old to say what it fetches", "GET", oldChrome, nil, opened},
		{"a person whose Firefox is", "GET", oldFox, nil, opened},
		{"a person whose Safari is", "GET", ios163, nil, opened},
		{"a person with Chrome on iOS", "GET", criOS, nil, opened},
		{"a person in another app's window on iOS", "GET", inApp, nil, opened},
		{"a person with Opera Mini", "GET", operaMini, nil, opened},

		{"HEAD shows nobody anything", "HEAD", android, h{"Sec-Fetch-Mode": "navigate"}, scanned},
		{"Chrome fetches ahead", "GET", android, h{"Sec-Fetch-Mode": "navigate", "Sec-Purpose": "prefetch;prerender"}, scanned},
		{"an older Chrome fetches ahead", "GET", android, h{"Sec-Fetch-Mode": "navigate", "Purpose": "prefetch"}, scanned},
		{"Safari makes a preview", "GET", iphone, h{"Sec-Fetch-Mode": "navigate", "X-Purpose": "preview"}, scanned},
		{"Firefox fetches ahead", "GET", firefox, h{"Sec-Fetch-Mode": "navigate", "X-Moz": "prefetch"}, scanned},
		{"no name at all", "GET", "", nil, scanned},
		{"a name that no browser has", "GET", "Acme Mail Gateway 2.1", nil, scanned},
		{"a scanner with the name of Chrome and without its manners", "GET", windows, nil, scanned},
		{"one with the name of Firefox", "GET", firefox, nil, scanned},
		{"one with the name of Safari", "GET", iphone, nil, scanned},
		{"a page that takes this one for a picture", "GET", android, h{"Sec-Fetch-Mode": "no-cors"}, scanned},
		{"a script that fetches it", "GET", android, h{"Sec-Fetch-Mode": "cors"}, scanned},
		{"Chrome without a window", "GET", "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) HeadlessChrome/142.0.0.0 Safari/537.36", h{"Sec-Fetch-Mode": "navigate"}, scanned},

		{"Bing's preview, which Microsoft's scanner uses", "GET", "Mozilla/5.0 (Windows NT 6.1; WOW64) AppleWebKit/534+ (KHTML, like Gecko) BingPreview/1.0b", nil, scanned},
		{"Outlook", "GET", "Mozilla/4.0 (compatible; ms-office; MSOffice 16)", nil, scanned},
		{"Skype's and Teams' preview", "GET", "Mozilla/5.0 (Windows NT 6.1; WOW64) SkypeUriPreview Preview/0.5 skype-url-preview@microsoft.com", nil, scanned},
		{"Proofpoint", "GET", "Mozilla/5.0 (compatible; Proofpoint URL Defense)", nil, scanned},
		{"Barracuda", "GET", "Mozilla/5.0 (compatible; BarracudaCentral)", nil, scanned},
		{"Mimecast", "GET", "Mozilla/5.0 Mimecast-URL-Protect", nil, scanned},
		{"Google's picture proxy", "GET", "Mozilla/5.0 (Windows NT 5.1; rv:11.0) Gecko Firefox/11.0 (via ggpht.com GoogleImageProxy)", nil, scanned},
		{"Google's safety check", "GET", "Mozilla/5.0 (compatible; Google-Safety)", nil, scanned},
		{"WhatsApp's preview", "GET", "WhatsApp/2.23.20.0", nil, scanned},
		{"Slack's preview", "GET", "Mozilla/5.0 (compatible; Slackbot-LinkExpanding 1.0; +https://api.slack.com/robots)", nil, scanned},
		{"Facebook's preview", "GET", "facebookexternalhit/1.1 (+http://www.facebook.com/externalhit_uatext.php)", nil, scanned},
		{"iMessage's preview, by the names of two others", "GET", "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_11_1) AppleWebKit/601.2.4 (KHTML, like Gecko) Version/9.0.1 Safari/601.2.4 facebookexternalhit/1.1 Facebot Twitterbot/1.0", nil, scanned},
		{"Telegram's preview", "GET", "TelegramBot (like TwitterBot)", nil, scanned},
		{"Google's crawler", "GET", "Mozilla/5.0 AppleWebKit/537.36 (KHTML, like Gecko; compatible; Googlebot/2.1; +http://www.google.com/bot.html) Chrome/142.0.0.0 Safari/537.36", h{"Sec-Fetch-Mode": "navigate"}, scanned},
		{"curl", "GET", "curl/8.14.1", nil, scanned},
		{"Python", "GET", "python-requests/2.32.4", nil, scanned},
		{"Go", "GET", "Go-http-client/1.1", nil, scanned},
		{"a version that is no number", "GET", "Mozilla/5.0 Chrome/x Safari/537.36", h{"Sec-Fetch-Mode": "navigate"}, opened},
		{"a version beyond all numbers", "GET", "Mozilla/5.0 Chrome/99999999999999999999 Safari/537.36", nil, opened},
	} {
		header := http.Header{}
		header.Set("User-Agent", tt.agent)
		for name, value := range tt.more {
			header.Set(name, value)
		}
		if got := classify(tt.method, header); got != tt.want {
			t.Errorf("%s: %s, want %s", tt.sentence, got, tt.want)
		}
	}
}

func FuzzClassify(f *testing.F) {
	f.Add("GET", "Mozilla/5.0 Version/16.4 AppleWebKit/ Safari/", "navigate")
	f.Add("HEAD", "", "")
	f.Fuzz(func(t *testing.T, method, agent, mode string) {
		h := http.Header{"User-Agent": {agent}, "Sec-Fetch-Mode": {mode}}
		got := classify(method, h)
		if got != pipeline.Opened && got != pipeline.Scanned {
			t.Errorf("a visit of kind %q", got)
		}
		if got == pipeline.Opened && (method == http.MethodHead || agent == "" || mode != "" && mode != "navigate") {
			t.Errorf("%q with %q and %q is a person", method, agent, mode)
		}
	})
}
