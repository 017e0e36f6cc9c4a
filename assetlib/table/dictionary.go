package table

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/format"
	"github.com/zeebo/xxh3"
)

// dictionary numbers the different strings of a chunk, until there are too many for it to pay.
type dictionary struct {
	slots  []uint32 // hash table: number+1
	starts []uint32 // of each string's bytes in plain
	plain  []byte   // the strings in PLAIN encoding
	n      int
	closed bool
}

const (
	dictBytes = 1 << 20
	dictSlots = 1 << 17 // with at most half as many strings
	dictProbe = 4096    // after so many values, a dictionary with more than half of them different is given up
)

func newDictionary() *dictionary { return &dictionary{slots: make([]uint32, 1<<10)} }

// page numbers the strings of a page. If there are too many, the dictionary stays as it was, and takes no more pages.
func (d *dictionary) page(vals []byte, index []int32) ([]int32, bool) {
	if d.closed {
		return nil, false
	}
	n, size, first := d.n, len(d.plain), d.n == 0
	for len(vals) > 0 {
		end := 4 + int(binary.LittleEndian.Uint32(vals))
		index = append(index, d.number(vals[:end]))
		vals = vals[end:]
		if d.n > dictSlots/2 || len(d.plain) > dictBytes || first && len(index) == dictProbe && d.n > dictProbe/2 {
			d.n, d.plain, d.starts, d.closed = n, d.plain[:size], d.starts[:n], true
			return nil, false
		}
	}
	return index, true
}

// number is the number of a string, given with its length before it.
func (d *dictionary) number(v []byte) int32 {
	mask := uint64(len(d.slots) - 1)
	for i := xxh3.Hash(v[4:]); ; i++ {
		slot := &d.slots[i&mask]
		if *slot == 0 {
			d.starts = append(d.starts, uint32(len(d.plain)))
			d.plain = append(d.plain, v...)
			d.n++
			*slot = uint32(d.n)
			if d.n*2 > len(d.slots) {
				d.grow()
			}
			return int32(d.n - 1)
		}
		at := d.starts[*slot-1]
		if rest := d.plain[at:]; len(rest) >= len(v) && bytes.Equal(rest[:len(v)], v) {
			return int32(*slot - 1)
		}
	}
}

func (d *dictionary) grow() {
	d.slots = make([]uint32, 2*len(d.slots))
	mask := uint64(len(d.slots) - 1)
	for k, at := range d.starts {
		n := binary.LittleEndian.Uint32(d.plain[at:])
		i := xxh3.Hash(d.plain[at+4 : at+4+n])
		for d.slots[i&mask] != 0 {
			i++
		}
		d.slots[i&mask] = uint32(k + 1)
	}
}

// stats are the least and the greatest value of a chunk, by which other readers skip row groups.
type stats struct {
	t        leafType
	any      bool
	min, max uint64 // ordered as unsigned
	least    []byte // of strings
	greatest []byte
}

// longestStat is the length of a string that is still worth a place in the footer.
const longestStat = 64

// add takes values in PLAIN encoding.
func (s *stats) add(b []byte) {
	switch s.t.phys {
	case format.Boolean:
		for _, v := range b {
			s.number(uint64(v))
		}
	case format.Int32, format.Float:
		for ; len(b) >= 4; b = b[4:] {
			s.ordered(uint64(binary.LittleEndian.Uint32(b)), 1<<31)
		}
	case format.Int64, format.Double:
		for ; len(b) >= 8; b = b[8:] {
			s.ordered(binary.LittleEndian.Uint64(b), 1<<63)
		}
	case format.ByteArray:
		if s.t.class != cString {
			return
		}
		for len(b) > 0 {
			end := 4 + int(binary.LittleEndian.Uint32(b))
			v := b[4:end]
			if !s.any || bytes.Compare(v, s.least) < 0 {
				s.least = append(s.least[:0], v...)
			}
			if !s.any || bytes.Compare(v, s.greatest) > 0 {
				s.greatest = append(s.greatest[:0], v...)
			}
			s.any, b = true, b[end:]
		}
	}
}

// ordered maps bits to numbers of the same order; sign is the sign bit.
func (s *stats) ordered(u, sign uint64) {
	switch s.t.class {
	case cUint:
	case cFloat:
		infinity := uint64(0x7F800000)
		if sign == 1<<63 {
			infinity = math.Float64bits(math.Inf(1))
		}
		if u&^sign > infinity {
			return // NaN has no order
		}
		if u&sign != 0 {
			u = ^u & (sign | (sign - 1))
		} else {
			u |= sign
		}
	default:
		u ^= sign
	}
	s.number(u)
}

func (s *stats) number(u uint64) {
	if !s.any {
		s.min, s.max, s.any = u, u, true
		return
	}
	s.min, s.max = min(s.min, u), max(s.max, u)
}

// thrift is the form of the footer. By the specification a least 0 is written as -0, and a greatest as +0; here both come of the order.
func (s *stats) thrift(nulls int64) format.Statistics {
	out := format.Statistics{NullCount: nulls}
	if !s.any {
		return out
	}
	switch s.t.phys {
	case format.Boolean:
		out.MinValue, out.MaxValue = []byte{byte(s.min)}, []byte{byte(s.max)}
	case format.Int32, format.Float:
		out.MinValue = binary.LittleEndian.AppendUint32(nil, uint32(s.bits(s.min, 1<<31)))
		out.MaxValue = binary.LittleEndian.AppendUint32(nil, uint32(s.bits(s.max, 1<<31)))
	case format.Int64, format.Double:
		out.MinValue = binary.LittleEndian.AppendUint64(nil, s.bits(s.min, 1<<63))
		out.MaxValue = binary.LittleEndian.AppendUint64(nil, s.bits(s.max, 1<<63))
	case format.ByteArray:
		if len(s.least) <= longestStat && len(s.greatest) <= longestStat {
			out.MinValue, out.MaxValue = bytes.Clone(s.least), bytes.Clone(s.greatest)
		}
	}
	return out
}

// bits undoes ordered.
func (s *stats) bits(u, sign uint64) uint64 {
	all := sign | (sign - 1)
	switch s.t.class {
	case cUint:
		return u
	case cFloat:
		if u&sign != 0 {
			return u &^ sign
		}
		return ^u & all
	}
	return u ^ sign
}
