package simulator

import (
	"fmt"
	"strconv"

	"github.com/tillstream/tillstream/domain"
)

// hundredths is an amount of money in pence or a quantity in hundredths of a unit.
// A literal reads best with its point drawn as an underscore: 24_50.
type hundredths int64

const one hundredths = 1_00

// String writes the shortest plain decimal: 24.5, 3, -0.25.
func (h hundredths) String() string {
	sign, n := "", int64(h)
	if n < 0 {
		sign, n = "-", -n
	}
	switch whole, rest := n/100, n%100; {
	case rest == 0:
		return sign + strconv.FormatInt(whole, 10)
	case rest%10 == 0:
		return fmt.Sprintf("%s%d.%d", sign, whole, rest/10)
	default:
		return fmt.Sprintf("%s%d.%02d", sign, whole, rest)
	}
}

// price writes two decimals always: 24.50.
func (h hundredths) price() string { return fmt.Sprintf("%d.%02d", h/100, h%100) }

// money cannot fail: no amount that this package makes is past the twelve digits that
// domain takes.
func (h hundredths) money() domain.Money { return domain.MustMoney(h.String()) }
