package gitx

import (
	"fmt"
	"strings"

	"github.com/cellar-go/cellar/internal/fault"
)

// Tree is a folder of a commit that is read as needed, and written when the edit ends. Paths have slashes.
type Tree struct {
	o       *objects
	id      string // of the folder as read, "" for a new one
	loaded  bool
	changed bool
	nodes   []node           // with no id where folders has one that is not written yet
	folders map[string]*Tree // those that were opened
}

// emptyTree is known to git without being stored.
const emptyTree = "4b825dc642cb6eb9a060e54bf8d69288fbee4904"

func (t *Tree) load() error {
	if t.loaded {
		return nil
	}
	t.folders = map[string]*Tree{}
	if t.id != "" && t.id != emptyTree {
		nodes, err := t.o.tree(t.id)
		if err != nil {
			return err
		}
		t.nodes = nodes
	}
	t.loaded = true
	return nil
}

// find is the place of a name among the nodes, or -1.
func (t *Tree) find(name string) int {
	for i, n := range t.nodes {
		if n.name == name {
			return i
		}
	}
	return -1
}

// folder opens the folder of that name; nil if there is none and create is false.
func (t *Tree) folder(name string, create bool) (*Tree, error) {
	if err := t.load(); err != nil {
		return nil, err
	}
	if f := t.folders[name]; f != nil {
		return f, nil
	}
	f := &Tree{o: t.o}
	if i := t.find(name); i >= 0 && t.nodes[i].isTree() {
		f.id = t.nodes[i].id
	} else if !create {
		return nil, nil
	} else {
		t.set(node{modeTree, name, ""})
	}
	t.folders[name] = f
	return f, nil
}

func (t *Tree) set(n node) {
	t.changed = true
	if i := t.find(n.name); i >= 0 {
		t.nodes[i] = n
	} else {
		t.nodes = append(t.nodes, n)
	}
}

// fileID is the id of a file's content, or fault.ErrNotFound.
func (t *Tree) fileID(path string) (string, error) {
	name, rest, deeper := strings.Cut(path, "/")
	if deeper {
		f, err := t.folder(name, false)
		if err != nil {
			return "", err
		}
		if f == nil {
			return "", fault.ErrNotFound
		}
		return f.fileID(rest)
	}
	if err := t.load(); err != nil {
		return "", err
	}
	if i := t.find(name); i >= 0 && t.nodes[i].isFile() {
		return t.nodes[i].id, nil
	}
	return "", fault.ErrNotFound
}

// Read is a file's content, or fault.ErrNotFound.
func (t *Tree) Read(path string) ([]byte, error) {
	id, err := t.fileID(path)
	if err != nil {
		return nil, err
	}
	return t.o.get(id, "blob")
}

// Files are the names of the files in a folder, none if there is no such folder.
func (t *Tree) Files(path string) ([]string, error) {
	f := t
	for name := range strings.SplitSeq(path, "/") {
		var err error
		if f, err = f.folder(name, false); err != nil || f == nil {
			return nil, err
		}
	}
	if err := f.load(); err != nil {
		return nil, err
	}
	var names []string
	for _, n := range f.nodes {
		if n.isFile() {
			names = append(names, n.name)
		}
	}
	return names, nil
}

// Write sets a file's content, making the folders above it.
func (t *Tree) Write(path string, content []byte) error {
	id, err := t.o.put("blob", content)
	if err != nil {
		return err
	}
	return t.link(path, node{mode: modeFile, id: id})
}

// Folder stores a folder of files and gives back its id, which Link puts in place.
func (t *Tree) Folder(files map[string][]byte) (string, error) {
	f := &Tree{o: t.o}
	for name, content := range files {
		if err := f.Write(name, content); err != nil {
			return "", err
		}
	}
	return f.save()
}

// Link sets a path to the folder of that id.
func (t *Tree) Link(path, id string) error {
	return t.link(path, node{mode: modeTree, id: id})
}

func (t *Tree) link(path string, n node) error {
	name, rest, deeper := strings.Cut(path, "/")
	if name == "" || name == "." || name == ".." || name == ".git" || strings.ContainsRune(name, 0) {
		return fmt.Errorf("cellar: %q is no path that git can keep", path)
	}
	if deeper {
		f, err := t.folder(name, true)
		if err != nil {
			return err
		}
		return f.link(rest, n)
	}
	if err := t.load(); err != nil {
		return err
	}
	if i := t.find(name); i >= 0 && t.nodes[i].mode == n.mode && t.nodes[i].id == n.id {
		return nil
	}
	delete(t.folders, name)
	n.name = name
	t.set(n)
	return nil
}

// save writes what changed, and gives back the folder's id.
func (t *Tree) save() (string, error) {
	for name, f := range t.folders {
		id, err := f.save()
		if err != nil {
			return "", err
		}
		if i := t.find(name); t.nodes[i].id != id {
			t.nodes[i].id = id
			t.changed = true
		}
	}
	if !t.changed && t.id != "" {
		return t.id, nil
	}
	body, err := formatTree(t.nodes)
	if err != nil {
		return "", err
	}
	if t.id, err = t.o.put("tree", body); err != nil {
		return "", err
	}
	t.changed = false
	return t.id, nil
}
