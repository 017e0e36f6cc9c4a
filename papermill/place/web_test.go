package place

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
)

// shelf is a server that keeps what is put.
type shelf struct {
	mu    sync.Mutex
	files map[string]string
	kinds map[string]string // Content-Type by path
}

func (s *shelf) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	content, ok := s.files[r.URL.Path]
	switch {
	case strings.HasPrefix(r.URL.Path, "/closed/"):
		http.Error(w, "no", http.StatusForbidden)
	case r.Method == http.MethodPut:
		text, err := io.ReadAll(r.Body)
		if err != nil || int64(len(text)) != r.ContentLength {
			http.Error(w, "not whole", http.StatusBadRequest)
			return
		}
		s.files[r.URL.Path], s.kinds[r.URL.Path] = string(text), r.Header.Get("Content-Type")
		w.WriteHeader(http.StatusCreated)
	case !ok:
		http.NotFound(w, r)
	default:
		io.WriteString(w, content)
	}
}

func serve(t *testing.T, h http.Handler) string {
	t.Helper()
	t.Setenv("NETRC", os.DevNull)
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s.URL
}

func TestWeb(t *testing.T) {
	s := &shelf{files: map[string]string{}, kinds: map[string]string{}}
	url := serve(t, s)
	testPlace(t, url+"/a%20b.ipynb?version=1", url+"/closed/a.ipynb")
	if err := Write(t.Context(), url+"/a.html", text("<p>")); err != nil {
		t.Error(err)
	}
	if s.kinds["/a b.ipynb"] != "application/json" || !strings.HasPrefix(s.kinds["/a.html"], "text/html") {
		t.Error(s.kinds)
	}
	gone := httptest.NewServer(s)
	gone.Close()
	err := second(Read(t.Context(), gone.URL+"/a.ipynb?sig=secret"))
	mistake(t, "no server", err, "refused")
	if strings.Contains(err.Error(), "secret") {
		t.Errorf("%v tells the signature", err)
	}
}

func TestWebRedirects(t *testing.T) {
	s := &shelf{files: map[string]string{"/new/a": "moved"}, kinds: map[string]string{}}
	mux := http.NewServeMux()
	mux.Handle("/new/", s)
	for _, status := range []int{301, 302, 303, 307, 308} {
		mux.Handle(fmt.Sprintf("/%d/", status), http.RedirectHandler("/new/a?signature=x", status))
	}
	mux.Handle("/loop", http.RedirectHandler("/loop", 307))
	url := serve(t, mux)
	for _, status := range []int{301, 302, 303, 307, 308} {
		name := fmt.Sprintf("%s/%d/a", url, status)
		if got, err := Read(t.Context(), name); err != nil || string(got) != s.files["/new/a"] {
			t.Errorf("%d: %q, %v", status, got, err)
		}
		err := Write(t.Context(), name, text(fmt.Sprint(status)))
		if status >= 307 { // the only ones that say to put it there
			if err != nil || s.files["/new/a"] != fmt.Sprint(status) {
				t.Errorf("%d: %v, %v", status, err, s.files)
			}
			continue
		}
		mistake(t, fmt.Sprint(status), err, "write to "+url+"/new/a")
		if strings.Contains(fault.Hint(err), "signature") {
			t.Errorf("%d: %s", status, fault.Hint(err))
		}
		if s.files["/new/a"] != "moved" {
			t.Errorf("%d: wrote %v", status, s.files)
		}
	}
	mistake(t, "loop", second(Read(t.Context(), url+"/loop")), "again and again")
}

func TestWebRefuses(t *testing.T) {
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/short":
			w.Header().Set("Content-Length", "100")
			io.WriteString(w, "half of it")
		case "/read-only":
			w.WriteHeader(http.StatusMethodNotAllowed)
		case "/absent":
			w.WriteHeader(http.StatusNotFound)
		case "/full":
			w.WriteHeader(http.StatusInsufficientStorage)
		case "/broken":
			w.WriteHeader(http.StatusInternalServerError)
		default:
			w.WriteHeader(http.StatusUnauthorized)
		}
	}))
	mistake(t, "truncated", second(Read(t.Context(), url+"/short")), "broke off after 10 bytes")
	login := second(Read(t.Context(), url+"/login"))
	mistake(t, "login", login, ".netrc")
	mistake(t, "no PUT", Write(t.Context(), url+"/read-only", text("x")), "takes no PUT")
	noGet := second(Read(t.Context(), url+"/read-only"))
	mistake(t, "no GET", noGet, "takes no GET")
	if !errors.Is(login, fs.ErrPermission) || !errors.Is(noGet, fs.ErrPermission) || errors.Is(second(Read(t.Context(), url+"/broken")), fs.ErrPermission) {
		t.Error("what can't be read can't be told from what is not allowed")
	}
	for what, c := range map[string]struct {
		err  error
		says string // to its end: the status is said once
	}{
		"login":  {login, "read " + url + "/login: the server answers 401 Unauthorized"},
		"no GET": {noGet, "read " + url + "/read-only: the server answers 405 Method Not Allowed"},
		"absent": {second(Read(t.Context(), url+"/absent")), "read " + url + "/absent: the server answers 404 Not Found"},
	} {
		if c.err == nil || c.err.Error() != "cellar: "+c.says {
			t.Errorf("%s: %v, want %s", what, c.err, c.says)
		}
	}
	mistake(t, "broken", second(Read(t.Context(), url+"/broken")), "500 Internal Server Error · the server has failed: try again later")
	mistake(t, "broken for a write", Write(t.Context(), url+"/broken", text("x")), "500 Internal Server Error · the server has failed: try again later")
	mistake(t, "no folder", Write(t.Context(), url+"/absent", text("x")), "404 Not Found · the server may need a folder first")
	mistake(t, "full", Write(t.Context(), url+"/full", text("x")), "the server has no room for it")
}

// TestWebKinds: what is not there or is no notebook is wrong input; credentials are missing like a program; a server that can't be
// reached, refuses or fails is like a disk that does. It is the rule in docs/places.md, and the same for both ways.
func TestWebKinds(t *testing.T) {
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Retry-After", "0")
		code, _ := strconv.Atoi(r.URL.Path[1:])
		if code == 0 {
			w.Header().Set("Content-Length", "100") // and breaks off
			code = 200
		}
		w.WriteHeader(code)
	}))
	gone := httptest.NewServer(nil)
	gone.Close()
	for name, want := range map[string]fault.Kind{
		url + "/404": fault.Input, url + "/410": fault.Input, url + "/401": fault.Environment, url + "/403": fault.Environment,
		url + "/400": fault.Storage, url + "/405": fault.Storage, url + "/429": fault.Storage, url + "/500": fault.Storage, url + "/501": fault.Storage, url + "/503": fault.Storage,
		url + "/507": fault.Storage, url + "/short": fault.Storage, gone.URL: fault.Storage,
	} {
		failures := map[string]error{"read": second(Read(t.Context(), name)), "write": Write(t.Context(), name, text("x"))}
		if strings.HasSuffix(name, "short") {
			delete(failures, "write") // whose answer nobody reads
		}
		for verb, err := range failures {
			mistake(t, verb+" "+name, err, "")
			if got := fault.ExitCode(err); got != int(want) {
				t.Errorf("%s: exit code %d, want %d: %v", verb, got, want, err)
			}
		}
	}
}

// TestWebPage: a page to log in comes with the status of success. A notebook may hold HTML.
func TestWebPage(t *testing.T) {
	pages := map[string]string{
		"/doctype": "\n<!DOCTYPE html>\n<title>Log in</title>", "/html": "\uFEFF<HTML lang=en>",
		"/notebook": `{"cells": [{"source": "<!DOCTYPE html><html>"}]}`, "/text": "no notebook", "/empty": "",
	}
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json") // whatever it says
		io.WriteString(w, pages[r.URL.Path])
	}))
	for path, text := range pages {
		got, _, err := ReadPage(t.Context(), url+path+"?sig=secret")
		if !strings.Contains(strings.ToLower(text[:min(len(text), 15)]), "html") {
			if err != nil || string(got) != text {
				t.Errorf("%s: %q, %v", path, got, err)
			}
			continue
		}
		mistake(t, path, err, "read "+url+path+": the server sent a web page, not a notebook · check the URL, or log in: write the name and the password into ~/.netrc")
		if fault.ExitCode(err) != 3 {
			t.Errorf("%s: exit code %d", path, fault.ExitCode(err))
		}
		if got, err := Read(t.Context(), url+path); err != nil || string(got) != text { // what is no notebook may be a page
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	t.Setenv("GITHUB_API_URL", url)
	pages["/repos/o/r/contents/doctype"] = pages["/doctype"]
	_, _, err := ReadPage(t.Context(), "https://github.com/o/r/blob/main/doctype")
	mistake(t, "GitHub", err, "OWNER/REPO/blob/REV/PATH")
}

func TestWebBusy(t *testing.T) {
	var mu sync.Mutex
	tries := map[string]int{}
	var bodies []string
	url := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		tries[r.URL.Path]++
		body, _ := io.ReadAll(r.Body)
		bodies = append(bodies, string(body))
		if r.URL.Path != "/pause" {
			w.Header().Set("Retry-After", "0")
		}
		if r.URL.Path == "/long" {
			w.Header().Set("Retry-After", "3600")
		}
		switch {
		case r.URL.Path == "/never" || r.URL.Path == "/long", r.URL.Path == "/pause" && tries[r.URL.Path] < 3:
			w.WriteHeader(http.StatusServiceUnavailable)
		case tries[r.URL.Path] < 3 && r.URL.Path != "/pause":
			w.WriteHeader(http.StatusTooManyRequests)
		default:
			io.WriteString(w, "at last")
		}
	}))
	if got, err := Read(t.Context(), url+"/third"); err != nil || string(got) != "at last" {
		t.Errorf("%q, %v", got, err)
	}
	bodies = nil
	if err := Write(t.Context(), url+"/put", text("whole")); err != nil || strings.Join(bodies, " ") != "whole whole whole" {
		t.Errorf("%v, %q", err, bodies)
	}
	never := second(Read(t.Context(), url+"/never"))
	mistake(t, "never", never, "the server answers 503 Service Unavailable, asked 3 times · the server is too busy, or down for a while: try again later")
	if tries["/never"] != attempts {
		t.Errorf("%v after %d attempts", never, tries["/never"])
	}
	begun := time.Now()
	if _, err := Read(t.Context(), url+"/pause"); err != nil || time.Since(begun) < 3*firstPause { // the second is twice the first
		t.Errorf("%v after %v", err, time.Since(begun))
	}
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := second(Read(ctx, url+"/long")); err != context.DeadlineExceeded {
		t.Error(err)
	}
}

func TestWebPasswords(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		user, password, _ := r.BasicAuth()
		fmt.Fprintf(w, "%s/%s", user, password)
	})
	url := serve(t, handler)
	expect := func(name, want string) {
		t.Helper()
		if got, err := Read(t.Context(), name); err != nil || string(got) != want {
			t.Errorf("%s: %q, %v", name, got, err)
		}
	}
	expect(url+"/a", "/")
	inURL := strings.Replace(url, "http://", "http://me:my%20word@", 1) + "/a"
	expect(inURL, "me/my word")
	file := filepath.Join(t.TempDir(), "netrc")
	t.Setenv("NETRC", file)
	for content, want := range map[string]string{
		"machine other login o password p\nmachine 127.0.0.1\n  login me\n  password word\n":                      "me/word",
		"machine 127.0.0.1 login me account x password word machine other login o password p":                     "me/word",
		"# machine 127.0.0.1 login no password no\nmachine other login o\ndefault login any password pw":          "any/pw",
		"macdef init\ncd folder\nmachine 127.0.0.1 login no password no\n\nmachine 127.0.0.1 login me password w": "me/w",
		"machine other login o password p": "/",
		"machine":                          "/",
	} {
		if err := os.WriteFile(file, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		expect(url+"/a", want)
		expect(inURL, "me/my word")
	}

	// A password is for the host that it was given for.
	elsewhere := httptest.NewServer(handler)
	defer elsewhere.Close()
	redirect := serve(t, http.RedirectHandler(strings.Replace(elsewhere.URL, "127.0.0.1", "localhost", 1), http.StatusFound))
	expect(strings.Replace(redirect, "http://", "http://me:word@", 1)+"/a", "/")
}

func TestGithub(t *testing.T) {
	api := serve(t, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer token" {
			http.NotFound(w, r) // as GitHub does
			return
		}
		fmt.Fprintf(w, "%s %s %s", r.URL, r.Header.Get("Accept"), r.Method)
	}))
	t.Setenv("GITHUB_API_URL", api)
	const name = "https://github.com/o/r/blob/v1/folder/a.ipynb"
	t.Setenv("GITHUB_ACCESS_TOKEN", "")
	mistake(t, "without a token", second(Read(t.Context(), name)), "GITHUB_ACCESS_TOKEN")
	t.Setenv("GITHUB_ACCESS_TOKEN", "token")
	got, err := Read(t.Context(), name)
	if want := "/repos/o/r/contents/folder/a.ipynb?ref=v1 application/vnd.github.raw+json GET"; err != nil || string(got) != want {
		t.Errorf("%q, %v", got, err)
	}
	mistake(t, "write", Write(t.Context(), name, text("x")), "only be read")
	mistake(t, "check", Check(t.Context(), name), "only be read")
}
