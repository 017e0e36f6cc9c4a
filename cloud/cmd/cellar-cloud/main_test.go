//go:build linux

// What a process needs of memory is read from /proc.

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

var program string

func TestMain(m *testing.M) {
	dir, err := os.MkdirTemp("", "cellar-cloud-")
	if err != nil {
		panic(err)
	}
	program = filepath.Join(dir, "cellar-cloud")
	if out, err := exec.Command("go", "build", "-o", program, ".").CombinedOutput(); err != nil {
		panic(fmt.Sprintf("%v: %s", err, out))
	}
	code := m.Run()
	os.RemoveAll(dir)
	os.Exit(code)
}

// service is a cloud as the tests see it.
type service struct {
	bucket, absent string // scheme://name, of a bucket that is there and of one that is not
	options        string // ?name=value
	env            []string
}

func (s service) url(key string) string { return s.bucket + "/" + key + s.options }

type result struct {
	code int
	out  []byte
	says string
}

func (s service) command(t *testing.T, args ...string) *exec.Cmd {
	c := exec.CommandContext(t.Context(), program, args...)
	c.Env = append([]string{"PATH=" + os.Getenv("PATH"), "HOME=" + t.TempDir(), "AWS_EC2_METADATA_DISABLED=true"}, s.env...)
	return c
}

func (s service) run(t *testing.T, args ...string) result {
	t.Helper()
	c := s.command(t, args...)
	var out, says bytes.Buffer
	c.Stdout, c.Stderr = &out, &says
	err := c.Run()
	var exit *exec.ExitError
	if err != nil && !errors.As(err, &exit) {
		t.Fatal(err)
	}
	return result{c.ProcessState.ExitCode(), out.Bytes(), strings.TrimSpace(says.String())}
}

// call runs any of the three commands.
func (s service) call(t *testing.T, verb, key string) result {
	t.Helper()
	if verb == "write" {
		return s.write(t, key, []byte("x"))
	}
	return s.run(t, verb, s.url(key))
}

func (s service) write(t *testing.T, key string, content []byte) result {
	t.Helper()
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	return s.run(t, "write", s.url(key), file)
}

// slowly starts to write what the test sends into the file that it gets, byte by byte as it likes.
func (s service) slowly(t *testing.T, key string) (*exec.Cmd, *os.File) {
	t.Helper()
	fifo := filepath.Join(t.TempDir(), "fifo")
	if err := syscall.Mkfifo(fifo, 0o600); err != nil {
		t.Fatal(err)
	}
	c := s.command(t, "write", s.url(key), fifo)
	c.Stderr = os.Stderr
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	f, err := os.OpenFile(fifo, os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	return c, f
}

// peak is the most memory that a process has had until now, in bytes.
func peak(t *testing.T, c *exec.Cmd) int {
	t.Helper()
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", c.Process.Pid))
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmHWM:")
	var kB int
	if _, err := fmt.Sscan(rest, &kB); err != nil {
		t.Fatalf("%v in %s", err, status)
	}
	return kB << 10
}

func random(n int) []byte {
	b := make([]byte, n)
	rand.NewChaCha8([32]byte{1}).Read(b)
	return b
}

// testService is what every cloud must do.
func testService(t *testing.T, s service) {
	check := func(what string, r result, code int, says string) {
		t.Helper()
		if r.code != code || !strings.Contains(strings.ToLower(r.says), strings.ToLower(says)) || strings.Contains(r.says, "\n") {
			t.Errorf("%s: exit code %d, not %d, and it says %q, which should have %q", what, r.code, code, r.says, says)
		}
	}
	read := func(key string, want []byte) {
		t.Helper()
		r := s.run(t, "read", s.url(key))
		check("read "+key, r, 0, "")
		if !bytes.Equal(r.out, want) {
			t.Errorf("%s holds %d bytes, not the %d written", key, len(r.out), len(want))
		}
	}
	const key = "a folder/ü%20.ipynb"
	check("bucket", s.run(t, "check", s.url(key)), 0, "")
	check("object that is not there", s.run(t, "read", s.url(key)), noObject, "")
	for _, content := range []string{"one", "the second", ""} {
		check("write", s.write(t, key, []byte(content)), 0, "")
		read(key, []byte(content))
	}

	// The writer dies in the middle of a large object.
	old, large := []byte("old"), random(60<<20)
	check("write", s.write(t, key, old), 0, "")
	c, f := s.slowly(t, key)
	if _, err := f.Write(large[:20<<20]); err != nil {
		t.Fatal(err)
	}
	c.Process.Kill()
	c.Wait()
	f.Close()
	read(key, old)

	// A file that can't be read is no empty object.
	check("a folder for a file", s.run(t, "write", s.url(key), t.TempDir()), failed, "directory")
	check("no file", s.run(t, "write", s.url(key), filepath.Join(t.TempDir(), "none")), failed, "no such file")
	read(key, old)

	none := service{bucket: s.absent, options: s.options, env: s.env}
	check("no bucket to read", none.run(t, "read", none.url(key)), noBucket, "")
	check("no bucket to write", none.write(t, key, old), noBucket, "")
	check("no bucket", none.run(t, "check", none.url(key)), noBucket, "")

	// What is moved does not lie in memory.
	c, f = s.slowly(t, "large")
	if _, err := f.Write(large); err != nil {
		t.Fatal(err)
	}
	writing := peak(t, c)
	f.Close()
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	c = s.command(t, "read", s.url("large"))
	out, err := c.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	got := make([]byte, len(large))
	if _, err := io.ReadFull(out, got[:len(got)-1<<20]); err != nil { // the rest is more than a pipe holds
		t.Fatal(err)
	}
	reading := peak(t, c)
	if _, err := io.ReadFull(out, got[len(got)-1<<20:]); err != nil {
		t.Fatal(err)
	}
	if err := c.Wait(); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, large) {
		t.Error("60 MB came back as others")
	}
	t.Logf("60 MB took %d MB to write, %d MB to read", writing>>20, reading>>20)
	if bound := 100 << 20; writing > bound || reading > bound {
		t.Errorf("60 MB took %d MB of memory to write, %d MB to read", writing>>20, reading>>20)
	}
}

// serve starts a server, whose arguments hold its address, and waits until it answers.
func serve(t *testing.T, address string, c *exec.Cmd) {
	t.Helper()
	var says bytes.Buffer
	c.Stdout, c.Stderr = &says, &says
	if err := c.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		c.Process.Kill()
		c.Wait()
	})
	for end := time.Now().Add(time.Minute); ; time.Sleep(50 * time.Millisecond) {
		if conn, err := net.Dial("tcp", address); err == nil {
			conn.Close()
			return
		}
		if time.Now().After(end) {
			c.Process.Kill()
			c.Wait()
			t.Fatalf("%s does not answer on %s: %s", c.Args[0], address, &says)
		}
	}
}

// freeAddress is an address of this machine where nobody listens.
func freeAddress(t *testing.T) (address, port string) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, port, _ = net.SplitHostPort(l.Addr().String())
	return l.Addr().String(), port
}

// tool builds a program that go.mod pins for the tests.
func tool(t *testing.T, pkg string) string {
	t.Helper()
	file := filepath.Join(filepath.Dir(program), filepath.Base(pkg))
	if out, err := exec.Command("go", "build", "-o", file, pkg).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return file
}

func TestS3(t *testing.T) {
	data := t.TempDir()
	if err := os.Mkdir(filepath.Join(data, "notebooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	address, _ := freeAddress(t)
	server := exec.Command(tool(t, "github.com/versity/versitygw/cmd/versitygw"), "--port", address, "--access", "user", "--secret", "password", "posix", "--sidecar", t.TempDir(), data)
	serve(t, address, server)
	keys := []string{"AWS_ACCESS_KEY_ID=user", "AWS_SECRET_ACCESS_KEY=password"}
	inURL := service{
		bucket: "s3://notebooks", absent: "s3://absent", env: keys,
		options: "?endpoint=http://" + address + "&region=us-east-1&s3ForcePathStyle=true",
	}
	testService(t, inURL)

	s := service{bucket: "s3://b", options: inURL.options, env: keys}
	for _, verb := range []string{"read", "write", "check"} {
		if r := s.call(t, verb, "key"); r.code != misused || !strings.Contains(r.says, "bucket") {
			t.Errorf("a name that no bucket can have, %s: %d, %s", verb, r.code, r.says)
		}
	}

	// The other way to name a server, which any program of AWS's understands.
	inEnv := service{bucket: "s3://notebooks", options: "?use_path_style=true", env: append(keys, "AWS_ENDPOINT_URL=http://"+address, "AWS_REGION=us-east-1")}
	if r := inEnv.run(t, "read", inEnv.url("a folder/ü%20.ipynb")); r.code != 0 || string(r.out) != "old" {
		t.Errorf("by the environment: %d, %q, %s", r.code, r.out, r.says)
	}
	for what, c := range map[string]struct {
		env  []string
		code int
		says string
	}{
		"wrong secret":   {[]string{"AWS_ACCESS_KEY_ID=user", "AWS_SECRET_ACCESS_KEY=wrong"}, forbidden, "SignatureDoesNotMatch"},
		"unknown user":   {[]string{"AWS_ACCESS_KEY_ID=nobody", "AWS_SECRET_ACCESS_KEY=wrong"}, failed, "access key"}, // Amazon answers 403, this server 404
		"no credentials": {nil, forbidden, "credentials"},
	} {
		s := service{bucket: inURL.bucket, options: inURL.options, env: c.env}
		for _, verb := range []string{"read", "write", "check"} {
			if r := s.call(t, verb, "key"); r.code != c.code || !strings.Contains(r.says, c.says) {
				t.Errorf("%s, %s: %d, %s", what, verb, r.code, r.says)
			}
		}
	}

}

func TestGoogle(t *testing.T) {
	data := t.TempDir()
	if err := os.Mkdir(filepath.Join(data, "notebooks"), 0o755); err != nil {
		t.Fatal(err)
	}
	address, port := freeAddress(t)
	serve(t, address, exec.Command(tool(t, "github.com/fsouza/fake-gcs-server"), "-scheme", "http", "-host", "127.0.0.1", "-port", port,
		"-external-url", "http://"+address, "-public-host", address, "-filesystem-root", data))
	testService(t, service{bucket: "gs://notebooks", absent: "gs://absent", env: []string{"STORAGE_EMULATOR_HOST=" + address}})

	// Google's client by itself would try for ever.
	gone, _ := freeAddress(t)
	s := service{env: []string{"STORAGE_EMULATOR_HOST=" + gone}}
	if r := s.run(t, "read", "gs://notebooks/key"); r.code != failed || !strings.Contains(r.says, "refused") {
		t.Errorf("no server: %d, %s", r.code, r.says)
	}
	s.env = nil
	if r := s.run(t, "read", "gs://notebooks/key"); r.code != forbidden || len(r.out) > 0 || !strings.Contains(r.says, "credentials") {
		t.Errorf("no credentials: %d, %s", r.code, r.says)
	}
}

func TestAzure(t *testing.T) {
	emulator, err := filepath.Abs("../../test/node_modules/.bin/azurite-blob")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(emulator); err != nil {
		t.Fatal("no azurite in cloud/test/node_modules: run `make tools`")
	}
	address, port := freeAddress(t)
	serve(t, address, exec.Command(emulator, "--silent", "--skipApiVersionCheck", "--disableTelemetry", "--location", t.TempDir(), "--blobHost", "127.0.0.1", "--blobPort", port))
	// The account and the key are Azurite's own, and public.
	const account = "devstoreaccount1"
	const key = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
	makeContainer(t, "http://"+address+"/"+account, account, key, "notebooks")
	env := []string{
		"AZURE_STORAGE_ACCOUNT=" + account, "AZURE_STORAGE_KEY=" + key, "AZURE_STORAGE_DOMAIN=" + address,
		"AZURE_STORAGE_PROTOCOL=http", "AZURE_STORAGE_IS_LOCAL_EMULATOR=true",
	}
	testService(t, service{bucket: "azblob://notebooks", absent: "azblob://absent", env: env})
	s := service{bucket: "azblob://notebooks", env: append(env, "AZURE_STORAGE_KEY=d3Jvbmc=")}
	for _, verb := range []string{"read", "write", "check"} {
		if r := s.call(t, verb, "key"); r.code != forbidden {
			t.Errorf("wrong key, %s: %d, %s", verb, r.code, r.says)
		}
	}
	s.env = nil
	if r := s.run(t, "read", s.url("key")); r.code == 0 {
		t.Errorf("no account: %d, %s", r.code, r.says)
	}
}

func TestWrongCalls(t *testing.T) {
	var s service
	for _, args := range [][]string{
		{}, {"read"}, {"list", "s3://b/k"}, {"read", "s3://b/k", "file"}, {"write", "s3://b/k"}, {"read", "s3://b"}, {"read", "s3://b/"}, {"read", "s3://b/folder/"}, {"read", "s3:///k"}, {"read", "other://b/k"},
		{"read", "s3://b/k?region=x&nonsense=1"},
	} {
		if r := s.run(t, args...); r.code != misused || r.says == "" {
			t.Errorf("%q: %d, %q", args, r.code, r.says)
		}
	}
}
