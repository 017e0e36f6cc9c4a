// Package shapes draws.
package shapes

// Circle is round.
type Circle struct {
	// Radius is half of what is across.
	Radius float64
	hidden int
}

// Area is what it covers.
func (c *Circle) Area() float64 { return c.Radius * c.Radius * 3 }

// Unit makes a circle of radius one.
func Unit() *Circle { return &Circle{Radius: 1} }
