package simulator

import (
	"math/rand/v2"
	"time"
)

// Opens and Closes are the shop's hours, since midnight.
const (
	Opens  = 9 * time.Hour
	Closes = 17*time.Hour + 30*time.Minute
)

// Arrival draws when a customer comes, since [Opens]: a quiet morning, a rush at
// lunch, a second breath before tea.
func Arrival(r *rand.Rand) time.Duration {
	const slot = 30 * 60                                                    // seconds
	shares := [17]int{2, 3, 4, 5, 6, 7, 11, 12, 10, 7, 5, 5, 6, 6, 5, 4, 2} // of a hundred, by slot
	n := r.IntN(100)
	for i, share := range shares {
		if n < share {
			return time.Duration(i*slot+r.IntN(slot)) * time.Second
		}
		n -= share
	}
	return 0
}

// Basket draws how many lines a sale has, 1 to 4.
func Basket(r *rand.Rand) int {
	switch n := r.IntN(100); {
	case n < 52:
		return 1
	case n < 80:
		return 2
	case n < 94:
		return 3
	}
	return 4
}
