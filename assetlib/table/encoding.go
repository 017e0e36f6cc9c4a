package table

import (
	"encoding/binary"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"
)

// The decoders take the number of values from the page header and never more memory than that: parquet-go's take it from the encoded
// bytes, and some of them are assembly that does not survive damaged input.

// decodeHybrid reads runs and bit-packed groups ("RLE / bit-packing hybrid" of the Parquet encodings) until dst is full.
func decodeHybrid[T uint8 | uint32](dst []T, b []byte, width uint) {
	if width > 32 {
		damage("values of %d bits", width)
	}
	for len(dst) > 0 {
		header, n := binary.Uvarint(b)
		if n <= 0 {
			damage("a page ends early")
		}
		b = b[n:]
		if header&1 == 0 {
			size := int(width+7) / 8
			if len(b) < size {
				damage("a page ends early")
			}
			var v uint32
			for i := range size {
				v |= uint32(b[i]) << (8 * i)
			}
			b = b[size:]
			count := header >> 1
			if count == 0 {
				damage("a run of no values")
			}
			run := dst[:min(uint64(len(dst)), count)]
			for i := range run {
				run[i] = T(v)
			}
			dst = dst[len(run):]
			continue
		}
		groups := header >> 1
		if groups == 0 || groups > uint64(len(dst)/8+1) && groups > uint64(len(b)) {
			damage("%d groups of packed values", groups)
		}
		count := min(groups*8, uint64(len(dst)))
		used := unpack(dst[:count], b, width)
		dst = dst[count:]
		b = b[min(uint64(len(b)), max(uint64(used), groups*uint64(width))):]
	}
}

// unpack reads values of width bits, least significant first, and returns the bytes used.
func unpack[T uint8 | uint32 | uint64](dst []T, b []byte, width uint) int {
	used := (len(dst)*int(width) + 7) / 8
	if len(b) < used {
		damage("a page ends early")
	}
	mask := uint64(1)<<width - 1
	at, i := uint(0), 0
	for ; i < len(dst) && width <= 56 && int(at>>3)+8 <= len(b); i++ {
		dst[i] = T(binary.LittleEndian.Uint64(b[at>>3:]) >> (at & 7) & mask)
		at += width
	}
	for ; i < len(dst); i++ {
		var v uint64
		for bit := range width {
			v |= uint64(b[(at+bit)>>3]>>((at+bit)&7)&1) << bit
		}
		dst[i] = T(v)
		at += width
	}
	return used
}

func need(b []byte, n int) {
	if len(b) < n {
		damage("a page ends early: %d of %d bytes", len(b), n)
	}
}

// decodePlain reads v.count values.
func (c *chunkReader) decodePlain(b []byte, v *values) {
	n := v.count
	switch c.leaf.leaf.phys {
	case format.Boolean:
		need(b, (n+7)/8)
		v.bools = resize(v.bools, n)
		unpack(v.bools, b, 1)
	case format.Int32, format.Float:
		need(b, 4*n)
		v.u32 = resize(v.u32, n)
		copy(bytesOf(v.u32), b)
	case format.Int64, format.Double:
		need(b, 8*n)
		v.u64 = resize(v.u64, n)
		copy(bytesOf(v.u64), b)
	case format.Int96:
		need(b, 12*n)
		v.u64 = resize(v.u64, n)
		for i := range v.u64 {
			const epoch = 2440588 // 1970-01-01 as a Julian day
			day := int64(binary.LittleEndian.Uint32(b[12*i+8:])) - epoch
			if day > 106750 || day < -106750 {
				cannotRead("write timestamps in microseconds", "a timestamp is outside of 1677 to 2262")
			}
			v.u64[i] = uint64(day*86400e9 + int64(binary.LittleEndian.Uint64(b[12*i:])))
		}
	case format.FixedLenByteArray:
		size := c.leaf.leaf.length
		if n > len(b)/size {
			damage("a page ends early")
		}
		v.str = resize(v.str, n)
		for i := range v.str {
			v.str[i] = textOf(b[i*size : (i+1)*size])
		}
	default:
		need(b, n)
		v.str = resize(v.str, n)
		for i := range v.str {
			var s []byte
			s, b = prefixed(b)
			v.str[i] = textOf(s)
		}
	}
}

// textOf sees bytes, which nothing changes any more, as a string.
func textOf(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }

func (c *chunkReader) decodeOther(b []byte, encoding format.Encoding) {
	p, phys := &c.page, c.leaf.leaf.phys
	switch {
	case encoding == format.RLE && phys == format.Boolean:
		b, _ = prefixed(b)
		p.bools = resize(p.bools, p.count)
		decodeHybrid(p.bools, b, 1)
		for i, v := range p.bools {
			p.bools[i] = v & 1
		}
	case encoding == format.DeltaBinaryPacked && phys == format.Int64:
		p.u64, _ = decodeDelta(p.u64, b, p.count)
	case encoding == format.DeltaBinaryPacked && phys == format.Int32:
		var wide []uint64
		wide, _ = decodeDelta(nil, b, p.count)
		p.u32 = resize(p.u32, p.count)
		for i, v := range wide {
			p.u32[i] = uint32(v)
		}
	case encoding == format.DeltaLengthByteArray && phys == format.ByteArray:
		p.str = resize(p.str, p.count)
		lengths, b := decodeDelta(nil, b, p.count)
		for i, n := range lengths {
			if n > uint64(len(b)) {
				damage("a page ends early")
			}
			p.str[i], b = textOf(b[:n]), b[n:]
		}
	case encoding == format.DeltaByteArray && (phys == format.ByteArray || phys == format.FixedLenByteArray):
		p.str = decodeDeltaStrings(resize(p.str, p.count), b)
		for _, s := range p.str {
			if phys == format.FixedLenByteArray && len(s) != c.leaf.leaf.length {
				damage("a value of %d bytes instead of %d", len(s), c.leaf.leaf.length)
			}
		}
	case encoding == format.ByteStreamSplit:
		c.decodeSplit(b)
	default:
		cannotRead(otherWriter, "%s encoded as %s", phys, encoding)
	}
}

// decodeSplit undoes BYTE_STREAM_SPLIT: all first bytes, then all second bytes …
func (c *chunkReader) decodeSplit(b []byte) {
	size := c.leaf.leaf.length
	switch c.leaf.leaf.phys {
	case format.Int32, format.Float:
		size = 4
	case format.Int64, format.Double:
		size = 8
	case format.FixedLenByteArray:
	default:
		cannotRead(otherWriter, "%s encoded as BYTE_STREAM_SPLIT", c.leaf.leaf.phys)
	}
	n := c.page.count
	if n > len(b)/size {
		damage("a page ends early")
	}
	whole := make([]byte, n*size)
	for k := range size {
		for i := range n {
			whole[i*size+k] = b[k*n+i]
		}
	}
	c.decodePlain(whole, &c.page.values)
}

// decodeDelta reads n integers of DELTA_BINARY_PACKED and returns what follows them.
func decodeDelta(dst []uint64, b []byte, n int) ([]uint64, []byte) {
	uvarint := func() uint64 {
		v, k := binary.Uvarint(b)
		if k <= 0 {
			damage("a page ends early")
		}
		b = b[k:]
		return v
	}
	zigzag := func() uint64 { u := uvarint(); return u>>1 ^ -(u & 1) }
	block, minis, total, last := uvarint(), uvarint(), uvarint(), zigzag()
	if total < uint64(n) || minis == 0 || minis > 1<<10 || block == 0 || block > 1<<16 || block%minis != 0 || block/minis%8 != 0 {
		damage("a page of %d values has %d in blocks of %d/%d", n, total, block, minis)
	}
	per := int(block / minis)
	dst = resize(dst, n)
	deltas := make([]uint64, per)
	i := 0
	if n > 0 {
		dst[0], i = last, 1
	}
	for i < int(min(total, uint64(n))) {
		least := zigzag()
		need(b, int(minis))
		widths := b[:minis]
		b = b[minis:]
		for _, width := range widths {
			if i >= n {
				break
			}
			if width > 64 {
				damage("values of %d bits", width)
			}
			used := unpack(deltas, padded(b, per*int(width)/8), uint(width))
			b = b[min(used, len(b)):]
			for _, d := range deltas[:min(per, n-i)] {
				last += least + d
				dst[i] = last
				i++
			}
		}
	}
	return dst, b
}

// padded lets the last miniblock of a file be cut after its last value, as some writers do.
func padded(b []byte, n int) []byte {
	if len(b) >= n {
		return b
	}
	return append(b[:len(b):len(b)], make([]byte, n-len(b))...)
}

func decodeDeltaStrings(dst []string, b []byte) []string {
	prefixes, b := decodeDelta(nil, b, len(dst))
	lengths, b := decodeDelta(nil, b, len(dst))
	last, budget := "", 1<<20+256*len(b) // against prefixes that make much of little
	for i := range dst {
		p, n := prefixes[i], lengths[i]
		if p > uint64(len(last)) || n > uint64(len(b)) {
			damage("a page ends early")
		}
		switch {
		case p == 0:
			last = textOf(b[:n])
		case n == 0:
			last = last[:p]
		default:
			last = last[:p] + string(b[:n])
			if budget -= len(last); budget < 0 {
				damage("its prefixes make too much of too few bytes")
			}
		}
		dst[i], b = last, b[n:]
	}
	return dst
}
