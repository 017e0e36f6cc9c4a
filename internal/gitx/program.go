package gitx

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
)

// git runs the git program in the repository and gives back what it printed.
func (r *Repo) git(ctx context.Context, stdin []byte, args ...string) ([]byte, error) {
	cmd, err := r.command(ctx, args...)
	if err != nil {
		return nil, err
	}
	var out, stderr bytes.Buffer
	cmd.Stdin, cmd.Stdout, cmd.Stderr = bytes.NewReader(stdin), &out, &stderr
	if err := cmd.Run(); err != nil {
		return nil, r.complaint(ctx, args[0], err, stderr.String())
	}
	return out.Bytes(), nil
}

// command is git in this repository. It is told the folder, not the git directory, so that its check of the owner
// (safe.directory) stays in force.
func (r *Repo) command(ctx context.Context, args ...string) (*exec.Cmd, error) {
	program, err := r.program()
	if err != nil {
		return nil, fault.New(fault.Environment, "install git, and put it on PATH", "git %s: the git program is not on PATH: %w", args[0], err)
	}
	// By itself git syncs neither loose objects nor refs: after a loss of power a ref may be an empty file. (Before 2.36 it never syncs refs.)
	cmd := exec.CommandContext(ctx, program, append([]string{"-C", r.dir(), "-c", "core.fsync=committed,reference"}, args...)...)
	for _, v := range os.Environ() {
		// In a hook these name the repository that the hook runs for; here the folder decides.
		switch name, _, _ := strings.Cut(v, "="); name {
		case "GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "GIT_COMMON_DIR", "GIT_OBJECT_DIRECTORY", "GIT_PREFIX", "GIT_NAMESPACE",
			"GIT_ALTERNATE_OBJECT_DIRECTORIES":
		default:
			cmd.Env = append(cmd.Env, v)
		}
	}
	cmd.Env = append(cmd.Env, "LC_ALL=C", "GIT_TERMINAL_PROMPT=0", "GIT_OPTIONAL_LOCKS=0")
	return cmd, nil
}

// complaint makes a sentence of git's own.
func (r *Repo) complaint(ctx context.Context, verb string, err error, stderr string) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if strings.Contains(stderr, "dubious ownership") {
		return fault.New(fault.Environment, "git config --global --add safe.directory "+r.dir(),
			"git refuses the repository %s, because another user owns it: %w", r.dir(), err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(stderr), "\n")
	if line == "" {
		return fmt.Errorf("cellar: git %s in %s: %w", verb, r.dir(), err)
	}
	return fmt.Errorf("cellar: git %s in %s: %s: %w", verb, r.dir(), strings.TrimPrefix(line, "fatal: "), err)
}

// failedWith says whether git ended with this code, and not for another reason.
func failedWith(err error, code int) bool {
	var exit *exec.ExitError
	return errors.As(err, &exit) && exit.ExitCode() == code
}

// catFile is a running `git cat-file --batch`.
type catFile struct {
	cmd *exec.Cmd
	in  io.WriteCloser
	out *bufio.Reader
}

func (r *Repo) startCatFile(ctx context.Context) (*catFile, error) {
	cmd, err := r.command(ctx, "cat-file", "--batch")
	if err != nil {
		return nil, err
	}
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, err
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, err
	}
	cmd.Stderr = new(bytes.Buffer)
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	return &catFile{cmd, in, bufio.NewReader(out)}, nil
}

func (c *catFile) get(id string) (kind string, body []byte, err error) {
	if _, err := fmt.Fprintln(c.in, id); err != nil {
		return "", nil, err
	}
	line, err := c.out.ReadString('\n')
	if err != nil {
		return "", nil, err
	}
	fields := strings.Fields(line) // "<id> <kind> <size>", or "<id> missing"
	if len(fields) != 3 {
		return "", nil, fmt.Errorf("object %s: %w", id, fault.ErrNotFound)
	}
	size, err := strconv.Atoi(fields[2])
	if err != nil {
		return "", nil, err
	}
	body = make([]byte, size+1) // and a newline
	if _, err := io.ReadFull(c.out, body); err != nil {
		return "", nil, err
	}
	return fields[1], body[:size], nil
}

// close ends the program; what it complained of is in the error.
func (c *catFile) close() (stderr string, err error) {
	c.in.Close()
	_, _ = io.Copy(io.Discard, c.out) // an answer half read, after an error
	err = c.cmd.Wait()
	return c.cmd.Stderr.(*bytes.Buffer).String(), err
}
