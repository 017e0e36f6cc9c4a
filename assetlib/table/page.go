package table

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"io"
	"math/bits"
	"sync"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
)

// page is a decoded data page: the levels of its entries, and the values that are there.
type page struct {
	n          *node
	entries    int
	reps, defs []uint8 // nil where the leaf has no such levels
	values
	scratch []byte
}

// values are decoded values, in the slice of their physical type.
type values struct {
	count int
	bools []byte
	u32   []uint32
	u64   []uint64
	str   []string // byte arrays, fixed too; they share the page's memory, or the dictionary's
	zones []zoneSpan
}

// zoneSpan is the zone of the next count values.
type zoneSpan struct {
	name  string
	loc   *time.Location
	count int
}

// startsRow tells whether an entry is the first of its row.
func (p *page) startsRow(entry int) bool { return p.reps == nil || p.reps[entry] == 0 }

// split takes entries from entry on until more than rows rows would have begun.
func (p *page) split(entry, rows int) (entries, values, started int) {
	if p.reps == nil {
		entries = min(rows, p.entries-entry)
		started = entries
	} else {
		for i := entry; i < p.entries; i++ {
			if p.reps[i] == 0 {
				if started == rows {
					break
				}
				started++
			}
			entries++
		}
	}
	if p.defs == nil {
		return entries, entries, started
	}
	return entries, countLevel(p.defs[entry:entry+entries], p.n.maxDef), started
}

func countLevel(levels []uint8, level uint8) int { return bytes.Count(levels, []byte{level}) }

// plain is a range of the values in PLAIN encoding, booleans a byte each.
func (p *page) plain(from, to int) []byte {
	switch {
	case p.bools != nil:
		return p.bools[from:to]
	case p.u32 != nil:
		return bytesOf(p.u32[from:to])
	case p.u64 != nil:
		return bytesOf(p.u64[from:to])
	}
	b := p.scratch[:0]
	for _, s := range p.str[from:to] {
		if p.n.leaf.phys == format.ByteArray {
			b = binary.LittleEndian.AppendUint32(b, uint32(len(s)))
		}
		b = append(b, s...)
	}
	p.scratch = b
	return b
}

// eachZone calls f with the zones of the values from from on.
func (v *values) eachZone(from, count int, f func(name string, count uint64)) {
	for _, z := range v.zones {
		if from >= z.count {
			from -= z.count
			continue
		}
		n := min(z.count-from, count)
		if n == 0 {
			return
		}
		f(z.name, uint64(n))
		from, count = 0, count-n
	}
}

// chunkReader reads the pages of one leaf in one row group.
type chunkReader struct {
	page page
	leaf *node
	md   *format.ColumnMetaData
	rest []byte // of the chunk
	seen int64  // entries so far
	dict *values
	zone *zoneCursor
	buf  []byte // decompressed numbers
	idx  []uint32
}

func (f *File) chunk(group, leaf int) *chunkReader {
	n := f.leaves[leaf]
	cc := &f.meta.RowGroups[group].Columns[leaf]
	md := &cc.MetaData
	if cc.FilePath != "" {
		cannotRead(otherWriter, "its data is in another file, %q", cc.FilePath)
	}
	if md.Type != n.leaf.phys {
		damage("row group %d holds %s instead of %s", group, md.Type, n.leaf.phys)
	}
	switch md.Codec {
	case format.Uncompressed, format.Snappy, format.Gzip, format.Zstd:
	default: // LZ4_RAW among them: parquet-go's reading and writing of it loses data
		cannotRead(otherWriter, "its compression %s is not supported", md.Codec)
	}
	start := md.DataPageOffset
	if md.DictionaryPageOffset > 0 && md.DictionaryPageOffset < start {
		start = md.DictionaryPageOffset
	}
	size := md.TotalCompressedSize
	if start < 4 || size < 0 || start > f.size || size > f.size-start || md.NumValues < 0 || md.NumValues > plausible(size) {
		damage("row group %d has impossible sizes", group)
	}
	c := &chunkReader{leaf: n, md: md, rest: make([]byte, size)}
	c.page.n = n
	f.readAt(c.rest, start)
	for _, kv := range md.KeyValueMetadata {
		if kv.Key == zoneKey {
			c.zone = readZones(kv.Value)
		}
	}
	return c
}

// next decodes the next data page into c.page.
func (c *chunkReader) next() bool {
	for c.seen < c.md.NumValues {
		var h format.PageHeader
		c.rest = c.rest[decodeThrift(c.rest, &h):]
		size, full := int(h.CompressedPageSize), int(h.UncompressedPageSize)
		if size < 0 || full < 0 || size > len(c.rest) {
			damage("a page is larger than its column")
		}
		body := c.rest[:size]
		c.rest = c.rest[size:]
		switch {
		case h.Type == format.DictionaryPage && h.DictionaryPageHeader.Valid:
			c.dictionary(c.decompress(body, full), int(h.DictionaryPageHeader.V.NumValues))
		case h.Type == format.DataPage && h.DataPageHeader.Valid:
			c.dataPage(c.decompress(body, full), h.DataPageHeader.V)
			return true
		case h.Type == format.DataPageV2 && h.DataPageHeaderV2.Valid:
			c.dataPageV2(body, full, h.DataPageHeaderV2.V)
			return true
		}
	}
	return false
}

func (c *chunkReader) dictionary(b []byte, count int) {
	if count < 0 || int64(count) > plausible(int64(len(b))) {
		damage("a dictionary claims %d values", count)
	}
	c.dict = &values{count: count}
	c.decodePlain(b, c.dict)
}

func (c *chunkReader) dataPage(b []byte, h format.DataPageHeader) {
	c.begin(int(h.NumValues), len(b))
	levels := func(to []uint8, highest uint8, encoding format.Encoding) []uint8 {
		if highest == 0 {
			return nil
		}
		if encoding != format.RLE {
			cannotRead(otherWriter, "levels encoded as %s", encoding)
		}
		var l []byte
		l, b = prefixed(b)
		return decodeLevels(to, l, c.page.entries, highest)
	}
	c.page.reps = levels(c.page.reps, c.leaf.maxRep, h.RepetitionLevelEncoding)
	c.page.defs = levels(c.page.defs, c.leaf.maxDef, h.DefinitionLevelEncoding)
	c.decode(b, h.Encoding)
}

func (c *chunkReader) dataPageV2(b []byte, full int, h format.DataPageHeaderV2) {
	c.begin(int(h.NumValues), len(b))
	reps, defs := int(h.RepetitionLevelsByteLength), int(h.DefinitionLevelsByteLength)
	if reps < 0 || defs < 0 || reps > len(b) || defs > len(b)-reps || reps+defs > full {
		damage("a page's levels are longer than the page")
	}
	if c.leaf.maxRep > 0 {
		c.page.reps = decodeLevels(c.page.reps, b[:reps], c.page.entries, c.leaf.maxRep)
	}
	if c.leaf.maxDef > 0 {
		c.page.defs = decodeLevels(c.page.defs, b[reps:reps+defs], c.page.entries, c.leaf.maxDef)
	}
	body := b[reps+defs:]
	if !h.IsCompressed.Valid || h.IsCompressed.V {
		if len(body) > 0 { // writers differ on how nothing is compressed
			body = c.decompress(body, full-reps-defs)
		}
	}
	c.decode(body, h.Encoding)
}

func (c *chunkReader) begin(entries, size int) {
	if entries < 0 || int64(entries) > c.md.NumValues-c.seen || int64(entries) > plausible(int64(size)) {
		damage("a page claims %d values", entries)
	}
	c.seen += int64(entries)
	c.page.entries = entries
}

// decode reads the values of the page, whose levels are there already.
func (c *chunkReader) decode(b []byte, encoding format.Encoding) {
	p := &c.page
	p.count = p.entries
	if p.defs != nil {
		p.count = countLevel(p.defs, c.leaf.maxDef)
	}
	switch encoding {
	case format.Plain:
		c.decodePlain(b, &p.values)
	case format.PlainDictionary, format.RLEDictionary:
		c.decodeIndexed(b)
	default:
		c.decodeOther(b, encoding)
	}
	if c.zone != nil {
		p.zones = p.zones[:0]
		for left := uint64(p.count); left > 0; {
			zone, n := c.zone.next(left)
			p.zones = append(p.zones, zoneSpan{c.zone.names[zone], c.zone.locs[zone], int(n)})
			left -= n
		}
	}
}

func (c *chunkReader) decodeIndexed(b []byte) {
	p, d := &c.page, c.dict
	if d == nil {
		damage("a page refers to a dictionary that is not there")
	}
	c.idx = resize(c.idx, p.count)
	if p.count > 0 {
		if len(b) == 0 {
			damage("a page ends early")
		}
		decodeHybrid(c.idx, b[1:], uint(b[0]))
	}
	for _, i := range c.idx {
		if int(i) >= d.count {
			damage("a page refers to dictionary entry %d of %d", i, d.count)
		}
	}
	switch c.leaf.leaf.phys {
	case format.Int32, format.Float:
		p.u32 = gather(p.u32, d.u32, c.idx)
	case format.Int64, format.Double, format.Int96:
		p.u64 = gather(p.u64, d.u64, c.idx)
	case format.Boolean:
		p.bools = gather(p.bools, d.bools, c.idx)
	default:
		p.str = gather(p.str, d.str, c.idx)
	}
}

func gather[T any](dst, from []T, idx []uint32) []T {
	dst = resize(dst, len(idx))
	for i, k := range idx {
		dst[i] = from[k]
	}
	return dst
}

func resize[T any](s []T, n int) []T {
	if s == nil || cap(s) < n {
		return make([]T, n)
	}
	return s[:n]
}

var zstdReader = sync.OnceValue(func() *zstd.Decoder {
	d, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(1<<31))
	if err != nil {
		panic(err) // only for wrong options
	}
	return d
})

// decompress yields full bytes, in memory that strings may keep pointing at if the leaf has any.
func (c *chunkReader) decompress(b []byte, full int) []byte {
	if c.md.Codec == format.Uncompressed {
		return b
	}
	wrong := func(err error, n int) {
		if err != nil || n != full {
			damage("a page does not decompress to %d bytes (%d, %v)", full, n, err)
		}
	}
	keep := c.leaf.leaf.phys == format.ByteArray || c.leaf.leaf.phys == format.FixedLenByteArray
	var dst []byte
	if !keep {
		dst = c.buf
	}
	switch c.md.Codec {
	case format.Snappy:
		n, err := s2.DecodedLen(b)
		wrong(err, n)
		if int64(full) > 64*int64(len(b)) { // snappy can't do more than 64 for 3
			damage("a page claims to decompress to %d bytes", full)
		}
		if dst, err = s2.Decode(resize(dst, full), b); err != nil {
			wrong(err, 0)
		}
	case format.Zstd:
		var err error
		dst, err = zstdReader().DecodeAll(b, dst[:0])
		wrong(err, len(dst))
	case format.Gzip:
		z, err := gzip.NewReader(bytes.NewReader(b))
		if err == nil {
			dst, err = io.ReadAll(io.LimitReader(z, int64(full)+1))
		}
		wrong(err, len(dst))
	}
	if !keep {
		c.buf = dst
	}
	return dst
}

// prefixed splits off bytes that have their length before them.
func prefixed(b []byte) (head, rest []byte) {
	if len(b) < 4 || uint64(binary.LittleEndian.Uint32(b)) > uint64(len(b)-4) {
		damage("a page ends early")
	}
	n := int(binary.LittleEndian.Uint32(b))
	return b[4 : 4+n], b[4+n:]
}

func decodeLevels(dst []uint8, b []byte, n int, highest uint8) []uint8 {
	dst = resize(dst, n)
	decodeHybrid(dst, b, uint(bits.Len8(highest)))
	for _, l := range dst {
		if l > highest {
			damage("a level of %d above %d", l, highest)
		}
	}
	return dst
}
