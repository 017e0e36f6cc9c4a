package table

import (
	"math"
	"math/big"
	"time"
	"unsafe"

	"github.com/parquet-go/parquet-go/format"
)

// setter returns how the next value of a leaf is put into a Go variable. Only conversions that keep every value are allowed.
func setter(s *shape, t leafType) func(p unsafe.Pointer, c *cursor) {
	size := s.typ.Size()
	wide := t.phys == format.Int64 || t.phys == format.Double || t.phys == format.Int96
	switch {
	case s.kind == kBool && t.class == cBool:
		return func(p unsafe.Pointer, c *cursor) { *(*bool)(p) = c.bools[c.value] != 0 }
	case s.kind == kEmpty && t.class == cBool:
		return func(unsafe.Pointer, *cursor) {}
	case s.kind == kInt && (t.class == cInt && uintptr(t.bits) <= 8*size || t.class == cUint && uintptr(t.bits) < 8*size):
		return func(p unsafe.Pointer, c *cursor) {
			v := c.integer(wide, t.class == cUint)
			if storeInt(p, size, v); loadInt(p, size) != v {
				damage("%d is outside of its type %s", v, t)
			}
		}
	case s.kind == kUint && t.class == cUint && uintptr(t.bits) <= 8*size:
		return func(p unsafe.Pointer, c *cursor) {
			v := uint64(c.integer(wide, true))
			if storeInt(p, size, int64(v)); loadUint(p, size) != v {
				damage("%d is outside of its type %s", v, t)
			}
		}
	case s.kind == kFloat && t.class == cFloat && uintptr(t.bits) <= 8*size:
		return func(p unsafe.Pointer, c *cursor) {
			switch {
			case wide:
				*(*uint64)(p) = c.u64[c.value]
			case size == 4:
				*(*uint32)(p) = c.u32[c.value]
			default:
				*(*float64)(p) = float64(math.Float32frombits(c.u32[c.value]))
			}
		}
	case s.kind == kFloat && t.class == cHalf:
		return func(p unsafe.Pointer, c *cursor) {
			v := halfToFloat(c.str[c.value])
			if size == 4 {
				*(*float32)(p) = v
			} else {
				*(*float64)(p) = float64(v)
			}
		}
	case s.kind == kString && t.class == cString:
		return func(p unsafe.Pointer, c *cursor) { *(*string)(p) = c.str[c.value] }
	case s.kind == kString && t.class == cDecimal:
		return func(p unsafe.Pointer, c *cursor) { *(*string)(p) = c.decimal(t) }
	case s.kind == kBytes && (t.class == cBinary || t.class == cString || t.class == cFixed || t.class == cUUID):
		return func(p unsafe.Pointer, c *cursor) { *(*[]byte)(p) = append([]byte{}, c.str[c.value]...) }
	case s.kind == kFixed && (t.class == cFixed || t.class == cUUID) && t.length == s.typ.Len():
		return func(p unsafe.Pointer, c *cursor) { copy(unsafe.Slice((*byte)(p), t.length), c.str[c.value]) }
	case s.kind == kEncoded && (s.codec.text && t.class == cString || !s.codec.text && t.class == cBinary):
		return func(p unsafe.Pointer, c *cursor) { s.codec.decode(p, []byte(c.str[c.value])) }
	case (s.kind == kTime || s.kind == kDate) && t.class == cDate, s.kind == kTime && t.class == cTimestamp:
		return func(p unsafe.Pointer, c *cursor) { *(*time.Time)(p) = c.time(t) }
	case s.kind == kDuration && (t.class == cInt && t.bits == 64 || t.class == cTime):
		return func(p unsafe.Pointer, c *cursor) { *(*time.Duration)(p) = c.duration(t) }
	}
	misfit("it is %s, and %s can't hold every value of that%s", t, s.typ, advice(t))
	return nil
}

// advice names the Go type that can.
func advice(t leafType) string { return " (use " + goScalar(t) + ")" }

func (c *cursor) integer(wide, unsigned bool) int64 {
	switch {
	case wide:
		return int64(c.u64[c.value])
	case unsigned:
		return int64(c.u32[c.value])
	}
	return int64(int32(c.u32[c.value]))
}

func storeInt(p unsafe.Pointer, size uintptr, v int64) {
	switch size {
	case 1:
		*(*int8)(p) = int8(v)
	case 2:
		*(*int16)(p) = int16(v)
	case 4:
		*(*int32)(p) = int32(v)
	default:
		*(*int64)(p) = v
	}
}

func (c *cursor) time(t leafType) time.Time {
	if t.class == cDate {
		return time.Unix(int64(int32(c.u32[c.value]))*86400, 0).UTC()
	}
	n := int64(c.u64[c.value])
	var out time.Time
	switch t.unit {
	case time.Millisecond:
		out = time.UnixMilli(n)
	case time.Microsecond:
		out = time.UnixMicro(n)
	default:
		out = time.Unix(0, n)
	}
	return out.In(c.nextZone())
}

func (c *cursor) duration(t leafType) time.Duration {
	if t.class != cTime {
		return time.Duration(c.u64[c.value])
	}
	n := c.integer(t.phys == format.Int64, false)
	d := time.Duration(n) * t.unit
	if d/t.unit != time.Duration(n) {
		damage("%d %s is no time of day", n, unitName(t.unit))
	}
	return d
}

// decimal is the exact text of a decimal.
func (c *cursor) decimal(t leafType) string {
	n := new(big.Int)
	switch t.phys {
	case format.Int32:
		n.SetInt64(int64(int32(c.u32[c.value])))
	case format.Int64:
		n.SetInt64(int64(c.u64[c.value]))
	default:
		b := c.str[c.value]
		n.SetBytes([]byte(b))
		if len(b) > 0 && b[0] >= 0x80 {
			n.Sub(n, new(big.Int).Lsh(big.NewInt(1), uint(8*len(b))))
		}
	}
	scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(t.scale)), nil)
	return new(big.Rat).SetFrac(n, scale).FloatString(t.scale)
}

// halfToFloat widens IEEE 754 half precision.
func halfToFloat(s string) float32 {
	u := uint32(s[0]) | uint32(s[1])<<8
	sign, exp, frac := u>>15<<31, u>>10&0x1F, u&0x3FF
	switch exp {
	case 0:
		return math.Float32frombits(math.Float32bits(float32(frac)/(1<<24)) | sign)
	case 0x1F:
		return math.Float32frombits(sign | 0x7F800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}
