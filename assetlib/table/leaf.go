package table

import (
	"fmt"
	"time"

	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

// class is what a leaf's values mean, whatever their physical type.
type class uint8

const (
	cBool class = iota
	cInt
	cUint
	cFloat
	cHalf
	cString
	cBinary
	cFixed
	cUUID
	cDate
	cTime      // of day
	cTimestamp // of the calendar; utc tells instants from wall clocks
	cDecimal
)

// leafType is the type of a leaf.
type leafType struct {
	class     class
	phys      format.Type
	bits      int           // cInt, cUint, cFloat
	length    int           // fixed-length values
	unit      time.Duration // cTime, cTimestamp
	utc       bool
	precision int
	scale     int
}

func (t leafType) String() string {
	switch t.class {
	case cBool:
		return "bool"
	case cInt:
		return fmt.Sprintf("int%d", t.bits)
	case cUint:
		return fmt.Sprintf("uint%d", t.bits)
	case cFloat:
		return map[int]string{32: "float", 64: "double"}[t.bits]
	case cHalf:
		return "half"
	case cString:
		return "string"
	case cFixed:
		return fmt.Sprintf("fixed[%d]", t.length)
	case cUUID:
		return "uuid"
	case cDate:
		return "date"
	case cTime:
		return "time[" + unitName(t.unit) + "]"
	case cTimestamp:
		if t.utc {
			return "timestamp[" + unitName(t.unit) + ", UTC]"
		}
		return "timestamp[" + unitName(t.unit) + "]"
	case cDecimal:
		return fmt.Sprintf("decimal(%d,%d)", t.precision, t.scale)
	}
	return "binary"
}

func unitName(u time.Duration) string {
	return map[time.Duration]string{time.Millisecond: "ms", time.Microsecond: "us", time.Nanosecond: "ns"}[u]
}

var intConverted = map[leafType]deprecated.ConvertedType{
	{class: cInt, bits: 8}: deprecated.Int8, {class: cInt, bits: 16}: deprecated.Int16, {class: cInt, bits: 32}: deprecated.Int32, {class: cInt, bits: 64}: deprecated.Int64,
	{class: cUint, bits: 8}: deprecated.Uint8, {class: cUint, bits: 16}: deprecated.Uint16, {class: cUint, bits: 32}: deprecated.Uint32, {class: cUint, bits: 64}: deprecated.Uint64,
}

// annotate says the leaf's type in Parquet's terms, old and new.
func (t leafType) annotate(e *format.SchemaElement) {
	e.Type = thrift.New(t.phys)
	switch t.class {
	case cInt, cUint:
		e.ConvertedType = thrift.New(intConverted[leafType{class: t.class, bits: t.bits}])
		e.LogicalType.Value = &format.IntType{BitWidth: int8(t.bits), IsSigned: t.class == cInt}
	case cString:
		e.ConvertedType, e.LogicalType.Value = thrift.New(deprecated.UTF8), &format.StringType{}
	case cFixed:
		e.TypeLength = thrift.New(int32(t.length))
	case cDate:
		e.ConvertedType, e.LogicalType.Value = thrift.New(deprecated.Date), &format.DateType{}
	case cTimestamp:
		e.LogicalType.Value = &format.TimestampType{IsAdjustedToUTC: true, Unit: format.TimeUnit{Value: &format.NanoSeconds{}}}
	}
}

func leafTypeOf(e format.SchemaElement) leafType {
	if !e.Type.Valid {
		damage("column %q has no type", e.Name)
	}
	t := leafType{phys: e.Type.V, length: int(e.TypeLength.V)}
	if t.phys == format.FixedLenByteArray && t.length <= 0 {
		damage("column %q has length %d", e.Name, t.length)
	}
	switch t.phys {
	case format.Boolean:
		t.class = cBool
	case format.Int32:
		t.class, t.bits = cInt, 32
	case format.Int64:
		t.class, t.bits = cInt, 64
	case format.Int96: // the timestamps of old writers
		t.class, t.unit = cTimestamp, time.Nanosecond
	case format.Float:
		t.class, t.bits = cFloat, 32
	case format.Double:
		t.class, t.bits = cFloat, 64
	case format.ByteArray:
		t.class = cBinary
	case format.FixedLenByteArray:
		t.class = cFixed
	default:
		damage("column %q has the unknown type %d", e.Name, t.phys)
	}
	whole := t.phys == format.Int32 || t.phys == format.Int64
	switch l := e.LogicalType.Value.(type) {
	case *format.StringType, *format.EnumType, *format.JsonType:
		t.text()
	case *format.IntType:
		if whole {
			t.integer(int(l.BitWidth), l.IsSigned)
		}
	case *format.DateType:
		if t.phys == format.Int32 {
			t.class = cDate
		}
	case *format.TimeType:
		if whole {
			t.class, t.unit, t.utc = cTime, unitOf(l.Unit), l.IsAdjustedToUTC
		}
	case *format.TimestampType:
		if t.phys == format.Int64 {
			t.class, t.unit, t.utc = cTimestamp, unitOf(l.Unit), l.IsAdjustedToUTC
		}
	case *format.DecimalType:
		t.decimal(l.Precision, l.Scale)
	case *format.UUIDType:
		if t.length == 16 {
			t.class = cUUID
		}
	case *format.Float16Type:
		if t.length == 2 {
			t.class = cHalf
		}
	case nil:
		t.converted(e)
	}
	return t
}

// converted reads the annotation of older writers.
func (t *leafType) converted(e format.SchemaElement) {
	if !e.ConvertedType.Valid {
		return
	}
	for k, c := range intConverted {
		if c == e.ConvertedType.V && (t.phys == format.Int32 || t.phys == format.Int64) {
			t.integer(k.bits, k.class == cInt)
		}
	}
	timed := func(c class, phys format.Type, unit time.Duration) {
		if t.phys == phys {
			t.class, t.unit, t.utc = c, unit, true
		}
	}
	switch e.ConvertedType.V {
	case deprecated.UTF8, deprecated.Enum, deprecated.Json:
		t.text()
	case deprecated.Date:
		timed(cDate, format.Int32, 0)
		t.utc = false
	case deprecated.TimeMillis:
		timed(cTime, format.Int32, time.Millisecond)
	case deprecated.TimeMicros:
		timed(cTime, format.Int64, time.Microsecond)
	case deprecated.TimestampMillis:
		timed(cTimestamp, format.Int64, time.Millisecond)
	case deprecated.TimestampMicros:
		timed(cTimestamp, format.Int64, time.Microsecond)
	case deprecated.Decimal:
		t.decimal(e.Precision.V, e.Scale.V)
	}
}

func (t *leafType) text() {
	if t.phys == format.ByteArray {
		t.class = cString
	}
}

func (t *leafType) integer(bits int, signed bool) {
	switch bits {
	case 8, 16, 32, 64:
	default:
		damage("an integer of %d bits", bits)
	}
	if (bits == 64) != (t.phys == format.Int64) {
		damage("an integer of %d bits in %s", bits, t.phys)
	}
	t.bits = bits
	if !signed {
		t.class = cUint
	}
}

func (t *leafType) decimal(precision, scale int32) {
	if scale < 0 || scale > 1000 {
		damage("a decimal of scale %d", scale)
	}
	switch t.phys {
	case format.Int32, format.Int64, format.ByteArray, format.FixedLenByteArray:
		t.class, t.precision, t.scale = cDecimal, int(precision), int(scale)
	}
}

func unitOf(u format.TimeUnit) time.Duration {
	if u.Value == nil {
		damage("a time without a unit")
	}
	return u.Value.Duration()
}
