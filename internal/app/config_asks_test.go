package app

import (
	"fmt"
	"testing"

	"alta/pipeline"
)

// Which deliveries ask the partner where the user stands; "" is a user's click.
func TestAsks(t *testing.T) {
	for setting, want := range map[string]string{
		"off": "map[:false invite:false reissue:false reminder:false]", "reminders": "map[:false invite:false reissue:true reminder:true]",
		"always": "map[:true invite:true reissue:true reminder:true]",
	} {
		c := mustLoad(t, fmt.Sprintf("capa.check_status = %q", setting))
		got := map[pipeline.Step]bool{}
		for _, step := range append(pipeline.Steps(), "") {
			got[step] = c.Capa.Asks(&pipeline.Delivery{Step: step})
		}
		if fmt.Sprint(got) != want {
			t.Errorf("%s: %v, want %s", setting, got, want)
		}
	}
}

// Without a secret none counts, and the one of before counts as long as it is set.
func TestWebhookSecrets(t *testing.T) {
	for _, test := range []struct {
		c    WebhookConfig
		want int
	}{
		{WebhookConfig{}, 0},
		{WebhookConfig{Secret: pipeline.NewSecret("a")}, 1},
		{WebhookConfig{Previous: pipeline.NewSecret("b")}, 1},
		{WebhookConfig{Secret: pipeline.NewSecret("a"), Previous: pipeline.NewSecret("b")}, 2},
	} {
		if got := test.c.Secrets(); len(got) != test.want {
			t.Errorf("%d secrets, want %d", len(got), test.want)
		}
	}
}
