package browser

import (
	"context"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/target"
	"github.com/chromedp/chromedp"
)

// Look is how a page is looked at.
type Look struct {
	Width int64 // in CSS pixels
	Dark  bool
}

// height of the window, in CSS pixels. Pictures are of the whole page.
const height = 900

// Page is one tab, of a visitor who shares cookies with nobody. Its methods fail the
// test when the browser can't do what they say.
type Page struct {
	t    testing.TB
	ctx  context.Context
	look Look
}

// Visit opens the address in a tab that is closed when the test ends.
func (b *Browser) Visit(t testing.TB, look Look, address string) *Page {
	t.Helper()
	ctx, cancel := chromedp.NewContext(b.ctx, chromedp.WithNewBrowserContext())
	t.Cleanup(cancel)
	p := &Page{t: t, ctx: ctx}
	p.dress(look)
	p.Visit(address)
	return p
}

// For is the same tab, the failures of which are those of another test.
func (p *Page) For(t testing.TB) *Page { return &Page{t: t, ctx: p.ctx, look: p.look} }

// dress makes the tab look so.
func (p *Page) dress(look Look) {
	p.t.Helper()
	// A tab lives as long as the context of its first action, which is its own here
	// and no step's.
	if err := chromedp.Do(p.ctx); err != nil {
		p.t.Fatalf("open a tab: %v", err)
	}
	p.look = look
	scheme := "light"
	if look.Dark {
		scheme = "dark"
	}
	p.do("dress the page", chromedp.EmulateViewport(look.Width, height), chromedp.Func(func(ctx context.Context, t *chromedp.Target) error {
		_, err := chromedp.Call(ctx, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
			Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}},
		})
		return err
	}))
}

// Visit opens an address in the tab.
func (p *Page) Visit(address string) {
	p.t.Helper()
	p.do("open "+address, chromedp.Navigate(address))
}

// Click presses the mouse on the first thing that the selector finds.
func (p *Page) Click(selector string) {
	p.t.Helper()
	p.do("click "+selector, chromedp.Click(chromedp.CSS(selector)))
}

// ClickAt presses the mouse at a place of the window. A sandboxed frame is a page of
// its own, in which no selector finds anything from here. Chromium asks the frame that
// was painted last where the mouse is, so everything is painted first.
func (p *Page) ClickAt(x, y float64) {
	p.t.Helper()
	ask(p, "paint the page", chromedp.CaptureScreenshot())
	p.do("click into the page", chromedp.MouseClickXY(x, y))
}

// Type writes into a field, as with a keyboard.
func (p *Page) Type(selector, text string) {
	p.t.Helper()
	p.do("type into "+selector, chromedp.SendKeys(chromedp.CSS(selector), text))
}

// Wait waits until the selector finds something.
func (p *Page) Wait(selector string) {
	p.t.Helper()
	p.do("wait for "+selector, chromedp.WaitReady(chromedp.CSS(selector)))
}

// WaitFor waits until the page shows the text.
func (p *Page) WaitFor(text string) {
	p.t.Helper()
	p.until(fmt.Sprintf("the page shows %q", text), func() (yes bool, instead string, err error) {
		shown, err := try(p, chromedp.Evaluate[string](textOf("body")))
		return strings.Contains(shown, text), shown, err
	})
}

// Text is what the first thing that the selector finds shows, "" where there is none.
func (p *Page) Text(selector string) string {
	p.t.Helper()
	return Eval[string](p, textOf(selector))
}

func textOf(selector string) string {
	return fmt.Sprintf("document.querySelector(%q)?.innerText ?? ''", selector)
}

// Has tells whether the selector finds anything.
func (p *Page) Has(selector string) bool {
	p.t.Helper()
	return Eval[bool](p, fmt.Sprintf("document.querySelector(%q) !== null", selector))
}

// Address is the address of the page.
func (p *Page) Address() string {
	p.t.Helper()
	return ask(p, "read the address", chromedp.Location())
}

// Opened is the tab that the page, or a frame of it, has opened at such an address.
func (p *Page) Opened(look Look, address *regexp.Regexp) *Page {
	p.t.Helper()
	opened := p.attach("page", address)
	opened.dress(look)
	return opened
}

// Frame is the frame of the page at such an address, which is sandboxed and so a page
// of its own.
func (p *Page) Frame(address *regexp.Regexp) *Page {
	p.t.Helper()
	return p.attach("iframe", address)
}

// attach waits for what the visitor has at such an address.
func (p *Page) attach(kind string, address *regexp.Regexp) *Page {
	p.t.Helper()
	var id target.ID
	visitor := chromedp.FromContext(p.ctx).BrowserContextID
	p.until(fmt.Sprintf("there is a %s at %s", kind, address), func() (yes bool, instead string, err error) {
		infos, err := chromedp.Targets(p.ctx)
		for _, info := range infos {
			if info.BrowserContextID != visitor {
				continue
			}
			if instead += info.Type + " " + info.URL + "\n"; info.Type == kind && address.MatchString(info.URL) {
				id = info.TargetID
			}
		}
		return id != "", instead, err
	})
	ctx, cancel := chromedp.NewContext(p.ctx, chromedp.WithTargetID(id))
	p.t.Cleanup(cancel)
	if err := chromedp.Do(ctx); err != nil {
		p.t.Fatalf("attach to the %s: %v", kind, err)
	}
	return &Page{t: p.t, ctx: ctx}
}

// Eval runs JavaScript in the page, which no policy of the page forbids.
func Eval[T any](p *Page, script string) T {
	p.t.Helper()
	return ask(p, "run a script", chromedp.Evaluate[T](script, chromedp.EvalAwaitPromise))
}

// do brings the steps to their end.
func (p *Page) do(what string, steps ...chromedp.Action[chromedp.Void]) {
	p.t.Helper()
	ask(p, what, chromedp.Steps(steps...))
}

func ask[T any](p *Page, what string, action chromedp.Action[T]) T {
	p.t.Helper()
	value, err := try(p, action)
	if err != nil {
		p.t.Fatalf("%s: %v", what, err)
	}
	return value
}

func try[T any](p *Page, action chromedp.Action[T]) (T, error) {
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	return chromedp.Run(ctx, action)
}

// until asks until it is so. What there is instead is said when that never comes;
// errors count as such, since a page may be on its way to the next one.
func (p *Page) until(what string, so func() (yes bool, instead string, err error)) {
	p.t.Helper()
	ctx, cancel := context.WithTimeout(p.ctx, patience)
	defer cancel()
	ticks := time.NewTicker(50 * time.Millisecond)
	defer ticks.Stop()
	for {
		yes, instead, err := so()
		if yes && err == nil {
			return
		}
		select {
		case <-ctx.Done():
			p.t.Fatalf("waited in vain until %s; there is %v\n%s", what, err, instead)
		case <-ticks.C:
		}
	}
}
