package table

import (
	"bytes"
	"encoding/binary"
	"math"

	"github.com/parquet-go/parquet-go/format"
)

// stats are the least and the greatest value of a chunk, by which other readers skip row groups.
type stats struct {
	t        leafType
	any      bool
	min, max uint64 // numbers, mapped so that their order is that of unsigned integers
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
			s.include(uint64(v), uint64(v))
		}
	case format.Int32, format.Float:
		for ; len(b) >= 4; b = b[4:] {
			if u, ok := s.rank(uint64(binary.LittleEndian.Uint32(b))<<32, 0x7F80000000000000); ok {
				s.include(u, u)
			}
		}
	case format.Int64, format.Double:
		least, greatest := uint64(math.MaxUint64), uint64(0)
		for ; len(b) >= 8; b = b[8:] {
			if u, ok := s.rank(binary.LittleEndian.Uint64(b), 0x7FF0000000000000); ok {
				least, greatest = min(least, u), max(greatest, u)
			}
		}
		if least <= greatest {
			s.include(least, greatest)
		}
	case format.ByteArray:
		if s.t.class == cString {
			s.addStrings(b)
		}
	}
}

func (s *stats) addStrings(b []byte) {
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

const signBit = 1 << 63

// rank maps a number, left-aligned in 64 bits, to one of its place in the order; NaN has none.
func (s *stats) rank(u, infinity uint64) (uint64, bool) {
	switch {
	case s.t.class == cUint:
		return u, true
	case s.t.class != cFloat:
		return u ^ signBit, true
	case u&^signBit > infinity:
		return 0, false
	}
	return u ^ (uint64(int64(u)>>63) | signBit), true
}

// unrank undoes rank.
func (s *stats) unrank(u uint64) uint64 {
	switch {
	case s.t.class == cUint:
		return u
	case s.t.class != cFloat || u&signBit != 0:
		return u ^ signBit
	}
	return ^u
}

func (s *stats) include(least, greatest uint64) {
	if !s.any {
		s.min, s.max, s.any = least, greatest, true
		return
	}
	s.min, s.max = min(s.min, least), max(s.max, greatest)
}

// thrift is the form of the footer.
func (s *stats) thrift(nulls int64) format.Statistics {
	out := format.Statistics{NullCount: nulls}
	if !s.any {
		return out
	}
	least, greatest := s.unrank(s.min), s.unrank(s.max)
	if s.t.class == cFloat { // as the specification asks: 0 as -0 below, -0 as 0 above
		if least == 0 {
			least = signBit
		}
		if greatest == signBit {
			greatest = 0
		}
	}
	switch s.t.phys {
	case format.Boolean:
		out.MinValue, out.MaxValue = []byte{byte(s.min)}, []byte{byte(s.max)}
	case format.Int32, format.Float:
		out.MinValue = binary.LittleEndian.AppendUint32(nil, uint32(least>>32))
		out.MaxValue = binary.LittleEndian.AppendUint32(nil, uint32(greatest>>32))
	case format.Int64, format.Double:
		out.MinValue = binary.LittleEndian.AppendUint64(nil, least)
		out.MaxValue = binary.LittleEndian.AppendUint64(nil, greatest)
	case format.ByteArray:
		if len(s.least) <= longestStat && len(s.greatest) <= longestStat {
			out.MinValue, out.MaxValue = bytes.Clone(s.least), bytes.Clone(s.greatest)
		}
	}
	return out
}
