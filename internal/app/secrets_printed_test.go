package app

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"testing"
	"unsafe"

	"alta/pipeline"
	"alta/store"
)

// Nothing that hangs together in a program with all of its secrets shows one
// when it is printed, logged or encoded, by mistake, as a whole or in part.
func TestNoPartOfAltaPrintsASecret(t *testing.T) {
	w := newSecretWorld(t)
	w.configure(w.base...)
	a := &app{
		in: strings.NewReader(""), out: io.Discard, screen: &screen{out: io.Discard}, now: w.now,
		defaults: standardConfig(t), configFile: w.path(defaultConfigFile),
		getenv: func(name string) string {
			return map[string]string{
				"ALTA_CAPA_API_KEY": testKey, "ALTA_SMTP_PASSWORD": testPassword, "ALTA_DATA_KEY": w.dataKey,
				"ALTA_OPERATOR_TOKEN": w.token, "ALTA_WEBHOOK_SECRET": w.webhook, "ALTA_WEBHOOK_PREVIOUS_SECRET": w.previous, "ALTA_EVENTS_SECRET": w.events,
			}[name]
		},
	}
	var e *engine
	var queue *store.Queue
	check(t, a.withStore(t.Context(), func(s ledger) (err error) {
		if e, err = a.newEngine(t.Context(), s); err != nil {
			return err
		}
		queue = e.file.Queue(1, store.Everything)
		return e.close()
	})) // and closed: nothing changes while it is printed
	key, err := store.ParseKey(pipeline.NewSecret(w.dataKey))
	check(t, err)
	link := w.link("u-1")
	d := pipeline.Delivery{
		ID: 1, User: pipeline.User{ID: "u-1"}, Link: pipeline.Link{URL: pipeline.NewSecret(link)},
		Message: pipeline.Message{ID: "m@x.example", Content: pipeline.Content{Subject: link, Text: link, HTML: link}},
	}

	p := printer{w: w, types: map[string]int{}, seen: map[spot]bool{}}
	for _, root := range []any{a, &daemon{engine: e}, queue, key, &d, &pipeline.Batch{Deliveries: []pipeline.Delivery{d}}} {
		p.walk(reflect.ValueOf(root))
	}
	for _, name := range []string{
		"app.app", "app.daemon", "app.engine", "app.Config", "app.CapaConfig", "app.SMTPConfig", "app.DKIMConfig", "app.DatabaseConfig",
		"app.OperatorConfig", "app.WebhookConfig", "capa.Client", "capa.Config", "mailer.Mailer", "mailer.Config", "mailer.DKIM", "mailer.dialer",
		"mailer.pool", "mailer.redaction", "store.Store", "store.Queue", "store.Key", "pipeline.Delivery", "pipeline.Message", "pipeline.Link", "pipeline.Batch",
	} {
		if p.types[name] == 0 {
			t.Errorf("no %s was printed", name)
		}
	}
	t.Logf("%d types printed", len(p.types))
}

// printer prints every value of a type of alta's that it can reach, through
// unexported fields too.
type printer struct {
	w     *secretWorld
	types map[string]int
	seen  map[spot]bool
}

// spot is where a value of a type stands.
type spot struct {
	of reflect.Type
	at uintptr
}

func (p printer) walk(v reflect.Value) {
	switch v.Kind() {
	case reflect.Pointer:
		if !v.IsNil() && isOurs(v.Type().Elem()) {
			p.walk(v.Elem())
		}
	case reflect.Interface:
		if !v.IsNil() {
			p.walk(v.Elem())
		}
	case reflect.Slice, reflect.Array:
		for i := range v.Len() {
			p.walk(v.Index(i))
		}
	case reflect.Map:
		for each := v.MapRange(); each.Next(); {
			p.walk(each.Value())
		}
	case reflect.Struct:
		if isOurs(v.Type()) && v.Type() != reflect.TypeFor[pipeline.Secret]() {
			p.walkStruct(v)
		}
	}
}

func (p printer) walkStruct(v reflect.Value) {
	if !v.CanAddr() {
		whole := reflect.New(v.Type()).Elem()
		whole.Set(v)
		v = whole
	}
	here := spot{v.Type(), v.UnsafeAddr()}
	if p.seen[here] {
		return
	}
	p.seen[here] = true
	p.types[v.Type().String()]++
	for _, value := range []any{v.Interface(), v.Addr().Interface()} {
		p.w.keep(fmt.Sprintf("a printed %T", value), printed(value))
	}
	for i := range v.NumField() {
		f := v.Field(i)
		p.walk(reflect.NewAt(f.Type(), unsafe.Pointer(f.UnsafeAddr())).Elem())
	}
}

// isOurs tells a type of alta's from one of a library.
func isOurs(t reflect.Type) bool { return strings.HasPrefix(t.PkgPath(), "alta/") }

// printed is all that one could make of a value.
func printed(v any) string {
	var b bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&b, verb+"\n", v)
	}
	for _, h := range []slog.Handler{slog.NewTextHandler(&b, nil), slog.NewJSONHandler(&b, nil)} {
		slog.New(h).Info("printed", "value", v)
	}
	if text, err := json.Marshal(v); err == nil {
		b.Write(text)
	}
	return b.String()
}
