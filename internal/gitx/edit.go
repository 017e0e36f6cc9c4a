package gitx

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"time"

	"github.com/cellar-go/cellar/internal/fault"
)

// errConflict: somebody else moved the ref first.
var errConflict = errors.New("the ref was moved by another process")

// maxTries bounds how often Edit starts again. Writers of this program stand in line for a lock of their own; only a foreign git can
// come between.
const maxTries = 100

// View reads the tree of the commit that a ref points at. Without the ref, the tree is empty. The tree is valid until read returns.
func (r *Repo) View(ctx context.Context, ref string, read func(*Tree) error) error {
	o := r.objects(ctx)
	defer o.close()
	t, _, err := o.at(ref)
	if err != nil {
		return err
	}
	return read(t)
}

// Edit changes the tree of the commit that a ref points at, and moves the ref to a new commit on top by compare-and-swap. When somebody
// else moves the ref meanwhile, edit is called again with the new tree. A tree that is left as it was makes no commit.
func (r *Repo) Edit(ctx context.Context, ref, message string, edit func(*Tree) error) error {
	o := r.objects(ctx)
	defer o.close()
	for try := range maxTries {
		err := o.edit(ref, message, edit)
		if !errors.Is(err, errConflict) {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(time.Duration(1+rand.IntN(5*(try+1))) * time.Millisecond):
		}
	}
	return fault.New(fault.Storage, "if no git is running, remove the left-over lock file "+r.common+"/"+ref+".lock",
		"%s in %s could not be moved in %d tries: %w", ref, r.dir(), maxTries, errConflict)
}

func (o *objects) edit(ref, message string, edit func(*Tree) error) error {
	t, old, err := o.at(ref)
	if err != nil {
		return err
	}
	before := t.id
	if err := edit(t); err != nil {
		return err
	}
	after, err := t.save()
	if err != nil || after == before || before == "" && len(t.nodes) == 0 {
		return err
	}
	parent := ""
	if old != "" {
		parent = "parent " + old + "\n"
	}
	name, email := o.r.identity(o.ctx)
	who := fmt.Sprintf("%s <%s> %d +0000", name, email, time.Now().Unix())
	id, err := o.put("commit", fmt.Appendf(nil, "tree %s\n%sauthor %s\ncommitter %s\n\n%s\n", after, parent, who, who, message))
	if err != nil {
		return err
	}
	return o.swap(ref, id, old)
}

// at is the tree of a ref, and the commit that it was read from.
func (o *objects) at(ref string) (*Tree, string, error) {
	id, err := o.ref(ref)
	if err != nil || id == "" {
		return &Tree{o: o}, "", err
	}
	c, err := o.commit(id)
	return &Tree{o: o, id: c.tree}, id, err
}

// swap moves a ref from old ("": it does not exist yet) to new, or fails with errConflict.
func (o *objects) swap(ref, new, old string) error {
	if _, err := o.r.program(); err != nil {
		return o.r.native.swap(o.r.common, ref, new, old)
	}
	expected := old
	if expected == "" {
		expected = strings.Repeat("0", len(new))
	}
	_, err := o.r.git(o.ctx, nil, "update-ref", "-m", "cellar", ref, new, expected)
	if err == nil {
		return nil
	}
	if now, readErr := o.ref(ref); readErr == nil && now != old || strings.Contains(err.Error(), ".lock': File exists") {
		return fmt.Errorf("%w: %w", errConflict, err)
	}
	return err
}

// identity is who the user is to git, and a fixed name where git has not been told: on a build server nobody has.
func (r *Repo) identity(ctx context.Context) (name, email string) {
	if out, err := r.git(ctx, nil, "config", "--get-regexp", `^user\.(name|email)$`); err == nil {
		for line := range strings.Lines(string(out)) {
			switch key, value, _ := strings.Cut(strings.TrimSpace(line), " "); key {
			case "user.name":
				name = value
			case "user.email":
				email = value
			}
		}
	} else if r.native != nil {
		name, email = r.native.identity()
	}
	clean := strings.NewReplacer("<", "", ">", "", "\n", " ")
	if name = strings.TrimSpace(clean.Replace(name)); name == "" {
		name = "cellar"
	}
	if email = strings.TrimSpace(clean.Replace(email)); email == "" {
		email = "cellar@localhost"
	}
	return name, email
}

// AddConfig adds a value to a key of the repository's own configuration, unless some configuration has it. The key is
// section.name, without a subsection.
func (r *Repo) AddConfig(ctx context.Context, key, value string) error {
	section, name, _ := strings.Cut(key, ".")
	if r.native != nil && r.native.hasConfig(section, name, value) {
		return nil
	}
	if _, err := r.program(); err != nil {
		return r.native.addConfig(section, name, value)
	}
	out, err := r.git(ctx, nil, "config", "--get-all", key)
	if err != nil && !failedWith(err, 1) {
		return err
	}
	for line := range strings.Lines(string(out)) {
		if strings.TrimSpace(line) == value {
			return nil
		}
	}
	_, err = r.git(ctx, nil, "config", "--local", "--add", key, value)
	return err
}
