// Package spelling tells how near two names are, for the hint that names what was meant.
//
// It knows letters, and not what they name: which names there are, and from which distance on a hint would be noise, is its callers' business.
package spelling

// Distance counts the letters to put in, take out, change or swap with their neighbour to make b of a.
func Distance(a, b string) int {
	x, y := []rune(a), []rune(b)
	d := make([][]int, len(x)+1)
	for i := range d {
		d[i] = make([]int, len(y)+1)
		d[i][0] = i
	}
	for j := range y {
		d[0][j+1] = j + 1
	}
	for i := range x {
		for j := range y {
			change := d[i][j]
			if x[i] != y[j] {
				change++
			}
			best := min(change, d[i][j+1]+1, d[i+1][j]+1)
			if i > 0 && j > 0 && x[i] == y[j-1] && x[i-1] == y[j] {
				best = min(best, d[i-1][j-1]+1)
			}
			d[i+1][j+1] = best
		}
	}
	return d[len(x)][len(y)]
}
