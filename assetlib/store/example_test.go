package store_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"strings"

	"github.com/cellar-go/cellar/assetlib/store"
)

// A version is written once, and found by its key.
func Example() {
	dir, err := os.MkdirTemp("", "cellar")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	ctx := context.Background()

	s, err := store.Open(dir, store.Options{})
	if err != nil {
		log.Fatal(err)
	}
	key := "k1:" + strings.Repeat("7c", 32) // computed from the sources and the inputs
	unlock, err := s.Lock(ctx, key)         // nobody else computes it meanwhile
	if err != nil {
		log.Fatal(err)
	}
	defer unlock()
	if _, found, _ := s.Find(key); !found {
		w, err := s.Create()
		if err != nil {
			log.Fatal(err)
		}
		defer w.Abort()
		fmt.Fprint(w, "hello") // Parquet, as a rule
		object, err := w.Commit()
		if err != nil {
			log.Fatal(err)
		}
		if _, err := s.Put(ctx, store.Record{Asset: "flights/features", Kind: "table", Key: key, Object: object, Rows: 1}); err != nil {
			log.Fatal(err)
		}
	}

	r, found, err := s.Find(key)
	if err != nil || !found {
		log.Fatal(found, err)
	}
	path, err := s.Object(r.Object)
	if err != nil {
		log.Fatal(err)
	}
	text, err := os.ReadFile(path)
	fmt.Println(r.Asset, r.Object.Short(), string(text), err)
	// Output: flights/features b3:ea8f163 hello <nil>
}
