package classic

import (
	"slices"
	"strings"

	"github.com/cellar-go/cellar/papermill/place"
)

// copyVariable names the file that gets a copy of an executed notebook that goes elsewhere: the functions for Python return it.
const copyVariable = "CELLAR_COPY"

// Places that Papermill knows besides files and standard input and output; the last ones we don't have.
var (
	absent    = []string{"adl://", "hdfs://"}
	elsewhere = append([]string{"http://", "https://", "s3://", "gs://", "abs://"}, absent...)
)

// remote: Papermill would not open a file of this name.
func remote(path string) bool { return hasPrefix(path, elsewhere) }

// shownPath is a path as it may stand in the log and in metadata.
func shownPath(path string) string {
	if remote(path) {
		return place.Shown(path)
	}
	return path
}

func hasPrefix(path string, prefixes []string) bool {
	return slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(path, p) })
}

// remoteError is the exception of a place that can't be read or written: where it is one that we lack, what Papermill raises without the
// package that it needs for it.
func remoteError(name string, err error) error {
	if err == nil || !hasPrefix(name, absent) {
		return err
	}
	return raise("papermill.exceptions.PapermillOptionalDependencyException", "%s", plainMessage(err)).because(err)
}
