package place

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"mime"
	"net"
	"net/http"
	"net/url"
	"os"
	"path"
	"strconv"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
)

// attempts are made when a server says that it is too busy, with a pause that doubles, or as long as the server asks for.
const (
	attempts     = 3
	firstPause   = time.Second
	longestPause = 30 * time.Second
)

// web is a notebook on a web server: GET reads it, PUT replaces it.
type web struct {
	name   string // as given
	url    *url.URL
	header http.Header
	github bool
}

func newWeb(name string) (place, error) {
	u, err := url.Parse(name)
	if err == nil && u.Host == "" {
		err = errors.New("it has no host")
	}
	if err != nil {
		var parse *url.Error // whose text has the whole URL
		if errors.As(err, &parse) {
			err = parse.Err
		}
		return nil, fault.New(fault.Usage, "check the URL", "%s: %w", Shown(name), err)
	}
	w := web{name: name, url: u, header: http.Header{"Accept": {"application/json"}}}
	if u.Host == "github.com" {
		w.inGithub()
	}
	return w, nil
}

// inGithub turns the page of a file, /OWNER/REPOSITORY/blob/REVISION/PATH, into the file, as Papermill does: its API serves private
// repositories, too.
func (w *web) inGithub() {
	parts := strings.SplitN(strings.TrimPrefix(w.url.Path, "/"), "/", 5)
	w.github = true
	if len(parts) < 5 || parts[2] != "blob" && parts[2] != "raw" {
		return
	}
	api, err := url.Parse(cmp.Or(os.Getenv("GITHUB_API_URL"), "https://api.github.com"))
	if err != nil {
		return // the page itself is asked for, and says what it is
	}
	w.url = api.JoinPath("repos", parts[0], parts[1], "contents", parts[4])
	w.url.RawQuery = url.Values{"ref": {parts[3]}}.Encode()
	w.header.Set("Accept", "application/vnd.github.raw+json")
	if token := os.Getenv("GITHUB_ACCESS_TOKEN"); token != "" {
		w.header.Set("Authorization", "Bearer "+token)
	}
}

// address is the same for all ways to write one URL.
func (w web) address() string {
	u := *w.url
	u.Host = net.JoinHostPort(strings.ToLower(u.Hostname()), cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme]))
	u.Path = cmp.Or(u.Path, "/")
	u.User, u.RawPath, u.Fragment, u.RawFragment = nil, "", "", ""
	return u.String()
}

func (w web) read(ctx context.Context) ([]byte, error) {
	answer, err := w.send(ctx, http.MethodGet, nil)
	if err != nil {
		return nil, err
	}
	defer answer.Body.Close()
	text, err := io.ReadAll(answer.Body)
	if err != nil {
		return nil, fault.New(fault.Storage, "try again", "read %s: the answer broke off after %d bytes: %w", Shown(w.name), len(text), err)
	}
	return text, nil
}

func (w web) put(ctx context.Context, f *os.File) error {
	if err := w.check(ctx); err != nil {
		return err
	}
	kind := "application/json" // what Papermill says, and servers of notebooks expect
	if ext := path.Ext(w.url.Path); ext != ".ipynb" {
		kind = cmp.Or(mime.TypeByExtension(ext), kind)
	}
	w.header.Set("Content-Type", kind)
	answer, err := w.send(ctx, http.MethodPut, f)
	if err != nil {
		return err
	}
	return answer.Body.Close()
}

func (w web) check(context.Context) error {
	if w.github {
		return fault.New(fault.Usage, "write to a file, and commit it", "%s: GitHub's notebooks can only be read", Shown(w.name))
	}
	return nil
}

// client does not follow a redirection that would turn a PUT into a GET, which would succeed and write nothing.
var client = &http.Client{
	Transport: transport(),
	CheckRedirect: func(next *http.Request, before []*http.Request) error {
		if next.Method != before[0].Method {
			return http.ErrUseLastResponse
		}
		if len(before) >= 10 {
			return errors.New("it redirects again and again")
		}
		return nil
	},
}

// transport gives up on a server that takes a request and never answers.
func transport() http.RoundTripper {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.ResponseHeaderTimeout = time.Minute
	return t
}

// send makes a request, again if the server is too busy; its answer is one of success.
func (w web) send(ctx context.Context, method string, body *os.File) (*http.Response, error) {
	pause := firstPause
	for attempt := 1; ; attempt++ {
		request, err := w.request(ctx, method, body)
		if err != nil {
			return nil, fault.New(fault.Storage, "", "%s %s: %w", verbs[method], Shown(w.name), err)
		}
		answer, err := client.Do(request)
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if err != nil {
			var whole *url.Error // whose text has the URL, with what is secret of it
			if errors.As(err, &whole) {
				err = whole.Err
			}
			return nil, fault.New(fault.Storage, "check the address and the network", "%s %s: %w", verbs[method], Shown(w.name), err)
		}
		if answer.StatusCode/100 == 2 {
			return answer, nil
		}
		answer.Body.Close()
		busy := answer.StatusCode == http.StatusTooManyRequests || answer.StatusCode == http.StatusServiceUnavailable
		if !busy || attempt == attempts {
			return nil, w.refused(method, answer, attempt)
		}
		wait := pause
		if seconds, err := strconv.Atoi(answer.Header.Get("Retry-After")); err == nil && seconds >= 0 {
			wait = min(time.Duration(seconds)*time.Second, longestPause)
		}
		pause *= 2
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

func (w web) request(ctx context.Context, method string, body *os.File) (*http.Request, error) {
	request, err := http.NewRequestWithContext(ctx, method, w.url.String(), nil)
	if err != nil {
		return nil, err
	}
	request.Header = w.header.Clone()
	if body != nil {
		info, err := body.Stat()
		if err != nil {
			return nil, err
		}
		request.ContentLength = info.Size()
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(io.NewSectionReader(body, 0, info.Size())), nil }
		if info.Size() == 0 {
			request.GetBody = func() (io.ReadCloser, error) { return http.NoBody, nil }
		}
		if request.Body, err = request.GetBody(); err != nil {
			return nil, err
		}
	}
	if w.url.User == nil && request.Header.Get("Authorization") == "" {
		if user, password, ok := netrc(w.url.Hostname()); ok {
			request.SetBasicAuth(user, password)
		}
	}
	return request, nil
}

// refused is what an answer that is no success says to the user, after so many attempts. Its kinds are the rule in docs/places.md.
func (w web) refused(method string, answer *http.Response, attempt int) error {
	says := "the server answers " + answer.Status
	if attempt > 1 {
		says += fmt.Sprintf(", asked %d times", attempt)
	}
	mistake := func(kind fault.Kind, is error, hint string) error {
		m := fault.New(kind, hint, "%s %s: %s", verbs[method], Shown(w.name), says)
		m.Err = is // which the sentence says by the status
		return m
	}
	switch code := answer.StatusCode; code {
	case http.StatusUnauthorized, http.StatusForbidden:
		return mistake(fault.Environment, fs.ErrPermission, w.logIn())
	case http.StatusNotFound, http.StatusGone:
		hint := "check the URL"
		if w.github {
			hint = "check the URL; if the repository is private, set GITHUB_ACCESS_TOKEN"
		}
		if method == http.MethodPut {
			hint = "the server may need a folder first: make it, or check the URL"
		}
		return mistake(fault.Input, fault.ErrNotFound, hint)
	case http.StatusMethodNotAllowed, http.StatusNotImplemented:
		return mistake(fault.Storage, errNever, "it takes no "+method+": name a file, or another server")
	case http.StatusMovedPermanently, http.StatusFound, http.StatusSeeOther:
		to := answer.Header.Get("Location")
		if u, err := w.url.Parse(to); err == nil {
			to = u.String()
		}
		return mistake(fault.Storage, errNever, "write to "+Shown(to))
	case http.StatusRequestEntityTooLarge, http.StatusInsufficientStorage:
		return mistake(fault.Storage, nil, "the server has no room for it: make some, or name another place")
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		return mistake(fault.Storage, nil, "the server is too busy, or down for a while: try again later")
	default:
		if code >= 500 {
			return mistake(fault.Storage, nil, "the server has failed: try again later")
		}
	}
	return mistake(fault.Storage, nil, "check the URL")
}

// checkNotebook finds out whether the server has sent a page for people, such as one to log in, with the status of success.
func (w web) checkNotebook(text []byte) error {
	if !strings.HasPrefix(http.DetectContentType(bytes.TrimPrefix(text, []byte("\uFEFF"))), "text/html") {
		return nil
	}
	hint := "check the URL, or log in: " + w.logIn()
	if w.github {
		hint = "write https://github.com/OWNER/REPO/blob/REV/PATH"
	}
	return fault.New(fault.Input, hint, "read %s: the server sent a web page, not a notebook", Shown(w.name))
}

// logIn says how the server is told who asks.
func (w web) logIn() string {
	if w.github {
		return "set GITHUB_ACCESS_TOKEN"
	}
	return "write the name and the password into ~/.netrc, or into the URL"
}

var verbs = map[string]string{http.MethodGet: "read", http.MethodPut: "write"}
