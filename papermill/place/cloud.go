package place

import (
	"bytes"
	"context"
	"errors"
	"io"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
)

// bucket is an object of S3, Google Cloud Storage or Azure Blob Storage, which cellar-cloud reads and writes (docs/formats/cloud.md).
type bucket struct {
	name, scheme string
	url          string   // what cellar-cloud calls it
	env          []string // what it is told besides
}

// azure is how Papermill names a blob: with the account, and perhaps with the signature that allows it.
var azure = regexp.MustCompile(`^abs://([^/?]+)\.blob\.core\.windows\.net/([^/?]+)/([^?]+)(?:\?(.*))?$`)

func newAzure(name string) (place, error) {
	m := azure.FindStringSubmatch(name)
	if m == nil {
		return nil, fault.New(fault.Usage, "write abs://ACCOUNT.blob.core.windows.net/CONTAINER/PATH, or azblob://CONTAINER/PATH", "%s names no blob", Shown(name))
	}
	p := bucket{name: name, scheme: "azblob", url: "azblob://" + m[2] + "/" + m[3] + "?storage_account=" + m[1]}
	if m[4] != "" {
		p.env = []string{"AZURE_STORAGE_SAS_TOKEN=" + m[4], "AZURE_STORAGE_KEY="}
	}
	return p, nil
}

// Exit codes of cellar-cloud.
const (
	misused   = 2
	noObject  = 3
	noBucket  = 4
	forbidden = 5
)

// credentials says for each scheme where its driver looks for them.
var credentials = map[string]string{
	"s3":     "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE; for a server of your own AWS_ENDPOINT_URL, too",
	"gs":     "gcloud auth application-default login, or set GOOGLE_APPLICATION_CREDENTIALS",
	"azblob": "set AZURE_STORAGE_ACCOUNT, and AZURE_STORAGE_KEY or AZURE_STORAGE_SAS_TOKEN, or az login",
}

func (p bucket) read(ctx context.Context) ([]byte, error) {
	var text bytes.Buffer
	if err := p.run(ctx, &text, "read", p.url); err != nil {
		return nil, err
	}
	return text.Bytes(), nil
}

func (p bucket) put(ctx context.Context, f *os.File) error {
	return p.run(ctx, nil, "write", p.url, f.Name())
}

func (p bucket) check(ctx context.Context) error { return p.run(ctx, nil, "check", p.url) }

func (p bucket) run(ctx context.Context, out io.Writer, args ...string) error {
	verb := args[0]
	if verb == "check" { // which nobody but us asked for
		verb = "write"
	}
	program, err := findProgram()
	if err != nil {
		return fault.New(fault.Environment, "go install github.com/cellar-go/cellar/cloud/cmd/cellar-cloud@latest",
			"%s %s: the program cellar-cloud, which knows %s://, is neither beside cellar nor on PATH", verb, Shown(p.name), p.scheme)
	}
	c := exec.CommandContext(ctx, program, args...)
	c.WaitDelay = time.Second
	c.Env = append(os.Environ(), p.env...)
	var says bytes.Buffer
	c.Stdout, c.Stderr = out, &says
	err = c.Run()
	if err == nil || ctx.Err() != nil {
		return ctx.Err()
	}
	var exit *exec.ExitError
	if !errors.As(err, &exit) || says.Len() == 0 {
		return fault.New(fault.Environment, "", "%s %s: %s: %w", verb, Shown(p.name), program, err)
	}
	mistake := func(kind fault.Kind, hint string) *fault.Mistake {
		return fault.New(kind, hint, "%s %s: %s", verb, Shown(p.name), strings.TrimSpace(says.String()))
	}
	_, rest, _ := strings.Cut(p.url, "://")
	name, _, _ := strings.Cut(rest, "/")
	switch exit.ExitCode() {
	case misused:
		return mistake(fault.Usage, "write "+p.scheme+"://BUCKET/PATH?OPTIONS; options: https://gocloud.dev/howto/blob/")
	case noObject:
		return fault.Missing("check the path", "%s: bucket %s has no such object", Shown(p.name), name)
	case noBucket:
		return fault.Missing("create it, or check its name, region and endpoint", "%s: there is no bucket %s", Shown(p.name), name)
	case forbidden:
		m := mistake(fault.Environment, credentials[p.scheme])
		m.Err = fs.ErrPermission
		return m
	}
	if args[0] == "write" { // what is to be tried again then is not all that made it
		return mistake(fault.Storage, "check the network")
	}
	return mistake(fault.Storage, "check the network, and try again")
}

// findProgram finds cellar-cloud beside this program, where an archive unpacks both, or on PATH.
func findProgram() (string, error) {
	name := "cellar-cloud"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	if self, err := os.Executable(); err == nil {
		if beside, err := exec.LookPath(filepath.Join(filepath.Dir(self), name)); err == nil {
			return beside, nil
		}
	}
	return exec.LookPath(name)
}
