package place

import (
	"bytes"
	"context"
	"errors"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
)

// The clouds one by one are tested in the module of cellar-cloud; here is the way through it, to a real server of S3.
func TestBucket(t *testing.T) {
	programs := t.TempDir()
	build := exec.Command("go", "build", "-C", filepath.Join("..", "..", "cloud"), "-o", programs, "./cmd/cellar-cloud", "github.com/versity/versitygw/cmd/versitygw")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	data := t.TempDir()
	if err := os.Mkdir(filepath.Join(data, "notebooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := l.Addr().String()
	l.Close()
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer silent.Close()
	server := exec.Command(filepath.Join(programs, "versitygw"), "--port", address, "--access", "user", "--secret", "password", "posix", "--sidecar", t.TempDir(), data)
	var says bytes.Buffer
	server.Stdout, server.Stderr = &says, &says
	if err := server.Start(); err != nil {
		t.Fatal(err)
	}
	defer server.Wait()
	defer server.Process.Kill()
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			break
		}
		if time.Now().After(end) {
			t.Fatal("the server does not answer")
		}
	}
	for name, value := range map[string]string{
		"PATH": programs, "AWS_ACCESS_KEY_ID": "user", "AWS_SECRET_ACCESS_KEY": "password", "AWS_REGION": "us-east-1", "AWS_ENDPOINT_URL": "http://" + address,
	} {
		t.Setenv(name, value)
	}
	const options = "?s3ForcePathStyle=true"
	const name = "s3://notebooks/folder/a.ipynb" + options
	testPlace(t, name, "s3://absent/a.ipynb"+options)
	mistake(t, "check an absent bucket", Check(t.Context(), "s3://absent/a.ipynb"+options), "there is no bucket absent")
	mistake(t, "a bucket", second(Read(t.Context(), "s3://notebooks"+options)), "s3://BUCKET/PATH")
	mistake(t, "an option that does not exist", second(Read(t.Context(), name+"&nonsense=1")), "nonsense")
	testAzureName(t)
	t.Setenv("AWS_SECRET_ACCESS_KEY", "wrong")
	wrong := second(Read(t.Context(), name))
	mistake(t, "a wrong key", wrong, "set AWS_ACCESS_KEY_ID")
	if !errors.Is(wrong, fs.ErrPermission) {
		t.Errorf("a wrong key is no lack of permission: %v", wrong)
	}
	t.Setenv("AWS_ENDPOINT_URL", "http://"+silent.Addr().String())
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	if err := second(Read(ctx, name)); err != context.DeadlineExceeded {
		t.Errorf("a server that never answers: %v", err)
	}
	silent.Close()
	mistake(t, "no server", second(Read(t.Context(), name)), "connection refused")
	unwritten := Write(t.Context(), name, text("x"))
	mistake(t, "nor for a write", unwritten, "connection refused")
	if hint := fault.Hint(Later(unwritten, "and later")); hint != "check the network; and later" {
		t.Error(hint)
	}
	t.Setenv("PATH", t.TempDir())
	mistake(t, "without cellar-cloud", second(Read(t.Context(), name)), "go install github.com/cellar-go/cellar/cloud/cmd/cellar-cloud@latest")
}

// testAzureName asks a server for a blob by Papermill's name of it.
func testAzureName(t *testing.T) {
	t.Helper()
	asked := ""
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked = r.URL.Path + "?" + r.URL.Query().Encode() // in the order of its names
		w.Header().Set("Last-Modified", time.Now().UTC().Format(http.TimeFormat))
		w.Write([]byte("a blob"))
	}))
	defer server.Close()
	for name, value := range map[string]string{
		"AZURE_STORAGE_DOMAIN": server.Listener.Addr().String(), "AZURE_STORAGE_PROTOCOL": "http", "AZURE_STORAGE_IS_LOCAL_EMULATOR": "true", "AZURE_STORAGE_KEY": "d3Jvbmc=",
	} {
		t.Setenv(name, value)
	}
	const name = "abs://mine.blob.core.windows.net/notebooks/folder/a.ipynb?sv=2024&sig=secret"
	got, err := Read(t.Context(), name)
	if err != nil || string(got) != "a blob" || asked != "/mine/notebooks/folder/a.ipynb?sig=secret&sv=2024" {
		t.Errorf("%q, %v; asked for %s", got, err, asked)
	}
	mistake(t, "no blob", second(Read(t.Context(), "abs://mine/a.ipynb?sig=secret")), "abs://mine/a.ipynb names no blob")
}
