package store

import (
	"bytes"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"
	"time"

	"github.com/zeebo/blake3"

	"github.com/cellar-go/cellar/internal/fault"
)

// recordFormat is the version of the record's format that this program writes; docs/formats/record.md.
const recordFormat = 1

// Hash names a file by its content: "b3:" and the 64 hex digits of its BLAKE3.
type Hash string

// Short is enough of a hash for people.
func (h Hash) Short() string { return shorten(string(h)) }

// shorten cuts "b3:<64 hex>" to "b3:<7 hex>".
func shorten(id string) string {
	if i := strings.IndexByte(id, ':'); i >= 0 && len(id) > i+8 {
		return id[:i+8]
	}
	return id
}

// Record is one materialization of an asset. It is immutable: its ID is the hash of its bytes.
type Record struct {
	ID string `json:"-"` // "r1:<64 hex>", set by Put and by reading

	Format int    `json:"format"` // set by Put
	Asset  string `json:"asset"`
	Kind   string `json:"kind"`
	Key    string `json:"key"` // "k1:<hex>": what the version was computed from

	Object  Hash     `json:"object"`
	Content string   `json:"content,omitempty"` // hash of the logical content; equal for equal values, whoever wrote them
	Size    int64    `json:"size"`              // of the object; set by Put
	Rows    int64    `json:"rows"`
	Columns []Column `json:"columns,omitempty"`

	Code      string                     `json:"code,omitempty"` // code version
	Inputs    []Input                    `json:"inputs,omitempty"`
	Params    map[string]json.RawMessage `json:"params,omitempty"`
	Partition string                     `json:"partition,omitempty"`
	GoType    *GoType                    `json:"go_type,omitempty"`
	Displays  Hash                       `json:"displays,omitempty"` // the cell's outputs, JSON lines of MIME bundles

	Commit   string            `json:"commit,omitempty"`
	Dirty    bool              `json:"dirty,omitempty"` // the sources were in no commit
	Writer   string            `json:"writer,omitempty"`
	Host     string            `json:"host,omitempty"`
	Worktree string            `json:"worktree,omitempty"` // as gitx names it: empty for the main one
	Go       string            `json:"go,omitempty"`
	Platform string            `json:"platform,omitempty"`
	Started  time.Time         `json:"started,omitzero"`
	Finished time.Time         `json:"finished,omitzero"`
	CPU      time.Duration     `json:"cpu_ns,omitempty"`
	Defined  Place             `json:"defined,omitzero"`
	Meta     map[string]string `json:"meta,omitempty"`

	unknown map[string]json.RawMessage // fields of a later version of format 1, kept when the record is written again
}

// Column is a column of a table, as the table package finds it.
type Column struct {
	Name string `json:"name"`
	Type string `json:"type"`
	Hash string `json:"hash,omitempty"`
}

// Input is the version of an upstream asset that was used.
type Input struct {
	Asset   string `json:"asset"`
	Key     string `json:"key"`
	Content string `json:"content,omitempty"`
}

// GoType is how a Go program declares the value.
type GoType struct {
	Type    string   `json:"type"`
	Decls   string   `json:"decls,omitempty"`
	Imports []string `json:"imports,omitempty"`
}

// Place is where an asset is defined.
type Place struct {
	File string `json:"file,omitempty"`
	Cell string `json:"cell,omitempty"`
	Line int    `json:"line,omitempty"`
}

// plainRecord has Record's fields without its methods.
type plainRecord Record

var knownFields = func() map[string]bool {
	known := map[string]bool{}
	for f := range reflect.TypeFor[Record]().Fields() {
		if name, _, _ := strings.Cut(f.Tag.Get("json"), ","); name != "" && name != "-" {
			known[name] = true
		}
	}
	return known
}()

// encode gives the canonical bytes: keys sorted, no space, no HTML escapes, times in UTC, a newline at the end.
func (r Record) encode() ([]byte, error) {
	r.Started, r.Finished = r.Started.UTC().Round(0), r.Finished.UTC().Round(0)
	plain, err := json.Marshal(plainRecord(r))
	if err != nil {
		return nil, fmt.Errorf("cellar: write the record of %s: %w", r.Asset, err)
	}
	fields := map[string]any{}
	if err := decodeNumbers(plain, &fields); err != nil {
		return nil, err
	}
	for name, value := range r.unknown {
		var v any
		if err := decodeNumbers(value, &v); err != nil {
			return nil, err
		}
		fields[name] = v
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	err = e.Encode(fields)
	return b.Bytes(), err
}

// decodeNumbers decodes JSON, and leaves numbers as they are written.
func decodeNumbers(text []byte, v any) error {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	return d.Decode(v)
}

// parseRecord reads a record of any format ever released. The ID is that of the bytes.
func parseRecord(text []byte) (*Record, error) {
	var head struct {
		Format int `json:"format"`
	}
	if err := json.Unmarshal(text, &head); err != nil {
		return nil, errors.Join(fault.ErrCorrupt, err)
	}
	if head.Format > recordFormat {
		return nil, newer("this record", head.Format, recordFormat)
	}
	if head.Format < 1 {
		return nil, fmt.Errorf("%w: a record without a format", fault.ErrCorrupt)
	}
	var r Record
	if err := json.Unmarshal(text, (*plainRecord)(&r)); err != nil {
		return nil, errors.Join(fault.ErrCorrupt, err)
	}
	if err := json.Unmarshal(text, &r.unknown); err != nil {
		return nil, errors.Join(fault.ErrCorrupt, err)
	}
	maps.DeleteFunc(r.unknown, func(name string, _ json.RawMessage) bool { return knownFields[name] })
	if err := r.check(); err != nil {
		return nil, errors.Join(fault.ErrCorrupt, err)
	}
	r.ID = recordID(text)
	return &r, nil
}

// newer refuses what a later release wrote.
func newer(what string, format, known int) error {
	return fault.New(fault.Storage, "update cellar", "%s has format %d, and this cellar knows formats up to %d", what, format, known)
}

func recordID(text []byte) string {
	sum := blake3.Sum256(text)
	return "r1:" + hex.EncodeToString(sum[:])
}

// check refuses a record that could not be found again.
func (r *Record) check() error {
	switch {
	case r.Asset == "":
		return errors.New("the record names no asset")
	case strings.ContainsAny(r.Asset+r.Partition+r.Kind, "\t\r\n\x00"): // which would break the lines of a commit's note
		return fmt.Errorf("the asset's name, partition or kind has a tab, a line end or a zero byte: %q %q %q", r.Asset, r.Partition, r.Kind)
	}
	if _, err := split(r.Key, "k"); err != nil {
		return err
	}
	if _, err := split(string(r.Object), "b3"); err != nil {
		return err
	}
	if r.Displays != "" {
		if _, err := split(string(r.Displays), "b3"); err != nil {
			return err
		}
	}
	return nil
}

// split takes "<scheme>:<hex>" apart, and so makes sure that the name is safe as a file's. The scheme may go on after the prefix that
// is wanted: "k" takes k1, k2. What is named by a BLAKE3 has all its digits.
func split(id, prefix string) (digits string, err error) {
	scheme, digits, ok := strings.Cut(id, ":")
	if !ok || !strings.HasPrefix(scheme, prefix) || strings.Trim(scheme, "0123456789abcdefghijklmnopqrstuvwxyz") != "" ||
		len(digits) < 16 || len(digits) > 128 || prefix != "k" && len(digits) != 64 || strings.Trim(digits, "0123456789abcdef") != "" {
		return "", fmt.Errorf("%q is not of the form %s…:<hex>", id, prefix)
	}
	return digits, nil
}
