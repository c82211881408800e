package web

import (
	"net/http"
	"strconv"
	"strings"

	"alta/pipeline"
)

// classify tells whether a person looks at the page or a program fetched it. It
// only decides what is counted: both get the same page, and no session. In doubt
// it is a person for a browser that can't be told from one, and a program for
// whatever does not behave as the browser that it names.
func classify(method string, h http.Header) pipeline.VisitKind {
	agent := h.Get("User-Agent")
	switch {
	case method == http.MethodHead, fetchesAhead(h), !namesBrowser(agent), namesProgram(agent), !behaves(agent, h):
		return pipeline.Scanned
	}
	return pipeline.Opened
}

// fetchesAhead tells whether a browser or a mail program says that nobody looks at
// the page yet.
func fetchesAhead(h http.Header) bool {
	for _, name := range []string{"Sec-Purpose", "Purpose", "X-Purpose", "X-Moz"} {
		value := strings.ToLower(h.Get(name))
		if strings.Contains(value, "prefetch") || strings.Contains(value, "prerender") || strings.Contains(value, "preview") {
			return true
		}
	}
	return false
}

// namesBrowser tells whether the User-Agent begins as those of all browsers do.
func namesBrowser(agent string) bool {
	return strings.HasPrefix(agent, "Mozilla/") || strings.HasPrefix(agent, "Opera/")
}

// namesProgram tells whether the User-Agent says that it is no person's browser.
func namesProgram(agent string) bool {
	agent = strings.ReplaceAll(strings.ToLower(agent), "cubot", "") // a maker of telephones
	for _, word := range programs() {
		if strings.Contains(agent, word) {
			return true
		}
	}
	return false
}

// programs are words in the User-Agent of mail scanners, link previews, crawlers
// and browsers without a window. Each is lower-case.
func programs() []string {
	return []string{
		// Mail scanners.
		"bingpreview", "safelinks", "microsoft office", "ms-office", "msoffice", "microsoft exchange", "skypeuripreview", "microsoft-teams",
		"proofpoint", "urldefense", "barracuda", "mimecast", "trendmicro", "trend micro", "symantec", "messagelabs", "fireeye", "trellix",
		"forcepoint", "websense", "ironport", "cisco-esa", "sophos", "kaspersky", "bitdefender", "zscaler", "checkpoint", "urlscan",
		"virustotal", "netcraft", "phishtank",
		// Google, Yahoo and Apple fetch pictures and previews.
		"google-", "googleimageproxy", "googlebot", "feedfetcher", "apis-google", "mediapartners", "yahoomailproxy", "yahoo! slurp", "applebot",
		// Link previews.
		"whatsapp", "slackbot", "slack-imgproxy", "facebookexternalhit", "facebot", "meta-externalagent", "meta-externalfetcher", "twitterbot",
		"telegrambot", "discordbot", "linkedinbot", "redditbot", "embedly", "iframely", "vkshare",
		// Libraries, tools and browsers without a window.
		"curl/", "wget/", "python-", "python/", "aiohttp", "httpx", "go-http-client", "okhttp", "java/", "apache-httpclient", "libwww", "node-fetch",
		"axios", "undici", "guzzle", "ruby", "lwp::", "php/", "powershell", "winhttp", "headless", "phantomjs", "puppeteer", "playwright", "selenium",
		"electron", "lighthouse", "pagespeed", "monitor", "uptime", "pingdom", "statuscake",
		// What calls itself one.
		"bot/", "bot;", "bot ", "bot)", "crawl", "spider", "scan", "preview", "fetcher", "validator", "checker",
	}
}

// behaves tells whether a browser that says for each request what it is for did
// so, and said that it shows the page. Many a mail scanner takes a browser's name
// and not its manners. Browsers say it to https and loopback addresses alone,
// which is all that these pages have.
func behaves(agent string, h http.Header) bool {
	mode := h.Get("Sec-Fetch-Mode")
	if mode == "" {
		return !tellsMode(agent)
	}
	return mode == "navigate"
}

// tellsMode tells whether every browser of this name and version sends
// Sec-Fetch-Mode: Chromium since 80, Firefox since 90, Safari since 16.4. Browsers
// on iOS that are not Safari name a version of their own, and none is expected of
// them.
func tellsMode(agent string) bool {
	if v, ok := versionOf(agent, "Chrome/"); ok {
		return v >= 80_00
	}
	if v, ok := versionOf(agent, "Firefox/"); ok {
		return v >= 90_00
	}
	if v, ok := versionOf(agent, "Version/"); ok && strings.Contains(agent, "Safari/") && strings.Contains(agent, "AppleWebKit/") {
		return v >= 16_04
	}
	return false
}

// versionOf returns the version behind the product of a User-Agent, 1604 for
// "Version/16.4".
func versionOf(agent, product string) (version int, ok bool) {
	_, rest, ok := strings.Cut(agent, product)
	if !ok {
		return 0, false
	}
	rest, _, _ = strings.Cut(rest, " ")
	major, minor, _ := strings.Cut(rest, ".")
	minor, _, _ = strings.Cut(minor, ".")
	m, err := strconv.Atoi(major)
	if err != nil || m < 0 || m > 9999 {
		return 0, false
	}
	n, err := strconv.Atoi(minor)
	if err != nil || n < 0 || n > 99 {
		n = 0
	}
	return m*100 + n, true
}
