package app

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"alta/internal/sandbox"
	"alta/pipeline"
)

// A country without a template is asked about once an hour and not more, nobody
// pays for it, everybody else goes on, and it ends by itself.
func TestACountryOnHoldIsProbedOnceAnHour(t *testing.T) {
	t.Parallel()
	onEachEngine(t, testACountryOnHoldIsProbedOnceAnHour)
}

func testACountryOnHoldIsProbedOnceAnHour(t *testing.T) {
	row := apiRow{fault: sandbox.APIFault{Country: pipeline.MX, Answer: sandbox.NoTemplate(pipeline.MX)}}
	p := &apiPlay{base: apiBase(t), row: row, want: apiCell{calls: everyCall, mails: 6}}
	p.setUp(t)
	p.breakIt()

	const every, lasts = 5 * time.Minute, 3*time.Hour + 10*time.Minute
	start := p.now()
	var probes, went []time.Duration // since the start
	refused, mailed := 0, 0
	for since := time.Duration(0); since <= 5*time.Hour; since += every {
		switch since {
		case time.Hour + every:
			// They come in while the country is on hold.
			p.alta(0, "users", "add", "--id", "u-do", "--email", "do@correo.example", "--name", "Rosa", "--country", "DO")
			p.alta(0, "users", "add", "--id", "u-mx", "--email", "mx@correo.example", "--name", "Luis", "--country", "MX")
		case lasts:
			p.mendIt()
		}
		l := p.run()
		for n := p.api.Calls() - len(p.api.Mints()); refused < n; refused++ {
			probes = append(probes, p.now().Sub(start))
		}
		for n := len(p.smtp.Mails()); mailed < n; mailed++ {
			went = append(went, p.now().Sub(start))
		}
		if _, outage := l.outage(); outage || l.paid > 0 {
			t.Errorf("after %s: %s, %d attempts paid", since, l.pause(), l.paid)
		}
		if held := len(l.paused) == 1; held != (since < 4*time.Hour) {
			t.Errorf("after %s: paused: %q", since, l.pause())
		}
		p.clock.advance(every)
	}
	if diff := cmp.Diff([]time.Duration{0, time.Hour, 2 * time.Hour, 3 * time.Hour}, probes); diff != "" {
		t.Errorf("probed after (-want +got):\n%s", diff)
	}
	late := time.Hour + every
	if diff := cmp.Diff([]time.Duration{
		0, 0, 0, // the three in DO
		late,                                                       // the newcomer in DO
		4 * time.Hour, 4 * time.Hour, 4 * time.Hour, 4 * time.Hour, // the three in MX, and the newcomer there
	}, went); diff != "" {
		t.Errorf("mailed after (-want +got):\n%s", diff)
	}
	p.wantMails()
	for user, address := range map[string]string{"u-do": "do@correo.example", "u-mx": "mx@correo.example"} {
		mails, mints := p.mailsTo(address), p.minted(user)
		if len(mails) != 1 || len(mints) != 1 {
			t.Fatalf("%s got %d mails and %d links", user, len(mails), len(mints))
		}
		readMail(t, mails[0]).wantLink(t, mints[0])
	}
}
