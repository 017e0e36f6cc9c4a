// Package price knows what things cost.
package price

// Gross is a net price with tax, in cents, rounded half up.
func Gross(cents int, rate float64) int { return int(float64(cents)*(1+rate) + 0.5) }
