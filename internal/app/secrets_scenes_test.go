package app

import (
	"bufio"
	"encoding/base64"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// secretScene is one way for things to go wrong, met by one user's mail.
type secretScene struct {
	name       string
	user       string
	person     string // the user's name
	settings   []string
	answer     sandbox.APIAnswer
	smtp       []sandbox.SMTPFault
	shows      string // what the run says when it was met
	beforeMint bool   // the sandbox's partner API is not asked
	doctor     bool   // 'alta doctor' meets it too
}

func peopleIn(scenes []secretScene) []person {
	all := make([]person, len(scenes))
	for i, s := range scenes {
		all[i] = person{id: s.user, email: s.user + "@correo.example", name: s.person, country: pipeline.MX}
	}
	return all
}

// scenes are the ugly paths, each with a user and a link of its own.
func (w *secretWorld) scenes() []secretScene {
	var all []secretScene
	add := func(of func(link string) secretScene) {
		user := fmt.Sprintf("u-%03d", len(all))
		s := of(w.link(user))
		s.user = user
		if s.person == "" {
			s.person = "Ana Torres"
		}
		all = append(all, s)
	}
	w.addAPIScenes(add)
	w.addSMTPScenes(add)
	add(func(link string) secretScene {
		return secretScene{
			name: "a template that fails in the middle", person: "Falla", answer: sandbox.APIAnswer{Link: link},
			shows: `"code":"render"`,
		}
	})
	return all
}

// addAPIScenes has the partner API quote the key and the link, and hand out
// links that must not be mailed.
func (w *secretWorld) addAPIScenes(add func(func(link string) secretScene)) {
	quotes := func(link string) string {
		return testKey + " " + base64.StdEncoding.EncodeToString([]byte(testKey)) + " " + fmt.Sprintf("%x", testKey) + " " + strings.ToUpper(testKey) + " " + link
	}
	for _, a := range []struct {
		name   string
		answer func(link string) sandbox.APIAnswer
		shows  string
	}{
		{"a refusal that quotes them", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Status: 401, Code: "UNAUTHORIZED", Message: "Invalid API Key " + quotes(link), Opens: true}
		}, `"outcome":"retry"`},
		{"a code made of them", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Status: 418, Code: strings.ReplaceAll(testKey, "-", "_"), Message: quotes(link)}
		}, "capa.refused"},
		{"a page about a failure", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Status: 502, Body: "<html>" + quotes(link) + "</html>"}
		}, "capa.server_error"},
		{"bad input that quotes them", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Status: 400, Code: "INVALID_USER_INPUT_ERROR", Message: quotes(link)}
		}, "capa.invalid_input"},
		{"a redirect to the link", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Status: 307, Headers: map[string]string{"Location": link + "&key=" + testKey}}
		}, "capa.redirected"},
		{"a pause that quotes them", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Status: 429, Headers: map[string]string{"Retry-After": "3600 " + quotes(link)}, Message: quotes(link)}
		}, "capa.throttled"},
		{"no success, and a link all the same", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Status: 200, Body: `{"success":false,"url":` + strconv.Quote(link) + `}`}
		}, "capa.no_link"},
		{"a link under another name", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Status: 201, Body: `{"data":{"link":` + strconv.Quote(link) + `}}`}
		}, "capa.no_link"},
		{"half a link", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Action: sandbox.CutBody, Link: link}
		}, "capa.cut"},
		{"a link with a user and a password", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Link: strings.Replace(link, "https://", "https://ana:"+testPassword+"@", 1)}
		}, "capa.bad_link"},
		{"a link to another host", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Link: strings.Replace(link, "kyc.", "evil.", 1)}
		}, "capa.bad_link"},
		{"a link with a port that is none", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Link: strings.Replace(link, ".example/", ".example:"+tokenOf(link)+"/", 1)}
		}, "capa.bad_link"},
		{"a link that is far too long", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Link: link + strings.Repeat("&again="+tokenOf(link), 100)}
		}, "capa.bad_link"},
		{"a link with a line break", func(link string) sandbox.APIAnswer {
			return sandbox.APIAnswer{Link: link + "\r\nBcc: " + tokenOf(link)}
		}, "capa.bad_link"},
		{"a link that is no URL", func(link string) sandbox.APIAnswer { return sandbox.APIAnswer{Link: "%zz" + link} }, "capa.no_link"},
	} {
		add(func(link string) secretScene {
			return secretScene{name: a.name, answer: a.answer(link), shows: a.shows}
		})
	}
	for name, raw := range map[string]string{
		"an answer that is longer than it says": "HTTP/1.1 201 Created\r\nContent-Type: application/json\r\nContent-Length: 2\r\n\r\n{}",
		"an answer that is no HTTP":             "",
	} {
		add(func(link string) secretScene {
			return secretScene{
				name: name, beforeMint: true, doctor: true, shows: "capa.",
				settings: []string{"capa.base_url = " + strconv.Quote(w.talkative(raw+quotes(link)+"\r\n\r\n"))},
			}
		})
	}
}

// talkative is a partner API that answers everything with these very bytes.
func (w *secretWorld) talkative(answer string) string {
	server := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Header.Get("partner-api-key") != testKey {
			w.t.Error("the API key did not come over the wire")
		}
		var conn net.Conn
		var rest *bufio.ReadWriter
		conn, rest, err := http.NewResponseController(rw).Hijack()
		if err != nil {
			return
		}
		defer conn.Close()
		_, _ = conn.Write([]byte(answer))
		_, _ = rest.ReadByte() // until the client hangs up
	}))
	w.t.Cleanup(server.Close)
	return server.URL
}

// addSMTPScenes has the mail server repeat the password, as AUTH sends it too,
// and the link, in pieces too, at every step.
func (w *secretWorld) addSMTPScenes(add func(func(link string) secretScene)) {
	password := strings.Join([]string{
		testPassword, strings.ToUpper(testPassword), base64.StdEncoding.EncodeToString([]byte(testPassword)),
		base64.StdEncoding.EncodeToString([]byte("\x00alta\x00" + testPassword)),
	}, "\n")
	pieces := func(link string) string {
		token := tokenOf(link)
		return strings.Join([]string{
			token, token[len(token)-14:] + "=3D=3D&r=3Da%2Fb", token[:12] + "=", link, strings.ToUpper(link), url.QueryEscape(link), strings.TrimPrefix(link, "https://"),
		}, "\n")
	}
	beforeMail := []sandbox.SMTPStage{sandbox.AtBanner, sandbox.AtEhlo, sandbox.AtAuth}
	smtp := func(name, shows string, settings []string, fault func(link string) sandbox.SMTPFault) {
		add(func(link string) secretScene {
			return secretScene{
				name: name, shows: shows, settings: settings, answer: sandbox.APIAnswer{Link: link},
				smtp: []sandbox.SMTPFault{fault(link)}, doctor: slices.Contains(beforeMail, fault(link).Stage),
			}
		})
	}
	for _, stage := range beforeMail {
		for _, code := range []int{454, 535} {
			smtp(fmt.Sprintf("%d at %s", code, stage), "[password]", nil, func(link string) sandbox.SMTPFault {
				return sandbox.SMTPFault{Stage: stage, Action: sandbox.SMTPRefuse, Code: code, Enhanced: fmt.Sprintf("%d.7.8", code/100), Text: password + "\n" + link}
			})
		}
	}
	for _, stage := range []sandbox.SMTPStage{sandbox.AtMail, sandbox.AtRcpt, sandbox.AtData, sandbox.AtDot} {
		for _, code := range []int{451, 550} {
			for what, shows := range map[string]string{"the password": "[password]", "the link": "[link]"} {
				smtp(fmt.Sprintf("%d at %s with %s", code, stage, what), shows, nil, func(link string) sandbox.SMTPFault {
					text := password
					if shows == "[link]" {
						text = pieces(link)
					}
					return sandbox.SMTPFault{Stage: stage, Action: sandbox.SMTPRefuse, Code: code, Text: text}
				})
			}
		}
		smtp("no reply but them at "+string(stage), "smtp.", nil, func(link string) sandbox.SMTPFault {
			return sandbox.SMTPFault{Stage: stage, Action: sandbox.SMTPRaw, Text: strings.ReplaceAll(password+"\n"+pieces(link), "\n", " ") + "\r\n"}
		})
	}
	smtp("a yes that repeats them", `"outcome":"sent"`, nil, func(link string) sandbox.SMTPFault {
		return sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: sandbox.SMTPRefuse, Code: 250, Text: pieces(link) + "\n" + password}
	})
	smtp("a mail in doubt", `"outcome":"doubt"`, nil, func(string) sandbox.SMTPFault {
		return sandbox.SMTPFault{Stage: sandbox.AtAccepted, Action: sandbox.SMTPCut}
	})
	smtp("an outage in the middle of a mail", `"outcome":"retry"`, []string{`smtp.timeout = "1s"`}, func(string) sandbox.SMTPFault {
		return sandbox.SMTPFault{Stage: sandbox.AtData, Action: sandbox.SMTPStall}
	})
	challenge := "334 " + base64.StdEncoding.EncodeToString([]byte("who is "+testPassword+"?")) + "\r\n"
	for _, auth := range []string{"login", "plain", "xoauth2"} {
		smtp("a challenge for "+auth+" that quotes the password", "the login", []string{`smtp.auth = "` + auth + `"`}, func(string) sandbox.SMTPFault {
			return sandbox.SMTPFault{Stage: sandbox.AtAuth, Action: sandbox.SMTPRaw, Text: challenge}
		})
	}
	blob := base64.StdEncoding.EncodeToString([]byte("user=alta\x01auth=Bearer " + testPassword + "\x01\x01"))
	smtp("a refusal that quotes XOAUTH2", "[password]", []string{`smtp.auth = "xoauth2"`}, func(string) sandbox.SMTPFault {
		return sandbox.SMTPFault{Stage: sandbox.AtAuth, Action: sandbox.SMTPRefuse, Code: 535, Text: "no: " + blob}
	})
}

// misconfigure puts secrets into the wrong places.
func (w *secretWorld) misconfigure() {
	w.t.Helper()
	for _, line := range []string{
		`capa.api_key = "` + testKey + `"`, `capa.api_key = ` + testKey, `capa.api_key = "` + testKey, `capa.api_key_file = "` + testKey + `"`,
		`smtp.password = "` + testPassword + `"`, `smtp.password_file = "` + testPassword + `\nmore"`, `smtp.port = "` + testPassword + `"`,
		`smtp.host = "alta:` + testPassword + `@smtp.example"`, `smtp.auth = "` + testPassword + `"`, `smtp.from = "` + testPassword + `"`,
		`smtp.dkim.key_file = """` + "\n-----BEGIN PRIVATE KEY-----\n" + w.dkim + "\n-----END PRIVATE KEY-----\n" + `"""`, `smtp.dkim.key = "` + w.dkim + `"`,
		`capa.base_url = "https://partner:` + testKey + `@api.example"`, `capa.base_url = "https://api.example/?key=` + testKey + `"`,
		`capa.base_url = "` + testKey + `"`, `capa.redirect_uri = "https://app.example/` + testKey + ` x"`, `capa.link_hosts = ["` + testKey + ` x"]`,
		`database.url = "postgres://alta:` + testPassword + `@db.example/alta"`, `database.url = "file:alta.db?_key=` + testPassword + `"`,
		`database.key_file = "` + w.dataKey + `"`, `database.key = "` + w.dataKey + `"`,
		`operator.token_file = "` + w.token + `"`, `operator.token = "` + w.token + `"`, `operator.listen = "` + w.token + `"`, `schedule.cron = "* * * ` + w.token + `"`, `templates.dir = "` + w.token + `"`,
		`webhook.secret_file = "` + w.webhook + `"`, `webhook.secret = "` + w.webhook + `"`, `webhook.previous_secret_file = "` + w.previous + `"`, `events.secret_file = "` + w.events + `"`, `events.secret = "` + w.events + `"`, `events.url = "https://acme.example/?k=` + w.events + `"`, `public.base_url = "https://` + w.webhook + `@x.example"`,
	} {
		w.configure(w.base...)
		name, value, _ := strings.Cut(line, " = ")
		w.configure(append(w.base, name+" = "+value)...)
		for _, command := range []string{"status", "doctor"} {
			w.doIn(bare(), program(w.t), command)
		}
	}
	w.configure(w.base...)
	for _, env := range []string{
		"ALTA_CAPA_API_KEY=" + testKey + "\nmore", "ALTA_CAPA_API_KEY=" + testKey + " more", "ALTA_SMTP_PASSWORD=" + testPassword + "\r\nmore", "ALTA_SMTP_PASSWORD=" + testPassword + "\xff",
		"ALTA_DATA_KEY=" + w.dataKey + "\nmore", "ALTA_DATA_KEY=" + w.dataKey[:40], "ALTA_OPERATOR_TOKEN=" + w.token + "\nmore", "ALTA_WEBHOOK_SECRET=" + w.webhook + "\x01", "ALTA_WEBHOOK_PREVIOUS_SECRET=" + w.previous + "\x01", "ALTA_EVENTS_SECRET=" + w.events + "\x01",
		"ALTA_CAPA_API_KEY=" + testPassword, "ALTA_SMTP_PASSWORD=" + testKey, "ALTA_DATA_KEY=" + base64.StdEncoding.EncodeToString([]byte(testKey + "-a-data-key-of-32-bytes")[:32]),
	} {
		for _, command := range []string{"status", "doctor", "run"} {
			w.doIn([]string{env}, program(w.t), command)
		}
	}
	w.configure(append(w.base, `capa.base_url = "https://api.partner.invalid"`)...)
	for _, proxy := range []string{"http://ana:" + testPassword + "@[bad", "http://ana:" + testPassword + "@127.0.0.1:1", "://" + testPassword} {
		w.doIn([]string{"HTTPS_PROXY=" + proxy}, program(w.t), "doctor")
	}
	w.configure(w.base...)
}

// bare takes the secrets out of the environment, so that the files count.
func bare() []string {
	return []string{"ALTA_CAPA_API_KEY=", "ALTA_SMTP_PASSWORD=", "ALTA_DATA_KEY=", "ALTA_OPERATOR_TOKEN=", "ALTA_WEBHOOK_SECRET=", "ALTA_WEBHOOK_PREVIOUS_SECRET=", "ALTA_EVENTS_SECRET="}
}
