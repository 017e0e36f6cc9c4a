package gitx

import "context"

// IntendToAdd tells git that new files of the work tree are to be tracked, so that `git diff` shows them; their contents stay unstaged.
func (r *Repo) IntendToAdd(ctx context.Context, paths ...string) error {
	_, err := r.git(ctx, nil, append([]string{"add", "--intent-to-add", "--"}, paths...)...)
	return err
}
