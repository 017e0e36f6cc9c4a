package store

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/zeebo/blake3"

	"github.com/cellar-go/cellar/internal/fault"
)

const (
	noteFormat = 1  // of the note and of the records below it
	noteHeight = 20 // lines
)

// NoteLine is what a commit's note says of one asset, or of one partition of it.
type NoteLine struct {
	Asset, Partition string
	Key, Record      string
	Object           Hash
	Kind             string
	Rows, Size       int64
	Commit           string // for which it was written
}

// note is a commit's note, without the summary, which is made anew.
type note struct {
	roots   []string // the trees of its records
	foreign string   // what others wrote beside it
}

// parseNote reads a note: blocks from "cellar 1: …" to "records <hash>", and any other text around them. git may have put several notes
// together, or sorted their lines.
func parseNote(text []byte) (note, error) {
	var n note
	var foreign, block []string
	inBlock := false
	for line := range strings.Lines(string(text)) {
		line = strings.TrimRight(line, "\r\n")
		if version, ok := headerVersion(line); ok {
			if version > noteFormat {
				return note{}, newer("the note", version, noteFormat)
			}
			inBlock = true
			block = append(block, line)
			continue
		}
		root, isRoot := strings.CutPrefix(line, "records ")
		switch {
		case isRoot && isGitID(root):
			if !slices.Contains(n.roots, root) {
				n.roots = append(n.roots, root)
			}
			inBlock, block = false, nil
		case inBlock:
			block = append(block, line)
		default:
			foreign = append(foreign, line)
		}
	}
	foreign = append(foreign, block...) // a block without an end: not ours
	n.foreign = strings.Trim(strings.Join(foreign, "\n"), "\n")
	return n, nil
}

func headerVersion(line string) (int, bool) {
	rest, ok := strings.CutPrefix(line, "cellar ")
	number, _, ok2 := strings.Cut(rest, ": ")
	version, err := strconv.Atoi(number)
	return version, ok && ok2 && err == nil && version > 0
}

func isGitID(s string) bool {
	return (len(s) == 40 || len(s) == 64) && strings.Trim(s, "0123456789abcdef") == ""
}

// render writes the note: a line an asset as far as there is room, then the root of the records, then what others wrote.
func (n note) render(lines map[string]NoteLine, root string) []byte {
	type row struct {
		asset, amount, object, key string
		rows, parts                int64
	}
	rows := map[string]row{}
	for _, s := range slices.Sorted(maps.Keys(lines)) {
		l := lines[s]
		r := rows[l.Asset]
		r.asset, r.rows = l.Asset, r.rows+l.Rows
		switch {
		case l.Partition != "":
			r.parts++
			r.amount = fmt.Sprintf("%s rows in %s", grouped(r.rows), plural(r.parts, "partition"))
		case l.Kind == "table":
			r.amount, r.object, r.key = plural(l.Rows, "row"), l.Object.Short(), shorten(l.Key)
		default:
			r.amount, r.object, r.key = sizeText(l.Size), l.Object.Short(), shorten(l.Key)
		}
		rows[l.Asset] = r
	}
	var b bytes.Buffer
	fmt.Fprintf(&b, "cellar %d: %s\n", noteFormat, plural(int64(len(rows)), "asset"))
	assets := slices.Sorted(maps.Keys(rows))
	shown := assets
	if room := noteHeight - 2; len(assets) > room {
		shown = assets[:room-1]
	}
	w := tabwriter.NewWriter(&b, 0, 0, 2, ' ', 0)
	for _, a := range shown {
		r := rows[a]
		fmt.Fprintf(w, "%s\t%s", r.asset, r.amount)
		if r.object != "" {
			fmt.Fprintf(w, "\t%s\t%s", r.object, r.key)
		}
		fmt.Fprintln(w)
	}
	w.Flush() // to memory
	if more := len(assets) - len(shown); more > 0 {
		fmt.Fprintf(&b, "… and %s more\n", grouped(int64(more)))
	}
	fmt.Fprintf(&b, "records %s\n", root)
	if n.foreign != "" {
		fmt.Fprintf(&b, "\n%s\n", n.foreign)
	}
	return b.Bytes()
}

// shards spreads lines over files: 256 for the assets without partitions, one for each asset with them. So a note of ten thousand
// assets that changes by one shares nearly all of its files with the one before.
func shards(lines map[string]NoteLine) map[string][]byte {
	files := map[string][]byte{}
	for _, s := range slices.Sorted(maps.Keys(lines)) {
		l := lines[s]
		sum := blake3.Sum256([]byte(l.Asset))
		name := hex.EncodeToString(sum[:1])
		if l.Partition != "" {
			name = "p" + hex.EncodeToString(sum[:16])
		}
		files[name] = fmt.Appendf(files[name], "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%d\t%s\n",
			l.Asset, l.Partition, l.Key, l.Record, l.Object, l.Kind, l.Rows, l.Size, l.Commit)
	}
	return files
}

// parseShard reads the lines of a file of records. Columns that a later cellar adds at the end are passed over.
func parseShard(text []byte, into map[string]NoteLine) error {
	for line := range strings.Lines(string(text)) {
		f := strings.Split(strings.TrimSuffix(line, "\n"), "\t")
		if len(f) < 9 || f[0] == "" {
			return fmt.Errorf("%w: %.100q", fault.ErrCorrupt, line)
		}
		rows, err := strconv.ParseInt(f[6], 10, 64)
		if err != nil {
			return fmt.Errorf("%w: rows in %.100q", fault.ErrCorrupt, line)
		}
		size, err := strconv.ParseInt(f[7], 10, 64)
		if err != nil {
			return fmt.Errorf("%w: size in %.100q", fault.ErrCorrupt, line)
		}
		for prefix, id := range map[string]string{"k": f[2], "r1": f[3], "b3": f[4]} {
			if _, err := split(id, prefix); err != nil {
				return fmt.Errorf("%w: %w", fault.ErrCorrupt, err)
			}
		}
		if !isGitID(f[8]) {
			return fmt.Errorf("%w: commit in %.100q", fault.ErrCorrupt, line)
		}
		l := NoteLine{f[0], f[1], f[2], f[3], Hash(f[4]), f[5], rows, size, f[8]}
		into[Slot(l.Asset, l.Partition)] = l
	}
	return nil
}

// grouped writes 336776 as 336,776.
func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	for i := len(s) - 3; i > 0 && s[i-1] != '-'; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	return s
}

func plural(n int64, what string) string {
	if n == 1 {
		return "1 " + what
	}
	return grouped(n) + " " + what + "s"
}

func sizeText(n int64) string {
	switch {
	case n < 1000:
		return plural(n, "byte")
	case n < 1000_000:
		return fmt.Sprintf("%.1f kB", float64(n)/1e3)
	case n < 1000_000_000:
		return fmt.Sprintf("%.1f MB", float64(n)/1e6)
	}
	return fmt.Sprintf("%.1f GB", float64(n)/1e9)
}
