package pipeline_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"
	texttemplate "text/template"

	"alta/pipeline"
)

const needle = "s3cret-need1e"

// disguises are what verbs such as %x or %d make of the needle.
var disguises = []string{
	needle, fmt.Sprintf("%x", needle), fmt.Sprintf("%X", needle), fmt.Sprintf("% x", needle),
	strings.Trim(fmt.Sprint([]byte(needle)), "[]"),
}

func leaks(text string) bool {
	for _, d := range disguises {
		if strings.Contains(text, d) {
			return true
		}
	}
	return false
}

type shown struct {
	Name   string
	Secret pipeline.Secret
	Deeper struct{ Again *pipeline.Secret }
}

type hidden struct {
	name   string
	secret pipeline.Secret
	list   []pipeline.Secret
	byName map[string]pipeline.Secret
}

// secrets hold the needle as a [pipeline.Secret] does.
func secrets() map[string]any {
	secret := pipeline.NewSecret(needle)
	s := shown{Name: "n", Secret: secret}
	s.Deeper.Again = &secret
	return map[string]any{
		"a secret":                    secret,
		"a pointer to a secret":       &secret,
		"a list of secrets":           []pipeline.Secret{secret},
		"an array of secrets":         [1]pipeline.Secret{secret},
		"a map to a secret":           map[string]pipeline.Secret{"key": secret},
		"a map from a secret":         map[pipeline.Secret]int{secret: 1},
		"a secret in an interface":    []any{secret, &secret},
		"a struct":                    s,
		"a pointer to a struct":       &s,
		"a struct of unexported ones": hidden{"n", secret, []pipeline.Secret{secret}, map[string]pipeline.Secret{"key": secret}},
		"a link":                      link(needle, ten),
	}
}

// mails hold the needle as a [pipeline.Content] and whatever carries one do.
func mails() map[string]any {
	content := pipeline.Content{Subject: needle, Text: needle, HTML: needle}
	message := pipeline.Message{ID: "id@example.com", Content: content}
	d := invite()
	d.Link, d.Message = link(needle, ten), message
	return map[string]any{
		"a content":               content,
		"a pointer to a content":  &content,
		"a list of contents":      []pipeline.Content{content},
		"a message":               message,
		"a pointer to a message":  &message,
		"a delivery":              *d,
		"a pointer to a delivery": d,
		"a list of deliveries":    []pipeline.Delivery{*d},
		"a map to a delivery":     map[int]pipeline.Delivery{7: *d},
		"a batch":                 pipeline.Batch{Deliveries: []pipeline.Delivery{*d}},
	}
}

func carriers() map[string]any {
	all := secrets()
	maps.Copy(all, mails())
	return all
}

func TestNothingPrintsASecret(t *testing.T) {
	verbs := []string{
		"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%#x", "%d", "%b", "%o", "%O", "%c", "%U", "%e", "%f", "%g", "%t", "%T", "%10s", "%-10.3q", "%!",
	}
	for name, v := range secrets() {
		// These two reach past every method of a value; go vet refuses them.
		checkPrints(t, name, v, append(slices.Clone(verbs), "%p", "%w"))
	}
	for name, v := range mails() {
		checkPrints(t, name, v, verbs)
	}
}

func checkPrints(t *testing.T, name string, v any, verbs []string) {
	t.Run("In "+name+".", func(t *testing.T) {
		for _, verb := range verbs {
			if text := fmt.Sprintf(verb, v); leaks(text) {
				t.Errorf("%s prints %s", verb, text)
			}
		}
		if text := fmt.Sprint(v); leaks(text) {
			t.Errorf("Sprint gives %s", text)
		}
		if text := fmt.Errorf("wrap: %v", v).Error(); leaks(text) {
			t.Errorf("an error says %s", text)
		}
	})
}

func TestNothingEncodesASecret(t *testing.T) {
	for name, v := range carriers() {
		t.Run("In "+name+".", func(t *testing.T) {
			text, err := json.Marshal(v)
			if leaks(string(text)) {
				t.Errorf("JSON is %s", text)
			}
			if err == nil && !json.Valid(text) {
				t.Errorf("JSON is not valid: %s", text)
			}
			if text, _ := xml.Marshal(v); leaks(string(text)) {
				t.Errorf("XML is %s", text)
			}
			var page strings.Builder
			err = texttemplate.Must(texttemplate.New("t").Parse("{{.}} {{printf \"%+v\" .}} {{print .}}")).Execute(&page, v)
			if err != nil || leaks(page.String()) {
				t.Errorf("a template writes %s (%v)", &page, err)
			}
		})
	}
}

func TestNothingLogsASecret(t *testing.T) {
	for name, v := range carriers() {
		t.Run("In "+name+".", func(t *testing.T) {
			var out bytes.Buffer
			for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
				log := slog.New(h)
				log.Info("all", "value", v, slog.Group("group", "value", v))
				log.With("value", v).WithGroup("group").Error("again", slog.Any("list", []any{v}), "error", fmt.Errorf("wrap: %w", errors.New(fmt.Sprint(v))))
			}
			if leaks(out.String()) {
				t.Errorf("the log says %s", &out)
			}
			if out.Len() == 0 {
				t.Error("nothing was logged")
			}
		})
	}
}

func TestSecret(t *testing.T) {
	zero, empty, one := pipeline.Secret{}, pipeline.NewSecret(""), pipeline.NewSecret(needle)
	for _, c := range []struct {
		name string
		ok   bool
	}{
		{"A secret reveals what it was made of.", one.Reveal() == needle},
		{"The zero value reveals nothing.", zero.Reveal() == ""},
		{"A secret of nothing is the zero value.", empty.IsZero() && zero.IsZero() && empty == zero},
		{"A secret is not zero.", !one.IsZero()},
		{"Two secrets of the same text are equal.", one.Equal(pipeline.NewSecret(needle))},
		{"Two secrets of different texts are not.", !one.Equal(pipeline.NewSecret("other"))},
		{"No secret equals the zero value.", !one.Equal(zero) && !zero.Equal(one)},
		{"Two that hold nothing are equal.", zero.Equal(empty)},
		{"One sees that there is a secret.", one.String() == "[redacted]"},
		{"One sees that there is none.", zero.String() == "" && fmt.Sprintf("%v", zero) == ""},
	} {
		if !c.ok {
			t.Errorf("It does not hold that: %s", c.name)
		}
	}
}

func TestWhatIsShownInstead(t *testing.T) {
	content := pipeline.Content{Subject: "Hola", Text: "María", HTML: "<p>"}
	for _, c := range []struct{ name, got, want string }{
		{"A content shows its size in bytes.", fmt.Sprint(content), "[content of 13 bytes]"},
		{"A message shows its id.", fmt.Sprintf("%+v", pipeline.Message{ID: "id@example.com", Content: content}), "message id@example.com"},
	} {
		if c.got != c.want {
			t.Errorf("%s Got %q, want %q", c.name, c.got, c.want)
		}
	}
}

func TestDeliveryInALogNamesNobody(t *testing.T) {
	d := invite()
	d.User.ExternalID = "crm-4711"
	var out bytes.Buffer
	slog.New(slog.NewJSONHandler(&out, nil)).Info("sent", "delivery", d)
	for _, personal := range []string{d.User.Email, d.User.Name, d.User.ExternalID} {
		if strings.Contains(out.String(), personal) {
			t.Errorf("the log names %s: %s", personal, &out)
		}
	}
	var line struct{ Delivery map[string]any }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil {
		t.Fatal(err)
	}
	want := map[string]any{"id": 7.0, "user": d.User.ID, "country": "MX", "step": "invite", "round": 1.0, "attempt": 1.0}
	if fmt.Sprint(line.Delivery) != fmt.Sprint(want) {
		t.Errorf("delivery = %v, want %v", line.Delivery, want)
	}
}
