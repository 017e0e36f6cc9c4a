package table

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/parquet-go/parquet-go/encoding/rle"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// A page is closed when it has this many bytes or rows: what fits a cache, and what readers skip by.
const (
	pageBytes = 1 << 20
	pageRows  = 1 << 16
)

// chunkWriter collects the values of one leaf in one row group, page by page.
type chunkWriter struct {
	n          *node
	vals       []byte  // of the open page, in PLAIN encoding; booleans a byte each
	reps, defs []uint8 // empty where the leaf has no such levels
	entries    int
	nulls      int
	rows       int

	hash    *leafHash
	hashed  struct{ vals, entries int } // how much of the open page is hashed
	digests []digest
	zones   *zones // of a time.Time
	stats   stats
	dict    *dictionary // of strings, while it pays

	pages    [][]byte // closed data pages
	total    int64    // entries in them
	absent   int64
	plainLen int64 // their size uncompressed
	plain    bool  // one of them is PLAIN
	indexed  bool  // one of them refers to the dictionary

	body, levels, packed []byte // scratch
	index                []int32
}

func newChunkWriter(n *node) *chunkWriter {
	return &chunkWriter{n: n, hash: newLeafHash(n), stats: stats{t: n.leaf}}
}

// reset starts a new chunk, keeping the memory.
func (w *chunkWriter) reset() {
	w.digests, w.pages, w.total, w.absent, w.plainLen, w.plain, w.indexed = w.digests[:0], w.pages[:0], 0, 0, 0, false, false
	w.stats = stats{t: w.n.leaf}
	if w.n.leaf.class == cString {
		w.dict = newDictionary()
	}
	if w.zones != nil {
		*w.zones = zones{iana: w.zones.iana}
	}
	w.clearPage()
}

func (w *chunkWriter) clearPage() {
	w.vals, w.reps, w.defs, w.entries, w.nulls, w.rows = w.vals[:0], w.reps[:0], w.defs[:0], 0, 0, 0
	w.hashed.vals, w.hashed.entries = 0, 0
}

// put ends an entry whose value was added.
func (w *chunkWriter) put(rep uint8) {
	if w.n.maxDef > 0 {
		w.defs = append(w.defs, w.n.maxDef)
	}
	if w.n.maxRep > 0 {
		w.reps = append(w.reps, rep)
	}
	w.entries++
}

// null is an entry without a value.
func (w *chunkWriter) null(rep, def uint8) {
	w.defs = append(w.defs, def)
	if w.n.maxRep > 0 {
		w.reps = append(w.reps, rep)
	}
	w.entries++
	w.nulls++
}

func (w *chunkWriter) extend(n int) []byte {
	w.vals = slices.Grow(w.vals, n)
	w.vals = w.vals[:len(w.vals)+n]
	return w.vals[len(w.vals)-n:]
}

func (w *chunkWriter) addString(s string) {
	checkText(s)
	w.vals = append(binary.LittleEndian.AppendUint32(w.vals, length(len(s))), s...)
}

func (w *chunkWriter) addBytes(b []byte) {
	w.vals = append(binary.LittleEndian.AppendUint32(w.vals, length(len(b))), b...)
}

func length(n int) uint32 {
	if n > math.MaxInt32 {
		refuse("it has %d bytes, and Parquet holds 2 GiB in one value", n)
	}
	return uint32(n)
}

func (w *chunkWriter) addTime(t time.Time, ns int64) {
	w.vals = binary.LittleEndian.AppendUint64(w.vals, uint64(ns))
	w.hash.addZone(w.zones.add(t), 1)
}

// endBlock hashes the block of rows that was just stored, and closes the page if it is full.
func (w *chunkWriter) endBlock(rows int) {
	levels := func(l []uint8) []uint8 {
		if len(l) == 0 {
			return nil
		}
		return l[w.hashed.entries:]
	}
	w.hash.addLevels(levels(w.reps), levels(w.defs), w.entries-w.hashed.entries)
	w.hash.addPlain(w.vals[w.hashed.vals:])
	w.digests = append(w.digests, w.hash.block())
	w.hashed.vals, w.hashed.entries = len(w.vals), w.entries
	w.rows += rows
	if len(w.vals) >= pageBytes || w.entries >= pageBytes || w.rows >= pageRows {
		w.flush()
	}
}

// flush closes the open page. Data pages are of version 2, whose levels are not compressed.
func (w *chunkWriter) flush() {
	if w.entries == 0 {
		return
	}
	encoding, body := w.encode()
	repLen := 0
	w.levels = w.levels[:0]
	if w.n.maxRep > 0 {
		w.appendLevels(w.reps, w.n.maxRep)
		repLen = len(w.levels)
	}
	if w.n.maxDef > 0 {
		w.appendLevels(w.defs, w.n.maxDef)
	}
	packed, compressed := w.compress(body)
	if size := len(w.levels) + len(body); size > math.MaxInt32-64 {
		refuse("one row has %d bytes in it, and a page holds 2 GiB (store it as a slice of structs, so that it has more rows)", size)
	}
	page := w.newPage()
	w.appendHeader(page, format.PageHeader{
		Type: format.DataPageV2, UncompressedPageSize: int32(len(w.levels) + len(body)), CompressedPageSize: int32(len(w.levels) + len(packed)),
		DataPageHeaderV2: thrift.New(format.DataPageHeaderV2{
			NumValues: int32(w.entries), NumNulls: int32(w.nulls), NumRows: int32(w.rows), Encoding: encoding,
			DefinitionLevelsByteLength: int32(len(w.levels) - repLen), RepetitionLevelsByteLength: int32(repLen),
			IsCompressed: thrift.New(compressed),
		}),
	}, len(body)+len(w.levels))
	*page = append(append(*page, w.levels...), packed...)
	w.total, w.absent = w.total+int64(w.entries), w.absent+int64(w.nulls)
	w.clearPage()
}

// newPage is the next page's memory, that of an earlier chunk if there is any.
func (w *chunkWriter) newPage() *[]byte {
	if len(w.pages) < cap(w.pages) {
		w.pages = w.pages[:len(w.pages)+1]
	} else {
		w.pages = append(w.pages, nil)
	}
	page := &w.pages[len(w.pages)-1]
	*page = (*page)[:0]
	return page
}

func (w *chunkWriter) appendHeader(to *[]byte, h format.PageHeader, body int) {
	b, err := thrift.Marshal(new(thrift.CompactProtocol), &h)
	if err != nil {
		panic(failure{err})
	}
	*to = append(*to, b...)
	w.plainLen += int64(len(b) + body)
}

// compress is snappy by s2's encoder, which is twice as fast as the stock one; what does not shrink is left alone.
func (w *chunkWriter) compress(b []byte) (packed []byte, compressed bool) {
	if len(b) < 32 {
		return b, false
	}
	if need := s2.MaxEncodedLen(len(b)); cap(w.packed) < need {
		w.packed = make([]byte, need)
	}
	packed = s2.EncodeSnappy(w.packed[:cap(w.packed)], b)
	if len(packed) >= len(b) {
		return b, false
	}
	return packed, true
}

func (w *chunkWriter) appendLevels(levels []uint8, highest uint8) {
	b, err := (&rle.Encoding{BitWidth: bits.Len8(highest)}).EncodeLevels(nil, levels)
	if err != nil {
		panic(failure{err})
	}
	w.levels = append(w.levels, b...)
}

// encode is the open page's values as they are stored, and how.
func (w *chunkWriter) encode() (format.Encoding, []byte) {
	if w.n.leaf.phys == format.Boolean {
		w.plain = true
		w.body = append(w.body[:0], make([]byte, (len(w.vals)+7)/8)...)
		for i, b := range w.vals {
			w.body[i>>3] |= (b & 1) << (i & 7)
		}
		w.stats.add(w.vals)
		return format.Plain, w.body
	}
	if w.dict != nil {
		if index, ok := w.dict.page(w.vals, w.index[:0]); ok {
			w.index, w.indexed = index, true
			width := max(1, bits.Len(uint(max(0, w.dict.n-1))))
			b, err := (&rle.Encoding{BitWidth: width}).EncodeInt32(w.packed[:0], index)
			if err != nil {
				panic(failure{err})
			}
			w.body = append(append(w.body[:0], byte(width)), b...)
			return format.RLEDictionary, w.body
		}
		if !w.indexed {
			w.dict = nil
		}
	}
	w.plain = true
	w.stats.add(w.vals)
	return format.Plain, w.vals
}

// finish closes the chunk: its bytes, and its metadata with offsets from the chunk's start.
func (w *chunkWriter) finish() ([][]byte, format.ColumnMetaData) {
	w.flush()
	md := format.ColumnMetaData{
		Type: w.n.leaf.phys, PathInSchema: w.n.names, Codec: format.Snappy, NumValues: w.total,
		Encoding: []format.Encoding{format.RLE},
	}
	var dict []byte
	if w.indexed {
		w.stats.add(w.dict.plain)
		packed, compressed := w.compress(w.dict.plain)
		if !compressed { // a dictionary page can't say so itself
			packed = s2.EncodeSnappy(nil, w.dict.plain)
		}
		w.appendHeader(&dict, format.PageHeader{
			Type: format.DictionaryPage, UncompressedPageSize: int32(len(w.dict.plain)), CompressedPageSize: int32(len(packed)),
			DictionaryPageHeader: thrift.New(format.DictionaryPageHeader{NumValues: int32(w.dict.n), Encoding: format.Plain}),
		}, len(w.dict.plain))
		dict = append(dict, packed...)
		md.Encoding = append(md.Encoding, format.RLEDictionary)
	}
	if w.plain || w.indexed {
		md.Encoding = append(md.Encoding, format.Plain)
	}
	md.DataPageOffset = int64(len(dict))
	pieces := append([][]byte{dict}, w.pages...)
	for _, b := range pieces {
		md.TotalCompressedSize += int64(len(b))
	}
	md.TotalUncompressedSize = w.plainLen
	md.Statistics = w.stats.thrift(w.absent)
	if w.zones != nil && w.zones.other {
		md.KeyValueMetadata = []format.KeyValue{{Key: zoneKey, Value: w.zones.text()}}
	}
	return pieces, md
}
