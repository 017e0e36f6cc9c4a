// Command cellar-cloud reads and writes one object of S3, Google Cloud Storage or Azure Blob Storage for cellar, which starts it and
// tells it by arguments what to do (docs/formats/cloud.md).
//
// It is a program and a module of its own so that the drivers of three clouds weigh on those only who use them. It knows buckets and
// bytes, and must not know notebooks, nor import anything of cellar: `go install` builds a module by itself. Start reading at run.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path"
	"strings"

	"cloud.google.com/go/storage"
	"github.com/Azure/azure-sdk-for-go/sdk/azcore"
	"github.com/aws/smithy-go"
	"gocloud.dev/blob"
	_ "gocloud.dev/blob/azureblob"
	_ "gocloud.dev/blob/gcsblob"
	_ "gocloud.dev/blob/s3blob"
	"gocloud.dev/gcerrors"
	"gocloud.dev/gcp"
	"google.golang.org/api/googleapi"
)

// Exit codes, which tell cellar the way out; the sentence for the user is on stderr.
const (
	failed    = 1 // the cloud or the network failed
	misused   = 2 // the call or the URL is wrong
	noObject  = 3
	noBucket  = 4
	forbidden = 5 // no credentials, or not for this
)

// attempts that Google's client makes, which else tries for ever; the other two make three by themselves.
const attempts = 3

func main() {
	// Ctrl-C goes to cellar, too: what to do about it is cellar's decision.
	signal.Ignore(os.Interrupt)
	out, says := os.Stdout, os.Stderr
	os.Stdout = nil // gocloud prints warnings to it, where they would be taken for a part of the object
	os.Stderr = nil // Amazon's driver logs to it, and the user is told one line
	err := run(context.Background(), os.Args[1:], out)
	if err == nil {
		return
	}
	fmt.Fprintln(says, err)
	code := failed
	var c *coded
	if errors.As(err, &c) {
		code = c.code
	}
	os.Exit(code)
}

// coded is an error with its exit code.
type coded struct {
	code int
	error
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if want := map[string]int{"read": 2, "write": 3, "check": 2}; len(args) == 0 || len(args) != want[args[0]] {
		return &coded{misused, errors.New("usage: cellar-cloud read URL | write URL FILE | check URL")}
	}
	place, key, err := split(args[1])
	if err != nil {
		return &coded{misused, err}
	}
	b, err := blob.OpenBucket(ctx, place)
	if err != nil {
		code := misused
		if lacksCredentials(err) {
			code = forbidden
		}
		return &coded{code, sentence(err)}
	}
	defer b.Close()
	var google *storage.Client
	if b.As(&google) {
		google.SetRetry(storage.WithMaxAttempts(attempts))
	}
	switch args[0] {
	case "read":
		err = read(ctx, b, key, out)
	case "write":
		err = write(ctx, b, key, args[2])
	case "check":
		err = check(ctx, b)
	}
	if err == nil {
		return nil
	}
	if google != nil && strings.Contains(err.Error(), "private key") { // of the empty key that gocloud takes when it finds none
		if _, absent := gcp.DefaultCredentials(ctx); absent != nil {
			err = absent
		}
	}
	return &coded{codeOf(ctx, b, err), sentence(err)}
}

// split parts scheme://bucket/key?options into what gocloud opens and the key, which is taken as it is written: nothing is unescaped.
func split(name string) (place, key string, err error) {
	rest, options, _ := strings.Cut(name, "?")
	scheme, rest, _ := strings.Cut(rest, "://")
	bucket, key, _ := strings.Cut(rest, "/")
	if bucket == "" || key == "" || strings.HasSuffix(key, "/") {
		return "", "", errors.New("it names no object: write SCHEME://BUCKET/KEY")
	}
	place = scheme + "://" + bucket
	if options != "" {
		place += "?" + options
	}
	return place, key, nil
}

func read(ctx context.Context, b *blob.Bucket, key string, out io.Writer) error {
	r, err := b.NewReader(ctx, key, nil)
	if err != nil {
		return err
	}
	defer r.Close()
	_, err = io.Copy(out, r)
	return err
}

// write stores a file, which is whole when cellar names it. The object changes at the end: whatever happens before leaves the old one.
func write(ctx context.Context, b *blob.Bucket, key, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	ctx, abort := context.WithCancel(ctx)
	defer abort()
	options := &blob.WriterOptions{MaxConcurrency: 1} // bounds the memory: the driver holds a copy of what is in flight
	if ext := path.Ext(key); ext == ".ipynb" || ext == ".json" {
		options.ContentType = "application/json"
	}
	w, err := b.NewWriter(ctx, key, options)
	if err != nil {
		return err
	}
	if _, err := io.Copy(w, f); err != nil {
		abort()
		w.Close()
		return err
	}
	return w.Close()
}

// check looks whether a bucket could be written, before there is anything to write.
func check(ctx context.Context, b *blob.Bucket) error {
	if err := list(ctx, b); err != nil && !mayNotList(err) {
		return err
	}
	return nil
}

// list asks for one name of a bucket, which tells a bucket that isn't there from an object that isn't.
func list(ctx context.Context, b *blob.Bucket) error {
	_, _, err := b.ListPage(ctx, blob.FirstPageToken, 1, nil)
	return err
}

// mayNotList: the key is right, and may read or write perhaps, but not list.
func mayNotList(err error) bool {
	var amazon smithy.APIError
	var azure *azcore.ResponseError
	switch {
	case lacksCredentials(err): // where a status would be that of whom the driver has asked for them
		return false
	case errors.As(err, &amazon):
		return amazon.ErrorCode() == "AccessDenied"
	case errors.As(err, &azure):
		return azure.ErrorCode == "AuthorizationPermissionMismatch"
	}
	return statusOf(err) == http.StatusForbidden
}

func codeOf(ctx context.Context, b *blob.Bucket, err error) int {
	switch status := statusOf(err); {
	case status == http.StatusUnauthorized || status == http.StatusForbidden || lacksCredentials(err):
		return forbidden
	case gcerrors.Code(err) == gcerrors.NotFound:
		if err := list(ctx, b); err != nil && !mayNotList(err) && gcerrors.Code(err) == gcerrors.NotFound {
			return noBucket
		}
		return noObject
	case lacksRegion(err):
		return misused
	case status == http.StatusBadRequest: // a name that no bucket can have, or another region's
		return misused
	}
	return failed
}

// statusOf is the status of the answer that an error comes from, 0 if there was none.
func statusOf(err error) int {
	var amazon interface{ HTTPStatusCode() int }
	var google *googleapi.Error
	var azure *azcore.ResponseError
	switch {
	case errors.As(err, &amazon):
		return amazon.HTTPStatusCode()
	case errors.As(err, &google):
		return google.Code
	case errors.As(err, &azure):
		return azure.StatusCode
	}
	return 0
}

// lacksCredentials: none of the drivers has a type for it, and all say the word. Amazon's tokens expire with status 400.
func lacksCredentials(err error) bool {
	var amazon smithy.APIError
	if errors.As(err, &amazon) {
		return strings.Contains(amazon.ErrorCode(), "Token")
	}
	return strings.Contains(strings.ToLower(err.Error()), "credential")
}

// lacksRegion: Amazon's driver was told none.
func lacksRegion(err error) bool { return strings.Contains(err.Error(), "Invalid region") }

// sentence is what the service said, on one line, without what the driver says of its layers.
func sentence(err error) error {
	var amazon smithy.APIError
	var google *googleapi.Error
	var azure *azcore.ResponseError
	var network *net.OpError
	switch {
	case errors.As(err, &amazon) && amazon.ErrorMessage() != "":
		return fmt.Errorf("%s: %s", amazon.ErrorCode(), amazon.ErrorMessage())
	case errors.As(err, &google) && google.Message != "":
		return errors.New(google.Message)
	case errors.As(err, &azure) && azure.ErrorCode != "":
		return fmt.Errorf("%s (status %d)", azure.ErrorCode, azure.StatusCode)
	case errors.As(err, &network):
		return network
	case lacksRegion(err):
		return errors.New("the bucket's region is not known: set AWS_REGION, or write ?region=… behind the name")
	case lacksCredentials(err):
		return errors.New("there are no credentials")
	}
	return errors.New(strings.Join(strings.Fields(err.Error()), " "))
}
