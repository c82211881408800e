package web

import (
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
)

const (
	loginPath = "/login"
	// loginLife is how long a login lasts at the most, loginIdle how long one that
	// nobody uses.
	loginLife = 12 * time.Hour
	loginIdle = 2 * time.Hour
	// largestForm bounds what is read of a form, in bytes.
	largestForm = 8 << 10
)

// LoginRoutes are the routes to sign in and out.
func (g *Guard) LoginRoutes() []Route {
	return []Route{
		{Method: http.MethodGet, Path: loginPath, Who: Anybody, Handler: http.HandlerFunc(g.askToken)},
		{Method: http.MethodPost, Path: loginPath, Who: Anybody, Own: true, Handler: http.HandlerFunc(g.signIn)},
		{Method: http.MethodPost, Path: "/logout", Who: Anybody, Own: true, Handler: http.HandlerFunc(g.signOut)},
	}
}

func (g *Guard) askToken(w http.ResponseWriter, r *http.Request) {
	g.showLogin(w, r, http.StatusOK, nothingWrong, r.URL.Query().Get("next"))
}

// signIn begins a login for whoever shows a token. It is a new one each time, and
// ends the one that the browser had.
func (g *Guard) signIn(w http.ResponseWriter, r *http.Request) {
	now, from := g.Now(), clientAddr(r, g.BehindProxy)
	if wait := g.attempts.allow(from, now); wait > 0 {
		w.Header().Set("Retry-After", strconv.Itoa(int(math.Ceil(wait.Seconds()))))
		g.showLogin(w, r, http.StatusTooManyRequests, tooOften, "")
		return
	}
	r.Body = http.MaxBytesReader(w, r.Body, largestForm)
	if err := r.ParseForm(); err != nil {
		g.showLogin(w, r, http.StatusBadRequest, badForm, "")
		return
	}
	next := r.PostForm.Get("next")
	token := digestOf(strings.TrimSpace(r.PostForm.Get("token")))
	who, err := g.Doors.Token(r.Context(), token, now)
	var cookie string
	if err == nil {
		cookie, err = g.newCookie()
	}
	if err == nil {
		err = g.Doors.StartLogin(r.Context(), digestOf(cookie), token, now.Add(loginLife), now)
	}
	switch {
	case errors.Is(err, ErrUnknown):
		g.Log.Warn("A token that nobody knows was refused at the page.", "client", from)
		g.showLogin(w, r, http.StatusForbidden, wrongToken, next)
		return
	case err != nil:
		g.Log.Error("Nobody can sign in.", "error", err)
		g.showLogin(w, r, http.StatusServiceUnavailable, noLedger, next)
		return
	}
	if err := g.endLogin(r); err != nil {
		g.Log.Error("The login before could not be ended.", "error", err)
	}
	g.Log.Info("Somebody signed in to the page.", "token", who.Name, "client", from)
	g.setCookie(w, cookie, int(loginLife.Seconds()))
	redirect(w, localPath(next))
}

// signOut ends the login. Without one it changes nothing, so that it asks for none.
func (g *Guard) signOut(w http.ResponseWriter, r *http.Request) {
	if err := g.endLogin(r); err != nil {
		g.Log.Error("Nobody can sign out.", "error", err)
		g.showLogin(w, r, http.StatusServiceUnavailable, noLedger, "")
		return
	}
	g.setCookie(w, "", -1)
	redirect(w, loginPath)
}

// endLogin ends the login that the browser has, if any.
func (g *Guard) endLogin(r *http.Request) error {
	cookie, err := r.Cookie(g.cookieName())
	if err != nil {
		return nil // it has none
	}
	return g.Doors.EndLogin(r.Context(), digestOf(cookie.Value))
}

func (g *Guard) newCookie() (string, error) {
	var random [32]byte
	if _, err := io.ReadFull(g.Random, random[:]); err != nil {
		return "", fmt.Errorf("make a cookie: %w", err)
	}
	return base64.RawURLEncoding.EncodeToString(random[:]), nil
}

// cookieName has a prefix by which browsers take the cookie from this host alone, and
// by https alone (RFC 6265bis, section 4.1.3.2).
func (g *Guard) cookieName() string {
	if g.secure() {
		return "__Host-alta"
	}
	return "alta"
}

func (g *Guard) setCookie(w http.ResponseWriter, value string, maxAge int) {
	http.SetCookie(w, &http.Cookie{
		Name: g.cookieName(), Value: value, Path: "/", MaxAge: maxAge,
		Secure: g.secure(), HttpOnly: true, SameSite: http.SameSiteStrictMode,
	})
}

// localPath is a path of this site, with its query: where somebody wanted to go before
// they were asked for a token. Anything else, another site's address above all, is the
// first page.
func localPath(next string) string {
	const home = "/"
	strange := func(r rune) bool { return r < ' ' || r == '\\' || r == 0x7f }
	if !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsFunc(next, strange) {
		return home
	}
	u, err := url.Parse(next)
	if err != nil || u.Scheme != "" || u.Host != "" || u.Path == loginPath {
		return home
	}
	path := u.RequestURI()
	if strings.HasPrefix(path, "//") { // it was written as %2F, beside what had to be escaped anew
		return home
	}
	return path
}
